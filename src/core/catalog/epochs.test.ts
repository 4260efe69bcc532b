/** C8: servers with clocks years ahead, that write, meet, restart, are set right and repaired, in every order. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { told } from "../../../tests/catalog/inspect.ts";
import { ModelServer } from "../../../tests/catalog/model-server.ts";
import { hybridTimeOf, wallMsOf } from "../hybrid-clock.ts";
import type { HybridTime, ServerId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import { encodeContent } from "./content.ts";
import { contentStamp } from "./entries.ts";
import { epochOf, epochSetting, rankIn, readEpochs, writtenAt } from "./epochs.ts";
import { entryKey, tableRange } from "./keys.ts";
import { CONTENT_FIELD } from "./merge.ts";
import { decodeRegisters } from "./rows.ts";
import { StampClock } from "./stamp-clock.ts";
import { TARGET_FIELD } from "./surplus.ts";
import { readRegisters } from "./transaction.ts";
import type { RegisterKey, Stamp } from "./types.ts";

const NOW_MS = 1_790_000_000_000;
const YEARS_MS = 10 * 365 * 86_400_000;
const PATHS = ["a", "b"] as FilePath[];
const SERVERS = 3;
/** So many times may be given in one moment of the test's clock, and run ahead of it. */
const CROWDED_MS = 5;

const contentKey = (path: FilePath): RegisterKey => ({ kind: "path", path, field: CONTENT_FIELD });

/** A server of the model with a clock as server/catalog keeps it. */
class Clocked {
  readonly model: ModelServer;
  readonly names = new Set<HybridTime>();
  wallMs = NOW_MS;
  clock = new StampClock(undefined, new Map());

  constructor(self: ServerId) {
    this.model = new ModelServer(self);
  }

  /** A file at the path, of a size that tells it from all others. */
  write(path: FilePath, sizeBytes: number): Stamp {
    const present = contentStamp(this.model.view, path);
    if (present !== undefined) this.clock.observe(epochOf(contentKey(path), present), present.time);
    const time = this.clock.next(this.wallMs);
    const name = this.clock.name(time);
    expect(this.names.has(name), "a version's name is given twice (T2)").toBe(false);
    this.names.add(name);
    const version = `${name.toString(16).padStart(14, "0")}-${this.model.self}` as never;
    const content = { type: "file", version, sizeBytes, sha256: "0".repeat(64), request: undefined } as const;
    const stamp = { rank: rankIn(this.clock.epoch, contentKey(path)), time, server: this.model.self };
    this.model.write({ key: contentKey(path), stamp, value: encodeContent(content) });
    expect(this.says(path), "a write loses where it is made").toBe(sizeBytes);
    return stamp;
  }

  says(path: FilePath): number | undefined {
    const [register] = readRegisters(this.model.view, entryKey(path));
    return register === undefined ? undefined : sizeIn(register.value);
  }

  repair(): void {
    const epoch = this.clock.epoch + 1;
    const stamp = { rank: epoch, time: hybridTimeOf(this.wallMs), server: this.model.self };
    this.model.write({ key: { kind: "setting", name: epochSetting(epoch) }, stamp, value: Uint8Array.of(123, 125) });
    this.clock.observe(epoch, stamp.time);
  }

  learnFrom(other: Clocked): void {
    this.model.catchUpWith(other.model, 100);
    for (const { stamp } of this.stamps()) this.clock.observe(stamp.rank, stamp.time);
  }

  restart(): void {
    this.clock = new StampClock(this.clock.encode(), readEpochs(this.model.view));
  }

  stamps(): { stamp: Stamp }[] {
    return (["entries", "settings"] as const).flatMap((table) =>
      [...this.model.view.range(tableRange(table))].flatMap(({ value }) => decodeRegisters(value)),
    );
  }
}

function sizeIn(value: Uint8Array): number {
  return value[14]!; // Behind the kind and the version; sizes of the test take one byte.
}

type Step =
  | { readonly do: "write"; readonly server: number; readonly path: number }
  | { readonly do: "meet"; readonly from: number; readonly to: number }
  | { readonly do: "set"; readonly server: number; readonly wallMs: number }
  | { readonly do: "repair" | "restart"; readonly server: number };

const server = fc.nat(SERVERS - 1);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("write" as const), server, path: fc.nat(PATHS.length - 1) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("meet" as const), from: server, to: server }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("set" as const),
      server,
      wallMs: fc.constantFrom(NOW_MS, NOW_MS, NOW_MS + 1, NOW_MS + YEARS_MS, NOW_MS + 100_000, NOW_MS - 1000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("repair" as const, "restart" as const), server }) },
);

function play(steps: readonly Step[]): { servers: Clocked[]; next: () => number } {
  const servers = Array.from({ length: SERVERS }, (_, i) => new Clocked(serverNumbered(i + 1)));
  let writes = 0;
  const next = () => ++writes % 128;
  for (const step of steps) {
    if (step.do === "meet") {
      if (step.from !== step.to) servers[step.to]!.learnFrom(servers[step.from]!);
      continue;
    }
    const one = servers[step.server]!;
    if (step.do === "write") one.write(PATHS[step.path]!, next());
    else if (step.do === "set") one.wallMs = step.wallMs;
    else if (step.do === "repair") one.repair();
    else one.restart();
  }
  return { servers, next };
}

function meetAll(servers: readonly Clocked[]): void {
  for (let round = 0; round < 2; round++) {
    for (const to of servers) for (const from of servers) if (from !== to) to.learnFrom(from);
  }
}

describe("epochs of the swarm's clock", () => {
  const anySteps = fc.array(anyStep, { minLength: 5, maxLength: 40, size: "max" });

  it("C8: after a repair no clock is ahead, new writes win everywhere, and nothing shows a time that is to come", () => {
    fc.assert(
      fc.property(anySteps, server, (steps, by) => {
        const { servers, next } = play(steps);
        meetAll(servers);
        for (const each of servers) each.wallMs = NOW_MS + 1000;
        servers[by]!.repair();
        meetAll(servers);
        for (const each of servers) {
          expect(each.clock.aheadMs(each.wallMs)).toBeLessThanOrEqual(CROWDED_MS);
          each.restart();
          expect(each.clock.aheadMs(each.wallMs)).toBeLessThanOrEqual(CROWDED_MS);
        }
        for (const [i, path] of PATHS.entries()) {
          const size = next();
          const stamp = servers[(by + i) % SERVERS]!.write(path, size);
          expect(Math.abs(wallMsOf(stamp.time) - NOW_MS - 1000)).toBeLessThanOrEqual(CROWDED_MS);
          meetAll(servers);
          for (const each of servers) expect(each.says(path)).toBe(size);
        }
        const epochs = readEpochs(servers[0]!.model.view);
        for (const { stamp } of servers[0]!.stamps()) {
          expect(wallMsOf(writtenAt(stamp, epochs))).toBeLessThanOrEqual(NOW_MS + 1000 + CROWDED_MS);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("C1, C8: servers in different epochs that have told each other everything say the same", () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const { servers } = play(steps);
        meetAll(servers);
        const [first, ...others] = servers.map(({ model }) => told(model.view));
        for (const other of others) expect(other).toEqual(first);
        for (const { clock } of servers) expect(clock.epoch).toBe(servers[0]!.clock.epoch);
      }),
      { numRuns: 100 },
    );
  });

  it("C8: a write of a later epoch beats one of the future, on a server that does not know of the repair", () => {
    const [wrong, right, third] = [1, 2, 3].map((i) => new Clocked(serverNumbered(i))) as [Clocked, Clocked, Clocked];
    wrong.wallMs = NOW_MS + YEARS_MS;
    wrong.write(PATHS[0]!, 1);
    right.learnFrom(wrong);
    expect(right.clock.aheadMs(NOW_MS)).toBe(YEARS_MS);
    right.repair();
    expect(right.clock.aheadMs(NOW_MS)).toBe(0);
    right.write(PATHS[0]!, 2);
    for (const from of [right, wrong]) third.model.catchUpWith(from.model, 1);
    expect(third.says(PATHS[0]!)).toBe(2);
    wrong.learnFrom(third);
    expect(wrong.says(PATHS[0]!)).toBe(2);
  });

  it("N's rank has the epoch above the policy's time, so that an older policy's N is beaten by any of a later epoch", () => {
    const key: RegisterKey = { kind: "path", path: PATHS[0]!, field: TARGET_FIELD };
    const farPolicy = rankIn(0, key) + Date.UTC(2247, 0, 1);
    expect(epochOf(key, { rank: farPolicy, time: 0 as HybridTime, server: serverNumbered(1) })).toBe(0);
    expect(rankIn(1, key)).toBeGreaterThan(farPolicy);
    expect(Number.isSafeInteger(rankIn(1000, key) + Date.UTC(2247, 0, 1))).toBe(true);
  });
});
