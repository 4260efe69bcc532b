import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLeaseRegister, type OwnLeaseRegister } from "./lease-register.ts";
import { ServingPool } from "./serving-pool.ts";

/** For a machine that is busy with something else. */
const PATIENCE = { timeout: 60_000 };
/** Keeps what it is told, and says that it serves. */
const PROGRAM = `
import { appendFileSync } from "node:fs";
process.on("disconnect", () => process.exit(0));
process.on("message", (told) => {
  appendFileSync(TOLD, JSON.stringify(told.kind === "init" ? told.init : (told.view ?? told.kind)) + "\\n");
  if (told.kind === "init") process.send({ kind: "ready" });
  if (told.kind === "close") process.exit(0);
});
`;

let directory: string;
let register: OwnLeaseRegister;
let pool: ServingPool | undefined;
let warned: string[];
let told: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "fsdfs-pool-"));
  told = join(directory, "told");
  await writeFile(told, "");
  await writeFile(join(directory, "entry.mjs"), PROGRAM.replace("TOLD", JSON.stringify(told)));
  register = createLeaseRegister();
  warned = [];
});
afterEach(async () => {
  await pool?.close();
  pool = undefined;
  register.close();
  await rm(directory, { recursive: true });
});

function start(execPath = process.execPath): ServingPool {
  const ignore = () => undefined;
  pool = new ServingPool({
    ...{ count: 1, entry: join(directory, "entry.mjs"), execPath, port: 0, host: "127.0.0.1" },
    registerDescriptor: register.descriptor,
    log: {
      ...{ debug: ignore, info: ignore, error: ignore },
      warn: (message, fields) => void warned.push(`${message}: ${fields?.how}`),
    },
    ...{ onSent: ignore, onReads: ignore, onEnded: ignore },
  });
  return pool;
}

describe("serving processes", () => {
  it("are told what they begin with before any view, and a view that is older than that", async () => {
    const begun = start();
    begun.publish("the first view");
    await begun.serve("the beginning");
    begun.publish("the second view");
    await expect
      .poll(() => readFile(told, "utf8"), PATIENCE)
      .toBe('"the beginning"\n"the first view"\n"the second view"\n');
  });

  it.each([
    ["the system tells so later", "ENOENT"],
    ["the system tells so at once", "ENOTDIR"],
  ])("that cannot be started are started again: %s", async (_how, code) => {
    const bin = join(directory, "bin");
    if (code === "ENOTDIR") await writeFile(bin, "a file on the way to the program");
    const serving = start(join(bin, "node")).serve("the beginning");
    await expect.poll(() => warned.length, PATIENCE).toBeGreaterThan(1);
    expect(warned[1]).toContain(code);
    await rm(bin, { force: true });
    await mkdir(bin);
    await symlink(process.execPath, join(bin, "node"));
    await serving;
    expect(await readFile(told, "utf8")).toBe('"the beginning"\n');
  });

  it("that cannot be started do not hold up the end", async () => {
    const begun = start(join(directory, "none"));
    begun.serve("the beginning").catch(() => undefined);
    await begun.close();
  });
});
