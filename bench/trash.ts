/**
 * What emptying a large trash costs: `npm run bench:trash -- [--files 100000] [--check]`.
 *
 * One server of its own process, whose trash has so many files of 4 KB that were deleted. The figures are printed with what
 * is required of them; with --check the program fails when something is not met.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { EmptiedTrash } from "../src/server/face.ts";
import { parseCommandLine } from "../tests/command-line.ts";
import { buildHolder, fillTrash } from "./catalog/build.ts";
import { RemoteServer } from "./catalog/remote.ts";
import { freePorts } from "./ports.ts";

const QUOTA_BYTES = 1e15;
const FILE_BYTES = 4096;
const TURN_MS_MAX = 10;
const DIRECTORY = ".fsdfs/trash";

const { values } = parseCommandLine(import.meta.url, {
  options: { files: { type: "string", default: "100000" }, check: { type: "boolean", default: false } },
});
const files = Number(values.files);
const root = await mkdtemp(join(tmpdir(), "fsdfs-bench-"));
let server: RemoteServer | undefined;

try {
  const [data, state] = [join(root, "data"), join(root, "state")];
  const { server: self } = await buildHolder(data, state, 0, () => undefined);
  mkdirSync(join(data, DIRECTORY), { recursive: true });
  const content = Buffer.alloc(FILE_BYTES, 1);
  for (const location of await fillTrash(state, self, files, FILE_BYTES)) writeFileSync(join(data, location), content);
  const password = "bench-trash-5d20f7";
  const place = { name: "holder", data, state, password, swarmPort: await freePorts(1), join: [] };
  server = await RemoteServer.start({ ...place, quotaBytes: QUOTA_BYTES });
  while ((await server.perform({ kind: "health" })) !== "ok") await delay(20);
  const isMet = await measure(server);
  if (values.check && !isMet) process.exitCode = 1;
} finally {
  server?.kill();
  await rm(root, { recursive: true, force: true });
}

async function measure(server: RemoteServer): Promise<boolean> {
  await server.perform({ kind: "reset" });
  const start = performance.now();
  let copies = 0;
  let steps = 0;
  for (let after: string | null | undefined; after !== null; steps++) {
    const operation = { kind: "emptyTrash", ...(after === undefined ? {} : { after }) } as const;
    const step = (await server.perform(operation)) as EmptiedTrash;
    copies += step.thrownAway.copies;
    after = step.next;
  }
  const seconds = (performance.now() - start) / 1000;
  if (copies !== files) throw new Error(`${copies} of ${files} files were thrown away`);
  const { turnMs, delayMs, cpuMs, rssAnonBytes } = await server.figures();
  const isMet = turnMs.max < TURN_MS_MAX;
  console.log(
    `${files} files thrown away in ${seconds.toFixed(1)} s and ${steps} steps (load average ${loadavg()[0]!.toFixed(1)})`,
  );
  const turns = `p99.9 ${turnMs.p999.toFixed(1)} ms, max ${turnMs.max.toFixed(1)} ms`;
  console.log(
    `  event loop, CPU time of a turn ${turns}  ${isMet ? "met" : "NOT met"}  target: under ${TURN_MS_MAX} ms`,
  );
  console.log(`  a timer came late by ${delayMs.p999.toFixed(1)} ms at p99.9, ${delayMs.max.toFixed(1)} ms at most`);
  console.log(`  ${(cpuMs / 1000).toFixed(1)} s of CPU, RssAnon ${(rssAnonBytes / 1e6).toFixed(0)} MB`);
  return isMet;
}
