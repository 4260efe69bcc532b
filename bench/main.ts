/**
 * The figures: `npm run bench -- [--files 1000000] [--runs 5] [--only TEXT] [--check]`, and one large file by itself:
 * `npm run bench -- large [--size 10G]`; and re-hashing copies: `npm run bench -- scrub [--size 2G] [--runs 5]`.
 *
 * Servers are started as a user starts them, keys on, with a catalog of so many files. What is measured stands beside
 * something else in the same run (nginx, dd, cp), since absolute times say little on a shared machine: look at the ratios.
 */

import { loadavg } from "node:os";
import { parseSizeBytes } from "../src/options.ts";
import { parseCommandLine } from "../tests/command-line.ts";
import { measureCopying } from "./copy.ts";
import { measureLarge } from "./large.ts";
import { measureRest } from "./rest.ts";
import { measureScrub } from "./scrub.ts";
import { summary } from "./series.ts";
import { BenchSwarm } from "./swarm.ts";
import { measureVariables } from "./variables.ts";
import { measureWrites } from "./write.ts";

const { values, positionals } = parseCommandLine(import.meta.url, {
  allowPositionals: true,
  options: {
    files: { type: "string", default: "1000000" },
    runs: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    size: { type: "string" },
    check: { type: "boolean", default: false },
  },
});
const files = Number(values.files);
const runs = Number(values.runs);
const isWanted = (name: string) => name.includes(values.only);

const isMet = await measure();
if (values.check && !isMet) process.exitCode = 1;

async function measure(): Promise<boolean> {
  if (positionals.includes("large")) return await large();
  return await (positionals.includes("scrub") ? scrub() : small());
}

async function scrub(): Promise<boolean> {
  await measureScrub(parseSizeBytes(values.size ?? "2G"), runs);
  return summary(`${runs} runs, load ${load()}: median (least to most)`);
}

async function large(): Promise<boolean> {
  await measureLarge(parseSizeBytes(values.size ?? "10G"));
  return summary(`one file, one run, load ${load()}`);
}

async function small(): Promise<boolean> {
  if (["write", "rest", "variables"].some(isWanted)) await withFullSwarm();
  if (isWanted("copy")) await measureCopying(Math.min(runs, 3));
  return summary(`${files.toLocaleString("en")} files, ${runs} runs, load ${load()}: median (least to most)`);
}

function load(): string {
  return loadavg()[0]!.toFixed(1);
}

async function withFullSwarm(): Promise<void> {
  const swarm = await BenchSwarm.create();
  try {
    console.log(`making a catalog of ${files.toLocaleString("en")} files, and two servers more that take it in ...`);
    await swarm.fill(files);
    for (let i = 0; i < 3; i++) await swarm.start();
    await swarm.rest();
    if (isWanted("rest")) await measureRest(swarm, Math.min(runs, 3));
    if (isWanted("variables")) await measureVariables(swarm, files, Math.min(runs, 3));
    if (isWanted("write")) await measureWrites(swarm, runs);
  } finally {
    await swarm.close();
  }
}
