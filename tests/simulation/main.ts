/**
 * npm run simulate -- --seeds N --from S [--workers 2]   runs N seeds and prints those that fail
 * npm run simulate -- --list 7,11,42                     runs these seeds
 *   --long                                               all of them long (run-size.ts), not one in ten
 * npm run simulate -- --seed S [--verbose]               runs one seed, with a readable trace; --calls tells every port call
 * npm run simulate -- --collecting --seeds N --from S       the story of forgotten deletions (C7); --seed S [--verbose] as well
 * npm run simulate -- --crashes [--stride N]             the crash enumeration, every Nth case of it
 * npm run simulate -- --case JSON [--verbose]            one case of it
 */

import { enableCompileCache } from "node:module";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseCommandLine } from "../command-line.ts";
import type { CollectingSeed } from "./collecting.ts";
import type { Case, CaseResult } from "./enumerate.ts";
import { COMPILE_CACHE } from "./node-options.ts";
import { runInPool, workInPool } from "./pool.ts";
import type { RunResult } from "./scenario.ts";
import type { Failure } from "./world.ts";

/** More failures of one run are only counted. */
const FAILURES_TOLD_MAX = 4;
const MESSAGE_LENGTH_MAX = 1_500;

const { values } = parseCommandLine(import.meta.url, {
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    list: { type: "string" },
    crashes: { type: "boolean", default: false },
    collecting: { type: "boolean", default: false },
    long: { type: "boolean", default: false },
    stride: { type: "string", default: "1" },
    case: { type: "string" },
    workers: { type: "string", default: String(availableParallelism()) },
    verbose: { type: "boolean", default: false },
    calls: { type: "boolean", default: false },
    worker: { type: "boolean", default: false },
  },
});

const program = fileURLToPath(import.meta.url);
const workers = Number(values.workers);
const tell = values.verbose ? (line: string) => console.log(line) : undefined;

if (values.worker) await work();
else if (values.seed !== undefined) await oneSeed(Number(values.seed));
else if (values.case !== undefined) await oneCase(JSON.parse(values.case) as Case);
else if (values.crashes) await allCrashes(Number(values.stride));
else if (values.collecting) await manySeeds(seedsFrom(), "collecting");
else if (values.list !== undefined) await manySeeds(values.list.split(",").map(Number));
else await manySeeds(seedsFrom());

function seedsFrom(): number[] {
  return Array.from({ length: Number(values.seeds) }, (_, i) => Number(values.from) + i);
}

/** All that a server is made of: who only hands pieces to others does without. */
async function stories() {
  enableCompileCache(COMPILE_CACHE);
  const [{ composeServer: compose }, collecting, enumerate, scenario] = await Promise.all([
    import("../../src/main.ts"),
    import("./collecting.ts"),
    import("./enumerate.ts"),
    import("./scenario.ts"),
  ]);
  return { compose, ...collecting, ...enumerate, ...scenario };
}

async function work(): Promise<void> {
  const { compose, runCase, runCollecting, runSeed } = await stories();
  workInPool((piece: number | Case | CollectingSeed): Promise<RunResult | CaseResult> => {
    if (typeof piece === "number") return runSeed(piece, { compose, long: values.long });
    return "collecting" in piece ? runCollecting(piece.collecting, { compose }) : runCase(compose, piece);
  });
}

async function oneSeed(seed: number): Promise<void> {
  const { compose, runCollecting, runSeed } = await stories();
  const options = { compose, ...(tell && { tell }), tellCalls: values.calls, long: values.long };
  const result = values.collecting ? await runCollecting(seed, options) : await runSeed(seed, options);
  console.log(JSON.stringify({ ...result, failures: result.failures.length }));
  tellFailures(`seed ${seed}`, result.failures);
  process.exitCode = result.failures.length > 0 ? 1 : 0;
}

async function oneCase(chosen: Case): Promise<void> {
  const { compose, runCase } = await stories();
  const { failures, outcome } = await runCase(compose, chosen, tell, values.calls ? tell : undefined);
  console.log(`${JSON.stringify(chosen)}: ${outcome}`);
  tellFailures("the case", failures);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

async function manySeeds(seeds: readonly number[], story?: "collecting"): Promise<void> {
  const startMs = performance.now();
  const results: RunResult[] = [];
  const arrived = (result: RunResult) => {
    results.push(result);
    const { seed, faults } = result;
    const which = story === undefined ? (values.long ? "--long " : "") : `--${story} `;
    tellFailures(
      `seed ${seed} (${faults.join(" ")}): npm run simulate -- ${which}--seed ${seed} --verbose`,
      result.failures,
    );
  };
  const pieces = seeds.map((seed): number | CollectingSeed => (story === undefined ? seed : { collecting: seed }));
  await runInPool({ program, args: values.long ? ["--long"] : [], workers, pieces, arrived });
  tellSummary(results, (performance.now() - startMs) / 1000);
  finish(seeds.length, results);
}

async function allCrashes(stride: number): Promise<void> {
  const startMs = performance.now();
  const { allCases, compose, EXERCISES } = await stories();
  const cases = await allCases(compose);
  const pieces = cases.filter((_, i) => i % stride === 0);
  const results: CaseResult[] = [];
  const arrived = (result: CaseResult) => {
    results.push(result);
    tellFailures(`npm run simulate -- --case '${JSON.stringify(result.case)}' --verbose`, result.failures);
  };
  await runInPool({ program, workers, pieces, arrived });
  for (const exercise of EXERCISES) {
    const ran = results.filter((result) => result.case.exercise === exercise);
    console.log(
      `${exercise}: ${ran.length} crashes and power cuts, ${ran.filter(({ failures }) => failures.length > 0).length} failed`,
    );
  }
  console.log(`${results.length} of ${cases.length} cases in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  finish(pieces.length, results);
}

/** A result that did not come is a worker that died. */
function finish(count: number, results: readonly { readonly failures: readonly Failure[] }[]): void {
  const lost = count - results.length;
  if (lost > 0) console.log(`${lost} runs gave no result`);
  process.exitCode = lost === 0 && results.every(({ failures }) => failures.length === 0) ? 0 : 1;
}

function tellFailures(title: string, failures: readonly Failure[]): void {
  if (failures.length === 0) return;
  console.log(`FAILED ${title}`);
  for (const { rule, message } of failures.slice(0, FAILURES_TOLD_MAX)) {
    console.log(`  ${rule}: ${message.slice(0, MESSAGE_LENGTH_MAX)}`);
  }
  if (failures.length > FAILURES_TOLD_MAX) console.log(`  and ${failures.length - FAILURES_TOLD_MAX} more`);
}

function tellSummary(results: readonly RunResult[], seconds: number): void {
  const sum = (value: (result: RunResult) => number) => results.reduce((total, result) => total + value(result), 0);
  const failed = results.filter(({ failures }) => failures.length > 0).map(({ seed }) => seed);
  const events = sum((result) => result.events);
  console.log(
    `${results.length} seeds, ${failed.length} failed, ${sum((result) => result.operations)} operations, ` +
      `${sum((result) => result.acknowledged)} acknowledged, ` +
      `${(sum((result) => result.simulatedMs) / 3_600_000).toFixed(2)} simulated hours, ` +
      `${events} events in ${seconds.toFixed(1)} s (${Math.round(events / seconds)}/s)`,
  );
  if (failed.length > 0) console.log(`failed seeds: ${failed.sort((a, b) => a - b).join(" ")}`);
}
