/**
 * The ports of one simulated process: each an in-memory adapter behind the process's interceptor. What an object hands
 * out (open files, connections) is wrapped as well.
 */

import type { MemoryCatalogStore } from "../../src/adapters/memory/catalog-store.ts";
import type { MemoryFileStore } from "../../src/adapters/memory/file-store.ts";
import type { MemoryNetwork } from "../../src/adapters/memory/network.ts";
import { memoryPolicyEvaluator } from "../../src/adapters/memory/policy-evaluator.ts";
import type { CatalogStore } from "../../src/ports/catalog-store.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type {
  DirectoryEntry,
  FileStore,
  ReadableFile,
  SourceDirectory,
  WritableFile,
} from "../../src/ports/file-store.ts";
import type { Connection, Network } from "../../src/ports/network.ts";
import type { PolicyEvaluator } from "../../src/ports/policy-evaluator.ts";
import type { Random } from "../../src/ports/random.ts";
import type { SimulatedProcess } from "./process.ts";

export function simulatedClock(process: SimulatedProcess, monotonic: () => number, wall: () => number): Clock {
  return {
    monotonic() {
      process.check();
      return monotonic();
    },
    wall() {
      process.check();
      return wall();
    },
    after: (ms, callback) => process.after(ms, callback),
  };
}

export function simulatedRandom(process: SimulatedProcess, random: Random): Random {
  return {
    bytes(length) {
      process.check();
      return random.bytes(length);
    },
    fraction() {
      process.check();
      return random.fraction();
    },
  };
}

export function simulatedCatalog(process: SimulatedProcess, store: MemoryCatalogStore): CatalogStore {
  return {
    read() {
      process.check();
      return store.read();
    },
    write: (change) => process.call("catalog", "write", "", () => store.write(change)),
    flushed: () => process.call("catalog", "flushed", "", () => store.flushed()),
    sizeBytes() {
      process.check();
      return store.sizeBytes();
    },
    close: () => process.call("catalog", "close", "", () => store.close()),
  };
}

export function simulatedFiles(process: SimulatedProcess, store: MemoryFileStore): FileStore {
  const call = <T>(method: string, about: string, effect: () => Promise<T>): Promise<T> =>
    process.call("files", method, about, effect);
  return {
    create: async (name) => writable(process, name, await call("create", name, () => store.create(name))),
    append: async (name) => writable(process, name, await call("append", name, () => store.append(name))),
    open: async (name) => readable(process, name, await call("open", name, () => store.open(name))),
    stat: (name) => call("stat", name, () => store.stat(name)),
    list: (name) => call("list", name, () => store.list(name)),
    listInBatches: (name) => listing(process, name, store.listInBatches(name)),
    makeDirectory: (name) => call("makeDirectory", name, () => store.makeDirectory(name)),
    removeDirectory: (name) => call("removeDirectory", name, () => store.removeDirectory(name)),
    syncDirectory: (name) => call("syncDirectory", name, () => store.syncDirectory(name)),
    rename: (from, to) => call("rename", `${from} to ${to}`, () => store.rename(from, to)),
    link: (from, to) => call("link", `${from} to ${to}`, () => store.link(from, to)),
    remove: (name) => call("remove", name, () => store.remove(name)),
    openSource: async (path, marker) =>
      source(process, path, await call("openSource", path, () => store.openSource(path, marker))),
    capacity: () => call("capacity", "", () => store.capacity()),
  };
}

async function* listing(
  process: SimulatedProcess,
  name: string,
  batches: AsyncIterable<DirectoryEntry[]>,
): AsyncGenerator<DirectoryEntry[]> {
  const iterator = batches[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await process.call("files", "listInBatches", name, () => iterator.next());
    if (done) return;
    yield value;
  }
}

function source(process: SimulatedProcess, path: string, directory: SourceDirectory): SourceDirectory {
  const call = <T>(method: string, name: string, effect: () => Promise<T>): Promise<T> =>
    process.call("files", method, `${path}: ${name}`, effect);
  return {
    place: directory.place,
    listInBatches: (name) => listing(process, `${path}: ${name}`, directory.listInBatches(name)),
    stat: (name) => call("stat", name, () => directory.stat(name)),
    open: async (name) => readable(process, name, await call("open", name, () => directory.open(name))),
    linkTo: (name, to) => call("link", `${name} to ${to}`, () => directory.linkTo(name, to)),
    remove: (name) => call("remove", name, () => directory.remove(name)),
    close: () => directory.close(),
  };
}

function writable(process: SimulatedProcess, name: string, file: WritableFile): WritableFile {
  return {
    write: (chunk) => process.call("files", "write", name, () => file.write(chunk)),
    sync: () => process.call("files", "sync", name, () => file.sync()),
    stat: () => process.call("files", "fstat", name, () => file.stat()),
    close: () => process.call("files", "close", name, () => file.close()),
  };
}

function readable(process: SimulatedProcess, name: string, file: ReadableFile): ReadableFile {
  return {
    stat: () => process.call("files", "fstat", name, () => file.stat()),
    read: (buffer, position) => process.call("files", "read", name, () => file.read(buffer, position)),
    sync: () => process.call("files", "sync", name, () => file.sync()),
    close: () => process.call("files", "close", name, () => file.close()),
  };
}

export function simulatedNetwork(process: SimulatedProcess, network: MemoryNetwork): Network {
  const wrap = (connection: Connection): Connection => ({
    request: (request) => process.call("network", "request", request.method, () => connection.request(request)),
    closed: connection.closed,
    close: () => {
      if (process.state !== "dead") connection.close();
    },
  });
  return {
    listen: (handler) =>
      process.call("network", "listen", "", () =>
        network.listen((request) => process.call("network", "handle", request.method, () => handler(request))),
      ),
    connect: async (address, purpose) =>
      wrap(await process.call("network", "connect", address, () => network.connect(address, purpose))),
    close: () => process.call("network", "close", "", () => network.close()),
  };
}

/** How policies are run where nothing else is said. */
export const POLICIES: PolicyEvaluator = memoryPolicyEvaluator;

export function simulatedPolicies(process: SimulatedProcess, evaluator: () => PolicyEvaluator): PolicyEvaluator {
  return {
    load: async (source) => {
      const policy = await process.call("policies", "load", "", () => evaluator().load(source));
      return {
        prefers: policy.prefers,
        weigh: (files, servers, nowMs) =>
          process.call("policies", "weigh", "", () => policy.weigh(files, servers, nowMs)),
        evaluate: (files, nowMs) => process.call("policies", "evaluate", "", () => policy.evaluate(files, nowMs)),
        close: () => policy.close(),
      };
    },
  };
}
