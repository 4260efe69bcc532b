import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";

test("who reads what goes wrong may go: the command ends as it would have", async () => {
  const main = join(import.meta.dirname, "main.ts");
  const child = spawn(process.execPath, [main, "pit"], { stdio: ["ignore", "ignore", "pipe"] });
  child.stderr.destroy();
  const [code] = await once(child, "close");
  expect(code).toBe(2);
});
