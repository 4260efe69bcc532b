/**
 * One server in a process of its own, as main.ts composes it but without the HTTP gateway, told what to do by the
 * process that forked it. Its options come as JSON in the first argument.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openDiskFileStore } from "../../src/adapters/disk/file-store.ts";
import { openLmdbCatalogStore } from "../../src/adapters/lmdb/catalog-store.ts";
import type { TreeSize } from "../../src/adapters/lmdb/tables.ts";
import { createMeshNetwork } from "../../src/adapters/mesh/network.ts";
import { policyEvaluator } from "../../src/adapters/policy/evaluator.ts";
import { BANDWIDTH_DEFAULT } from "../../src/adapters/system/bandwidth.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { createLoadMeter } from "../../src/adapters/system/load-meter.ts";
import { createLog } from "../../src/adapters/system/log.ts";
import { systemRandom } from "../../src/adapters/system/random.ts";
import { originName, readOrigins } from "../../src/core/catalog/origins.ts";
import { swarmKey } from "../../src/core/security/swarm-key.ts";
import { composeServer } from "../../src/main.ts";
import { TurnMeter, type TurnMs } from "../turns.ts";
import { type Counters, countingNetwork, countingStore, newCounters } from "./counting.ts";

export interface ProcessOptions {
  readonly name: string;
  readonly data: string;
  readonly state: string;
  readonly password: string;
  readonly swarmPort: number;
  readonly join: readonly string[];
  readonly quotaBytes: number;
}

export interface Figures {
  readonly counters: Counters;
  readonly cpuMs: number;
  readonly rssAnonBytes: number;
  /** What of it V8 keeps for objects. */
  readonly heapBytes: number;
  /** How late a timer of one millisecond came. */
  readonly delayMs: { readonly p99: number; readonly p999: number; readonly max: number };
  readonly turnMs: TurnMs;
  readonly catalogBytes: number;
  readonly trees: readonly TreeSize[];
}

export type Operation =
  | { readonly kind: "numbers" }
  | { readonly kind: "health" }
  | { readonly kind: "reset" }
  | { readonly kind: "figures" }
  | { readonly kind: "put"; readonly path: string; readonly text: string }
  | { readonly kind: "locate"; readonly paths: readonly string[]; readonly each: boolean }
  | { readonly kind: "list"; readonly path: string; readonly pages: number }
  | { readonly kind: "setPolicy"; readonly text: string }
  | { readonly kind: "policy" }
  | { readonly kind: "emptyTrash"; readonly after?: string }
  | { readonly kind: "stop" };

const TIMER_MS = 1;

const options = JSON.parse(process.argv[2]!) as ProcessOptions;
let counters = newCounters();
let cpu = process.cpuUsage();
const delay = monitorEventLoopDelay({ resolution: TIMER_MS });
const turns = new TurnMeter();

const log = createLog({ level: "warn", file: join(options.state, "..", `${options.name}.log`), pretty: false });
const { password, swarmPort } = options;
const network = createMeshNetwork({ password, port: swarmPort, listenHost: "127.0.0.1" });
const catalog = openLmdbCatalogStore(options.state);
const load = createLoadMeter(BANDWIDTH_DEFAULT);
const server = composeServer(
  {
    clock: systemClock,
    random: systemRandom,
    files: await openDiskFileStore(options.data),
    catalog: countingStore(catalog, () => counters),
    network: countingNetwork(network, () => counters),
    discovery: { start: async () => undefined, close: async () => undefined },
    load,
    policies: policyEvaluator,
    log,
  },
  {
    ...options,
    swarmKey: await swarmKey(password),
    httpPort: 9,
    zone: undefined,
    url: undefined,
    reserve: 0.02,
    copies: undefined,
    writeCopies: undefined,
    graceMs: 24 * 3600_000,
    pulls: 4,
    pullRate: undefined,
    serveRate: undefined,
    deletionsKeptMs: 24 * 3_600_000,
    scrubMs: undefined,
    trashKeptMs: 7 * 24 * 3_600_000,
    strict: false,
    redirect: "auto",
    publicRead: true,
    asNew: false,
    softwareVersion: "bench",
  },
);

async function perform(operation: Operation): Promise<unknown> {
  switch (operation.kind) {
    case "numbers":
      return Object.fromEntries(
        [...readOrigins(catalog.read()).values()].map((row) => [originName(row), row.contiguous]),
      );
    case "health":
      return server.face.health().status;
    case "reset":
      counters = newCounters();
      cpu = process.cpuUsage();
      delay.reset();
      turns.reset();
      return undefined;
    case "figures":
      return figures();
    case "put":
      return await server.face.put(operation.path, bytes(operation.text));
    case "locate":
      if (!operation.each) return found(await server.face.locate(operation.paths));
      for (const path of operation.paths) found(await server.face.locate([path]));
      return undefined;
    case "list":
      return await list(operation.path, operation.pages);
    case "setPolicy": {
      const source = new TextEncoder().encode(operation.text);
      return await server.face.setPolicy(source);
    }
    case "policy":
      return await server.face.policy();
    case "emptyTrash":
      return await server.face.emptyTrash(operation.after === undefined ? {} : { after: operation.after });
    case "stop":
      load.close();
      await server.stop();
      setImmediate(() => process.exit(0));
      return undefined;
  }
}

function figures(): Figures {
  const used = process.cpuUsage(cpu);
  const delayMs = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - TIMER_MS);
  return {
    counters,
    cpuMs: (used.user + used.system) / 1000,
    rssAnonBytes: rssAnonBytes(process.pid),
    heapBytes: process.memoryUsage().heapTotal,
    delayMs: { p99: delayMs(delay.percentile(99)), p999: delayMs(delay.percentile(99.9)), max: delayMs(delay.max) },
    turnMs: turns.turnMs,
    catalogBytes: catalog.sizeBytes(),
    trees: catalog.treeSizes(),
  };
}

function found(locations: readonly unknown[]): undefined {
  if (locations.some((location) => location === undefined)) throw new Error("a file of the catalog was not found");
}

async function list(path: string, pages: number): Promise<number> {
  let count = 0;
  let after: string | undefined;
  for (let page = 0; page < pages; page++) {
    const { entries, next } = await server.face.list(path, {
      recursive: true,
      limit: 1000,
      ...(after === undefined ? {} : { after }),
    });
    count += entries.length;
    if (next === null) break;
    after = next;
  }
  return count;
}

function rssAnonBytes(pid: number): number {
  return Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

async function* bytes(text: string) {
  yield new TextEncoder().encode(text);
}

process.on("message", ({ id, operation }: { id: number; operation: Operation }) => {
  perform(operation).then(
    (answer) => process.send!({ id, answer }),
    (error: unknown) => process.send!({ id, failure: String(error) }),
  );
});
process.on("disconnect", () => process.exit(1));

await server.start();
delay.enable();
process.send!({ id: 0 });
