/**
 * What evaluating a policy costs with many files: `npm run bench:policy -- [--files 1000000] [--check]`.
 *
 * One server of its own process, on a catalog as bench/catalog.ts builds it: a policy that wants nothing to be changed,
 * and one that wants another N for a tenth of the files. Each figure is printed with what is required of it; with --check
 * the program fails when something is not met.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { PolicyStatus } from "../src/server/face.ts";
import { parseCommandLine } from "../tests/command-line.ts";
import { buildHolder } from "./catalog/build.ts";
import { RemoteServer } from "./catalog/remote.ts";
import { freePorts } from "./ports.ts";

const QUOTA_BYTES = 1e15;
const PATIENCE_S = 1800;
const SECONDS_MAX = 30;
const TURN_MS_MAX = 10;

const { values } = parseCommandLine(import.meta.url, {
  options: { files: { type: "string", default: "1000000" }, check: { type: "boolean", default: false } },
});
const files = Number(values.files);
const root = await mkdtemp(join(tmpdir(), "fsdfs-bench-"));
let server: RemoteServer | undefined;
let missed = 0;

try {
  const [data, state] = [join(root, "data"), join(root, "state")];
  await buildHolder(data, state, files, () => undefined);
  const place = {
    name: "holder",
    data,
    state,
    password: "bench-policy-8c1d9a",
    swarmPort: await freePorts(1),
    join: [],
  };
  server = await RemoteServer.start({ ...place, quotaBytes: QUOTA_BYTES });
  while ((await server.perform({ kind: "health" })) !== "ok") await delay(20);
  await measure("nothing is to be changed", "export default ({ size }) => (size >= 0 ? 3 : 1);", true);
  const tenth =
    "export default ({ path }) => { let n = 0; for (const c of path) n += c.charCodeAt(0); return n % 10 ? 3 : 4; };";
  await measure("some files get another N", tenth, false);
} finally {
  server?.kill();
  await rm(root, { recursive: true, force: true });
}
if (values.check && missed > 0) process.exitCode = 1;

async function measure(name: string, text: string, isTimed: boolean): Promise<void> {
  await server!.perform({ kind: "setPolicy", text });
  await server!.perform({ kind: "reset" });
  const start = performance.now();
  let own: PolicyStatus["servers"][number] | undefined;
  do {
    await delay(100);
    [own] = ((await server!.perform({ kind: "policy" })) as PolicyStatus).servers;
    if (performance.now() - start > PATIENCE_S * 1000) throw new Error(`it took longer than ${PATIENCE_S} s`);
  } while (own?.state !== "current" || own.failed > 0);
  const seconds = (performance.now() - start) / 1000;
  const { turnMs, delayMs, cpuMs, rssAnonBytes } = await server!.figures();
  console.log(`${name}: ${files} files, N of ${own.changed} changed (load average ${loadavg()[0]!.toFixed(1)})`);
  const target = `under ${SECONDS_MAX} s`;
  verdict("evaluated in", `${seconds.toFixed(1)} s`, isTimed ? target : "", !isTimed || seconds < SECONDS_MAX);
  const turns = `p99.9 ${turnMs.p999.toFixed(1)} ms, max ${turnMs.max.toFixed(1)} ms`;
  verdict("event loop, CPU time of a turn", turns, `under ${TURN_MS_MAX} ms`, turnMs.max < TURN_MS_MAX);
  console.log(`  a timer came late by ${delayMs.p999.toFixed(1)} ms at p99.9, ${delayMs.max.toFixed(1)} ms at most`);
  console.log(`  ${(cpuMs / 1000).toFixed(1)} s of CPU, RssAnon ${(rssAnonBytes / 1e6).toFixed(0)} MB`);
}

function verdict(name: string, value: string, target: string, met: boolean): void {
  if (!met) missed += 1;
  console.log(`  ${name} ${value}${target === "" ? "" : `  ${met ? "met" : "NOT met"}  target: ${target}`}`);
}
