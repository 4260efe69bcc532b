import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";

const MAIN = join(import.meta.dirname, "main.ts");

test("who reads what goes wrong may go: the command ends as it would have", async () => {
  const child = spawn(process.execPath, [MAIN, "pit"], { stdio: ["ignore", "ignore", "pipe"] });
  child.stderr.destroy();
  const [code] = await once(child, "close");
  expect(code).toBe(2);
});

test("what cannot be written where the output goes is told, as on a full disk", async () => {
  const full = await open("/dev/full", "w");
  const child = spawn(process.execPath, [MAIN, "--version"], { stdio: ["ignore", full.fd, "pipe"] });
  const [told, [code]] = await Promise.all([text(child.stderr!), once(child, "close")]);
  await full.close();
  expect({ told, code }).toEqual({ told: expect.stringMatching(/^fsdfs: .*no space left.*\n$/), code: 1 });
});

test("whose output nobody takes has not done all that it was to do, as the exit code says", async () => {
  const child = spawn(process.execPath, [MAIN, "--version"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  const [told, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
  expect({ told, code }).toEqual({ told: "", code: 141 });
});
