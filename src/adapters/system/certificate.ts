/**
 * A certificate and its key in two files, read anew when they change. Looked at by name and not watched: who renews
 * certificates replaces files, links to them, or the directories that they are in.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { FsdfsError } from "../../errors.ts";
import type { Certificate, CertificatePair } from "../../ports/certificate.ts";
import type { Log } from "../../ports/log.ts";

/** Two looks at a name cost some microseconds. */
const LOOK_EVERY_MS = 1_000;

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface WatchedCertificate extends Certificate {
  close(): void;
}

/** @throws FsdfsError `option-invalid`, naming what is wrong with which file; later the log does */
export function openCertificate(files: CertificateFiles, log: Log, lookEveryMs = LOOK_EVERY_MS): WatchedCertificate {
  let looked = lookAt(files);
  let pair = readPair(files);
  warnOfEnd(pair, log);
  const listeners: ((pair: CertificatePair) => void)[] = [];
  const timer = setInterval(() => {
    const now = lookAt(files);
    if (now === looked) return;
    looked = now;
    try {
      pair = readPair(files);
    } catch (error) {
      // The second of the two files may be on its way: it is looked at again when it has come.
      const reason = error instanceof Error ? error.message : String(error);
      log.warn("the certificate's files have changed and cannot be used; the old one stays", { reason });
      return;
    }
    warnOfEnd(pair, log);
    log.info("the certificate was read anew", { validTo: new X509Certificate(pair.cert).validTo });
    for (const listener of listeners) listener(pair);
  }, lookEveryMs);
  timer.unref();
  return {
    get pair() {
      return pair;
    },
    onChange: (listener) => void listeners.push(listener),
    close: () => clearInterval(timer),
  };
}

/** Different when a file is another one, was written, or can or cannot be looked at any more. */
function lookAt({ cert, key }: CertificateFiles): string {
  return `${markOf(cert)} ${markOf(key)}`;
}

function markOf(file: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
    return `${ino}.${size}.${mtimeNs}.${ctimeNs}`;
  } catch (error) {
    return codeOf(error);
  }
}

/** @throws FsdfsError `option-invalid` */
function readPair(files: CertificateFiles): CertificatePair {
  const cert = readText("--tls-cert", files.cert);
  const key = readText("--tls-key", files.key);
  const certificate = parse("--tls-cert", "it holds no certificate in PEM", () => new X509Certificate(cert));
  const hint = "it holds no private key in PEM, or one with a passphrase, which nobody could type";
  const privateKey = parse("--tls-key", hint, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw invalid("--tls-key", "it is not the key of the certificate in --tls-cert");
  }
  // What OpenSSL would not show its clients: a weak key, or a chain that is cut off in the middle.
  const unfit = "it cannot be used for TLS";
  parse("--tls-cert", unfit, () => createSecureContext({ cert, key }));
  return { cert, key };
}

function warnOfEnd({ cert }: CertificatePair, log: Log): void {
  const { validFromDate, validToDate, validTo } = new X509Certificate(cert);
  const now = Date.now();
  if (validToDate.getTime() < now) log.warn("the certificate has expired: clients will refuse it", { validTo });
  if (validFromDate.getTime() > now) log.warn("the certificate is not valid yet: clients will refuse it", { validTo });
}

function readText(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw invalid(option, `the file cannot be read (${codeOf(error)})`, error);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

function parse<T>(option: string, reason: string, task: () => T): T {
  try {
    return task();
  } catch (error) {
    throw invalid(option, reason, error);
  }
}

function invalid(option: string, reason: string, cause?: unknown): FsdfsError {
  return new FsdfsError("option-invalid", { option, reason }, { cause });
}

/** A pair that another process reads, and hands to this one. */
export class HandedCertificate implements Certificate {
  #pair: CertificatePair;
  readonly #listeners: ((pair: CertificatePair) => void)[] = [];

  constructor(pair: CertificatePair) {
    this.#pair = pair;
  }

  get pair(): CertificatePair {
    return this.#pair;
  }

  onChange(listener: (pair: CertificatePair) => void): void {
    this.#listeners.push(listener);
  }

  renew(pair: CertificatePair): void {
    this.#pair = pair;
    for (const listener of this.#listeners) listener(pair);
  }
}
