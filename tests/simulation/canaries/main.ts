/** npm run canaries [-- --seeds N --from S --only TEXT]: plants every bug in turn; each must be caught. */

import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseCommandLine } from "../../command-line.ts";
import { SIMULATING } from "../node-options.ts";
import type { Canary } from "./canary.ts";
import { CANARIES } from "./planted.ts";

const { values } = parseCommandLine(import.meta.url, {
  options: {
    seeds: { type: "string", default: "60" },
    from: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    workers: { type: "string", default: String(availableParallelism()) },
  },
});

/** A bug that makes a server spin is not caught by an oracle, and must not stop the rest. */
const TIMEOUT_MS = 10 * 60_000;
const PROGRAM = fileURLToPath(new URL("run.ts", import.meta.url));
const queue = CANARIES.filter(({ name, rules }) => `${name} ${rules}`.includes(values.only));
const count = queue.length;
const startMs = performance.now();
let missed = 0;

await Promise.all(Array.from({ length: Number(values.workers) }, work));
const minutes = ((performance.now() - startMs) / 60_000).toFixed(1);
console.log(`${count - missed} of ${count} canaries caught in ${minutes} minutes`);
process.exitCode = missed === 0 ? 0 : 1;

async function work(): Promise<void> {
  for (let canary = queue.shift(); canary !== undefined; canary = queue.shift()) {
    const { caught, output } = await run(canary);
    if (!caught) missed += 1;
    console.log(`${canary.rules.padEnd(9)} ${canary.name}: ${output}`);
  }
}

function run({ name }: Canary): Promise<{ caught: boolean; output: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...SIMULATING.flags, PROGRAM, name, values.from, values.seeds],
      { timeout: TIMEOUT_MS, env: { ...process.env, ...SIMULATING.env } },
      (error, stdout, stderr) => {
        const said = stdout.trim().split("\n").at(-1);
        resolve({ caught: error === null, output: said || (/^Error: .*$/m.exec(stderr)?.[0] ?? "it failed") });
      },
    );
  });
}
