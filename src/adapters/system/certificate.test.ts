import { copyFile, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeCertificate } from "../../../tests/acceptance/certificates.ts";
import type { Log } from "../../ports/log.ts";
import { type CertificateFiles, openCertificate, type WatchedCertificate } from "./certificate.ts";

/** For a machine that is busy with something else. */
const PATIENCE = { timeout: 30_000 };

let directory: string;
let files: CertificateFiles;
let other: CertificateFiles;
let opened: WatchedCertificate | undefined;
let warned: string[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "fsdfs-certificate-"));
  files = await makeCertificate(directory, "used");
  other = await makeCertificate(directory, "other");
  warned = [];
});
afterEach(async () => {
  opened?.close();
  opened = undefined;
  await rm(directory, { recursive: true });
});

const ignore = () => undefined;
const log: Log = {
  ...{ debug: ignore, info: ignore, error: ignore },
  warn: (message, fields) => void warned.push(`${message}: ${fields?.reason}`),
};

function open(): WatchedCertificate {
  opened = openCertificate(files, log, 5);
  return opened;
}

/** Its first certificate is sound, and one that ought to follow is cut off. */
async function cutChain(): Promise<void> {
  const cert = await readFile(files.cert, "utf8");
  await writeFile(files.cert, `${cert}${cert.slice(0, 200)}\n-----END CERTIFICATE-----\n`);
}

describe("a certificate in files", () => {
  it("is refused at the start when TLS would not take it", async () => {
    await cutChain();
    expect(() => open()).toThrow(/--tls-cert.*cannot be used for TLS/);
  });

  it("stays the old one when TLS would not take the new one, and is read anew once it would", async () => {
    const certificate = open();
    const { pair } = certificate;
    await cutChain();
    await expect.poll(() => warned.join(), PATIENCE).toContain("cannot be used for TLS");
    expect(certificate.pair).toBe(pair);
    await copyFile(other.key, files.key);
    await copyFile(other.cert, files.cert);
    const key = await readFile(other.key, "utf8");
    await expect.poll(() => certificate.pair.key, PATIENCE).toBe(key);
  });

  it("stays as it is while a file cannot even be looked at", async () => {
    const certificate = open();
    const { pair } = certificate;
    const told: unknown[] = [];
    certificate.onChange((changed) => told.push(changed));
    // A link to itself: what `stat` throws on, for root as well.
    await rm(files.cert);
    await symlink(files.cert, files.cert);
    await expect.poll(() => warned.join(), PATIENCE).toContain("cannot be read (ELOOP)");
    expect(certificate.pair).toBe(pair);
    await copyFile(other.key, files.key);
    await rename(other.cert, files.cert);
    await expect.poll(() => told.length, PATIENCE).toBe(1);
    expect(told).toEqual([certificate.pair]);
    expect(certificate.pair.key).toBe(await readFile(other.key, "utf8"));
  });
});
