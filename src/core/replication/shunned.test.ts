import fc from "fast-check";
import { expect, it } from "vitest";
import { EXCHANGE_GAIN } from "./making-room.ts";
import { leavesShunned, pullsShunned, takesOverShunned } from "./shunned.ts";

/** A swarm of files of one size: which server holds what, and which has no place for what. */
interface Model {
  readonly targets: readonly number[];
  /** Files that each server holds. */
  readonly held: readonly Set<number>[];
  readonly quotas: readonly number[];
  readonly shuns: (server: number, file: number) => boolean;
}

const SERVERS = 4;
const FILES = 5;
const STEPS_MAX = 500;

const model = fc
  .record({
    targets: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: FILES, maxLength: FILES }),
    quotas: fc.array(fc.integer({ min: 1, max: FILES }), { minLength: SERVERS, maxLength: SERVERS }),
    shunned: fc.array(fc.boolean(), { minLength: SERVERS * FILES, maxLength: SERVERS * FILES }),
    first: fc.array(fc.nat(SERVERS - 1), { minLength: FILES, maxLength: FILES }),
  })
  .map(({ targets, quotas, shunned, first }): Model => {
    const held = Array.from({ length: SERVERS }, () => new Set<number>());
    first.forEach((server, file) => {
      if (held[server]!.size < quotas[server]!) held[server]!.add(file);
    });
    return { targets, quotas, held, shuns: (server, file) => shunned[server * FILES + file]! };
  });

const surplusOf = ({ held, targets }: Model, file: number) =>
  held.filter((files) => files.has(file)).length - targets[file]!;

/** What servers may do of themselves: pull into free room, exchange (R1), leave (R5). */
function moves(world: Model): (() => void)[] {
  const { held, quotas, shuns } = world;
  const found: (() => void)[] = [];
  const surplus = (file: number) => surplusOf(world, file);
  for (const [server, own] of held.entries()) {
    for (let file = 0; file < FILES; file++) {
      const isAnywhere = held.some((files) => files.has(file));
      if (own.has(file)) {
        if (shuns(server, file) && leavesShunned(surplus(file), false)) found.push(() => own.delete(file));
      } else if (isAnywhere && (!shuns(server, file) || pullsShunned(surplus(file)))) {
        if (own.size < quotas[server]!) found.push(() => own.add(file));
        else {
          for (const other of own) {
            if (surplus(other) < surplus(file) + EXCHANGE_GAIN) continue;
            found.push(() => {
              own.delete(other);
              own.add(file);
            });
          }
        }
      }
    }
  }
  return found;
}

it("R5: it comes to rest, whatever has no place where, in whatever order; then none is where it has none, but for need", () => {
  fc.assert(
    fc.property(model, fc.infiniteStream(fc.nat(1_000_000)), (world, chance) => {
      let steps = 0;
      const safe = world.targets.map((_, file) => surplusOf(world, file));
      for (let next = moves(world); next.length > 0; next = moves(world)) {
        next[chance.next().value! % next.length]!();
        expect(++steps).toBeLessThan(STEPS_MAX);
        // Nothing falls below N that was not below it, for having no place: only for what is wanted more (R1).
        const least = Math.min(...world.targets.map((_, file) => surplusOf(world, file)));
        expect(least).toBeGreaterThanOrEqual(Math.min(0, ...safe));
      }
      for (const [server, own] of world.held.entries()) {
        for (const file of own) if (world.shuns(server, file)) expect(surplusOf(world, file)).toBeLessThanOrEqual(0);
      }
    }),
    { numRuns: 500 },
  );
});

it("R5: what is taken over without having a place would not be given up again, and is for a file below N", () => {
  const surplus = fc.integer({ min: -5, max: 5 });
  fc.assert(
    fc.property(surplus, fc.option(surplus, { nil: undefined }), (own, wanted) => {
      if (!takesOverShunned(own, wanted)) return;
      expect(leavesShunned(own, false)).toBe(false);
      expect(pullsShunned(wanted ?? -1)).toBe(true);
    }),
  );
});
