import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import { encodeContent } from "../../core/catalog/content.ts";
import { workPositionOf, workRange } from "../../core/catalog/keys.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import { type HybridTime, type ServerId, type VersionId, versionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { NEUTRAL } from "../../core/policy/weights.ts";
import type { FileStore, ReadableFile, WritableFile } from "../../ports/file-store.ts";
import type { Link } from "../mesh/link.ts";
import { PassedOn } from "../storage/passed-on.ts";
import { ActivePulls } from "./active-pulls.ts";
import { Puller, type PullerParts } from "./puller.ts";
import type { Sources } from "./sources.ts";

const FILES = 1_200;
const HOLDER = "bbbbbbbbbbbb" as ServerId;
const OTHER = "cccccccccccc" as ServerId;

async function worldOfFiles(): Promise<DiskWorld> {
  const world = await DiskWorld.begin();
  await world.catalog.change((change) => {
    for (let i = 0; i < FILES; i++) {
      const version = versionId((1_767_225_600_000 * 1024 + i) as HybridTime, HOLDER);
      const content: FileContent = { type: "file", version, sizeBytes: 1, sha256: "0".repeat(64), request: undefined };
      change.writePath(`file ${i}` as FilePath, CONTENT_FIELD, encodeContent(content));
    }
  });
  return world;
}

/** What a puller has around it that does not matter here. */
function partsOf(world: DiskWorld, clock: ManualClock) {
  const silent = () => {};
  return {
    clock,
    catalog: world.catalog,
    mesh: { handle: silent, onAnswered: silent, upLinks: () => [], link: () => undefined },
    membership: { isBehind: false },
    space: world.space,
    passedOn: { has: () => false },
    disk: world.watch,
    preferences: { areAsked: false, areMissing: () => false, of: () => NEUTRAL },
    zones: { dependsOnThis: () => false },
    dropping: { target: () => ({ target: 3, safe: 2 }) },
    active: new ActivePulls(),
    load: { load: () => 0, clientLoad: () => 0 },
    log: { debug: silent, info: silent, warn: silent, error: silent },
    directives: { isPaused: false, isDrainingHere: false, pulls: 4, onChange: silent },
  };
}

/**
 * A puller of a swarm in which somebody holds `held` and nothing else; it writes down what it tries. What it tries lies
 * there already, as long as there is room.
 */
function pullerOf(
  world: DiskWorld,
  clock: ManualClock,
  held: VersionId,
  { tried = [] as VersionId[], onAnswered = (_: (link: Link) => void) => {}, mayBegin = (): boolean => true } = {},
) {
  const usual = partsOf(world, clock);
  const parts = {
    ...usual,
    mesh: { ...usual.mesh, onAnswered },
    copies: {
      has: () => false,
      adopt: async (version: VersionId) => {
        if (world.space.quotaBytes === 0) return false;
        tried.push(version);
        return true;
      },
      restore: async () => false,
    },
    uploads: { find: () => "none", takeOrphaned: () => undefined },
    sources: {
      holders: () => [],
      upHolders: (version: VersionId) => (version === held && tried.length === 0 && mayBegin() ? [{} as Link] : []),
    },
    roomMaker: { highestSurplus: () => undefined, mayMake: () => false },
    onStep: () => {},
  } as unknown as PullerParts;
  return { puller: new Puller(parts), tried };
}

describe("pulling", () => {
  it("P6: what nobody can give hides nothing that lies behind it", async () => {
    const world = await worldOfFiles();
    const wanted = Array.from(world.catalog.read().range(workRange(false)), ({ key }) => workPositionOf(key).version);
    expect(wanted).toHaveLength(FILES);
    const clock = new ManualClock();
    const { puller, tried } = pullerOf(world, clock, wanted.at(-1)!);
    const ending = new AbortController();
    puller.unit.start(clock, { debug() {}, info() {}, warn() {}, error() {} }, ending.signal);
    await clock.pass(5_000);
    ending.abort();
    expect(tried).toEqual([wanted.at(-1)]);
  });

  it("what waits for room, for longer and longer, waits no more when there is room: it is wanted most", async () => {
    const world = await worldOfFiles();
    const [wanted] = Array.from(world.catalog.read().range(workRange(false)), ({ key }) => workPositionOf(key).version);
    const clock = new ManualClock();
    const { puller, tried } = pullerOf(world, clock, wanted!);
    const { quotaBytes } = world.space;
    world.space.quotaBytes = 0;
    for (let i = 0; i < 5; i++) expect(await puller.pullNow(wanted!)).toBe(false);
    const ending = new AbortController();
    puller.unit.start(clock, { debug() {}, info() {}, warn() {}, error() {} }, ending.signal);
    await clock.pass(1_000);
    expect(tried).toEqual([]);
    world.space.quotaBytes = quotaBytes;
    await clock.pass(10_000);
    ending.abort();
    expect(tried).toEqual([wanted]);
  });

  it.each([
    ["amid a look at what is wanted less", 200],
    ["when there was nothing to do", 20_000],
  ])("R-step 1: looks again when another server has given a copy up that it announced, %s", async (_, idleMs) => {
    const world = await worldOfFiles();
    const [wanted] = Array.from(world.catalog.read().range(workRange(false)), ({ key }) => workPositionOf(key).version);
    const clock = new ManualClock();
    let answered: (link: Link) => void = () => {};
    const tried: VersionId[] = [];
    let mayBegin = false;
    const { puller } = pullerOf(world, clock, wanted!, {
      tried,
      onAnswered: (listener) => {
        answered = listener;
      },
      mayBegin: () => mayBegin,
    });
    const answer = (pulls: readonly VersionId[]) => answered({ server: OTHER, report: { pulls } } as unknown as Link);
    const ending = new AbortController();
    puller.unit.start(clock, { debug() {}, info() {}, warn() {}, error() {} }, ending.signal);
    await clock.pass(idleMs);
    answer([wanted!]);
    mayBegin = true;
    await clock.pass(500);
    expect(tried).toEqual([]);
    answer([]);
    await clock.pass(500);
    ending.abort();
    expect(tried).toEqual([wanted]);
  });

  it("a source that was opened for a copy which finds no room is told that its bytes are not wanted", async () => {
    const world = await DiskWorld.begin();
    const content: FileContent = {
      type: "file",
      version: versionId((1_767_225_600_000 * 1024) as HybridTime, HOLDER),
      sizeBytes: 2 * world.space.quotaBytes,
      sha256: "0".repeat(64),
      request: undefined,
    };
    await world.learn("large", content);
    let wanted: AbortSignal | undefined;
    const parts = {
      ...partsOf(world, new ManualClock()),
      copies: world.copies,
      uploads: { takeOrphaned: () => undefined },
      staging: world.staging,
      sources: {
        upHolders: () => [{} as Link],
        read: async (...[, , , , signal]: Parameters<Sources["read"]>) => {
          wanted = signal;
          return []; // Nobody reads it.
        },
      },
      // What may go for it is not promised about.
      roomMaker: { mayMake: () => true, make: async () => false },
      onStep: () => {},
    } as unknown as PullerParts;
    expect(await new Puller(parts).pullNow(content.version)).toBe(false);
    expect(wanted?.aborted).toBe(true);
  });

  it("C2: what is to be copied from another's copy here, and finds no room, is not kept open", async () => {
    const { between, open } = countingOpen();
    const world = await DiskWorld.begin(between);
    const first = await world.put("a", "some bytes");
    const second = { ...first, version: versionId((1_767_225_600_001 * 1024) as HybridTime, HOLDER) };
    await world.learn("a", second);
    await world.settleAll();
    await world.learn("b", first);
    world.space.quotaBytes = world.space.usedBytes();
    const clock = new ManualClock();
    const parts = {
      ...partsOf(world, clock),
      copies: world.copies,
      passedOn: new PassedOn(world.catalog, world.disk, world.copies, clock, Number.POSITIVE_INFINITY),
      uploads: { takeOrphaned: () => undefined },
      staging: world.staging,
      sources: { upHolders: () => [] },
      roomMaker: { mayMake: () => true, make: async () => false },
      onStep: () => {},
    } as unknown as PullerParts;
    expect(await new Puller(parts).pullNow(first.version)).toBe(false);
    expect([world.has(second), open.size]).toEqual([true, 0]);
  });

  it.each([
    ["fails amid it", 5, [new Uint8Array(2)]],
    ["fails amid it, and its bytes are kept", 200_000, [new Uint8Array(100_000)]],
    ["gives wrong bytes", 5, [new Uint8Array(5).fill(1)]],
  ])(
    "R1: what a copy was given up for is left to its pull when one source %s, and another is asked",
    async (_, sizeBytes, bad) => {
      const world = await DiskWorld.begin();
      const body = new Uint8Array(sizeBytes);
      const sha256 = createHash("sha256").update(body).digest("hex");
      const [first, second] = [0, 1].map((i): FileContent => {
        const version = versionId((1_767_225_600_000 * 1024 + i) as HybridTime, HOLDER);
        return { type: "file", version, sizeBytes: body.length, sha256, request: undefined };
      }) as [FileContent, FileContent];
      await world.learn("first", first);
      await world.learn("second", second);
      world.space.quotaBytes = body.length;
      const missingBytes: number[] = [];
      const asked = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<Uint8Array[]>();
      const reads = [
        async () => bad,
        () => {
          asked.resolve();
          return answer.promise;
        },
      ];
      let startOfLast = 0;
      const parts = {
        ...partsOf(world, new ManualClock()),
        copies: world.copies,
        uploads: { takeOrphaned: () => undefined },
        staging: world.staging,
        sources: {
          upHolders: () => [{} as Link, {} as Link],
          read: async (...[, , { start }]: Parameters<Sources["read"]>) => {
            startOfLast = start;
            return await (reads.shift() ?? (async () => [body]))();
          },
          reportWrong: async () => undefined,
        },
        roomMaker: {
          mayMake: () => true,
          make: async (missing: () => number) => {
            missingBytes.push(missing());
            return false;
          },
          pulled: () => {},
        },
        onStep: () => {},
      } as unknown as PullerParts;
      const puller = new Puller(parts);
      const pulled = puller.pullNow(first.version);
      await asked.promise;
      const startBytes = startOfLast;
      expect(await puller.pullNow(second.version)).toBe(false);
      answer.resolve([body.subarray(startBytes)]);
      expect([missingBytes, await pulled]).toEqual([[body.length], true]);
    },
  );

  it("R1: no copy goes for bytes of another pull that has its room already, while they are written", async () => {
    const onDisk = Promise.withResolvers<void>();
    const { between, writing } = writingUntil(onDisk.promise);
    const world = await DiskWorld.begin(between);
    const body = new TextEncoder().encode("bytes");
    const sha256 = createHash("sha256").update(body).digest("hex");
    const [first, second] = [0, 1].map((i): FileContent => {
      const version = versionId((1_767_225_600_000 * 1024 + i) as HybridTime, HOLDER);
      return { type: "file", version, sizeBytes: body.length, sha256, request: undefined };
    }) as [FileContent, FileContent];
    await world.learn("first", first);
    await world.learn("second", second);
    world.space.quotaBytes = body.length;
    const missingBytes: number[] = [];
    const parts = {
      ...partsOf(world, new ManualClock()),
      copies: world.copies,
      uploads: { takeOrphaned: () => undefined },
      staging: world.staging,
      sources: {
        upHolders: () => [{} as Link],
        read: async () => [body],
      },
      roomMaker: {
        mayMake: () => true,
        make: async (missing: () => number) => {
          missingBytes.push(missing());
          return false;
        },
        pulled: () => {},
      },
      onStep: () => {},
    } as unknown as PullerParts;
    const puller = new Puller(parts);
    const pulled = puller.pullNow(first.version);
    await writing;
    expect(await puller.pullNow(second.version)).toBe(false);
    expect(missingBytes).toEqual([body.length]);
    onDisk.resolve();
    expect(await pulled).toBe(true);
  });
});

/** A disk that is at it from the first byte that is written until then. */
function writingUntil(then: Promise<void>) {
  const writing = Promise.withResolvers<void>();
  const between = (disk: FileStore): FileStore => {
    const create = async (name: string): Promise<WritableFile> => {
      const file = await disk.create(name);
      const write = async (chunk: Uint8Array) => {
        writing.resolve();
        await then;
        await file.write(chunk);
      };
      return { write, stat: () => file.stat(), sync: () => file.sync(), close: () => file.close() };
    };
    return new Proxy<FileStore>(disk, {
      get: (target, name) => {
        if (name === "create") return create;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
  };
  return { between, writing: writing.promise };
}

/** A disk that knows which files are open for reading. */
function countingOpen() {
  const open = new Set<ReadableFile>();
  const between = (disk: FileStore): FileStore =>
    new Proxy<FileStore>(disk, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (name !== "open") return typeof value === "function" ? (value.bind(target) as unknown) : value;
        return async (path: string): Promise<ReadableFile> => {
          const file = await target.open(path);
          const opened: ReadableFile = {
            read: (into, position) => file.read(into, position),
            stat: () => file.stat(),
            sync: () => file.sync(),
            close: () => {
              open.delete(opened);
              return file.close();
            },
          };
          open.add(opened);
          return opened;
        };
      },
    });
  return { between, open };
}
