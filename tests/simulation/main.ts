/**
 * npm run simulate -- --seeds N --from S [--workers 2]   runs N seeds and prints those that fail
 * npm run simulate -- --seed S [--verbose]               runs one seed, with a readable trace
 */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { composeServer } from "../../src/main.ts";
import { type RunResult, runSeed } from "./scenario.ts";

/** Seeds handed to a worker at a time. */
const BATCH = 10;
/** A seed whose failures fill more lines is told in short. */
const FAILURES_TOLD_MAX = 5;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    workers: { type: "string", default: String(availableParallelism()) },
    verbose: { type: "boolean", default: false },
    worker: { type: "boolean", default: false },
  },
});

if (values.worker) work();
else if (values.seed !== undefined) await one(Number(values.seed), values.verbose);
else await many(Number(values.from), Number(values.seeds), Number(values.workers));

async function one(seed: number, verbose: boolean): Promise<void> {
  const result = await runSeed(seed, { compose: composeServer, ...(verbose && { tell: (line) => console.log(line) }) });
  console.log(JSON.stringify({ ...result, failures: result.failures.length }));
  tellFailures(result);
  process.exitCode = result.failures.length > 0 ? 1 : 0;
}

async function many(from: number, count: number, workers: number): Promise<void> {
  const startMs = performance.now();
  const results: RunResult[] = [];
  let next = from;
  const batch = (): number[] => {
    const seeds = Array.from({ length: Math.min(BATCH, from + count - next) }, (_, i) => next + i);
    next += seeds.length;
    return seeds;
  };
  const arrived = (result: RunResult) => {
    results.push(result);
    tellFailures(result);
  };
  await Promise.all(Array.from({ length: workers }, () => runWorker(batch, arrived)));
  tellSummary(results, (performance.now() - startMs) / 1000);
  process.exitCode = results.length === count && results.every(({ failures }) => failures.length === 0) ? 0 : 1;
}

/** Hands batches to one child process until there are no more. */
function runWorker(batch: () => number[], arrived: (result: RunResult) => void): Promise<void> {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(import.meta.url), ["--worker"]);
    const feed = () => {
      const seeds = batch();
      if (seeds.length === 0) child.disconnect();
      else child.send(seeds);
    };
    child.on("message", (message: RunResult | "more") => {
      if (message === "more") feed();
      else arrived(message);
    });
    child.once("exit", () => resolve());
    feed();
  });
}

function work(): void {
  process.on("message", (seeds: number[]) => {
    void (async () => {
      for (const seed of seeds) process.send?.(await runSeed(seed, { compose: composeServer }));
      process.send?.("more");
    })();
  });
}

function tellFailures({ seed, failures, faults }: RunResult): void {
  if (failures.length === 0) return;
  console.log(`seed ${seed} failed (${faults.join(" ")}): npm run simulate -- --seed ${seed} --verbose`);
  for (const { rule, message } of failures.slice(0, FAILURES_TOLD_MAX)) console.log(`  ${rule}: ${message}`);
  if (failures.length > FAILURES_TOLD_MAX) console.log(`  and ${failures.length - FAILURES_TOLD_MAX} more`);
}

function tellSummary(results: readonly RunResult[], seconds: number): void {
  const sum = (value: (result: RunResult) => number) => results.reduce((total, result) => total + value(result), 0);
  const failed = results.filter(({ failures }) => failures.length > 0);
  const events = sum((result) => result.events);
  console.log(
    `${results.length} seeds, ${failed.length} failed, ${sum((result) => result.operations)} operations, ` +
      `${sum((result) => result.acknowledged)} acknowledged, ${(sum((result) => result.simulatedMs) / 3_600_000).toFixed(2)} simulated hours, ` +
      `${events} events in ${seconds.toFixed(1)} s (${Math.round(events / seconds)}/s)`,
  );
  if (failed.length > 0) console.log(`failed seeds: ${failed.map(({ seed }) => seed).join(" ")}`);
}
