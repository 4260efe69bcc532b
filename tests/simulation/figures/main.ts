/**
 * npm run figures                        all of them; fails when one misses its target
 * npm run figures -- filling             one: filling, small, new-file, lost
 *   --runs N --from S                    so many runs, beginning with seed S (usual: 12, 1,000, 1 and 1)
 *   --workers N
 */

import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseCommandLine } from "../../command-line.ts";
import { runInPool, workInPool } from "../pool.ts";
import { FIGURES, type FigureName, isFigureName, type Line, measure } from "./figures.ts";

interface Piece {
  readonly figure: FigureName;
  readonly seed: number;
}

interface Measured extends Piece {
  readonly result: unknown;
  readonly problem: string | undefined;
}

const { values, positionals } = parseCommandLine(import.meta.url, {
  allowPositionals: true,
  options: {
    runs: { type: "string" },
    from: { type: "string", default: "1" },
    workers: { type: "string", default: String(availableParallelism()) },
    worker: { type: "boolean", default: false },
  },
});

if (values.worker) workInPool(run);
else for (const name of positionals.length === 0 ? Object.keys(FIGURES) : positionals) await tell(name);

async function run({ figure, seed }: Piece): Promise<Measured> {
  try {
    return { figure, seed, result: await measure(figure, seed), problem: undefined };
  } catch (error) {
    return { figure, seed, result: undefined, problem: error instanceof Error ? error.message : String(error) };
  }
}

async function tell(name: string): Promise<void> {
  if (!isFigureName(name)) throw new Error(`no figure is called "${name}": ${Object.keys(FIGURES).join(", ")}`);
  const startMs = performance.now();
  const runs = Number(values.runs ?? FIGURES[name].runs);
  const pieces = Array.from({ length: runs }, (_, i) => ({ figure: name, seed: Number(values.from) + i }));
  const measured: Measured[] = [];
  const arrived = (one: Measured) => {
    measured.push(one);
    if (one.problem !== undefined) console.log(`  seed ${one.seed}: ${one.problem}`);
  };
  console.log(`${name}: ${FIGURES[name].title} (${runs} ${runs === 1 ? "run" : "runs"})`);
  await runInPool<Piece, Measured>({
    program: fileURLToPath(import.meta.url),
    workers: Number(values.workers),
    pieces,
    arrived,
  });
  const lines = FIGURES[name].judge(measured.flatMap(({ seed, result }) => (result ? [{ seed, result }] : [])));
  const failed = runs - measured.filter(({ problem }) => problem === undefined).length;
  for (const line of [...lines, { what: "runs that failed", value: `${failed}`, target: "0", isMet: failed === 0 }]) {
    tellLine(line);
  }
  console.log(`  (${((performance.now() - startMs) / 1_000).toFixed(0)} s)\n`);
}

function tellLine({ what, value, target, isMet }: Line): void {
  if (!isMet) process.exitCode = 1;
  const verdict = target === undefined ? "" : `target ${target}: ${isMet ? "met" : "MISSED"}`;
  console.log(`  ${what.padEnd(64)} ${value.padStart(14)}   ${verdict}`);
}
