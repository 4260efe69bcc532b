import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { ForecastTally, type TalliedFile } from "./forecast.ts";

const SERVERS = [1, 2, 3, 4].map(serverNumbered);

/** A file with copies on some servers, of which some do not count and some are absent. */
const file = fc
  .record({
    target: fc.integer({ min: 1, max: 4 }),
    w: fc.integer({ min: 1, max: 3 }),
    states: fc.array(fc.constantFrom("none", "counted", "draining", "absent"), { minLength: 4, maxLength: 4 }),
  })
  .map(({ target, w, states }): TalliedFile & { target: number } => {
    const among = (...wanted: string[]) => SERVERS.filter((_, i) => wanted.includes(states[i]!));
    const counted = among("counted");
    return {
      ...{ target, surplus: counted.length - target, safe: Math.min(w, target), counted },
      ...{ present: among("counted", "draining"), stated: among("counted", "draining", "absent") },
    };
  });

describe("what the loss of a server would do", () => {
  it("is what is found by taking the server away and looking at every file", () => {
    fc.assert(
      fc.property(fc.array(file, { maxLength: 12 }), fc.constantFrom(...SERVERS), (files, gone) => {
        const tally = new ForecastTally();
        for (const each of files) tally.add(each);
        const left = (servers: readonly string[]) => servers.filter((server) => server !== gone);
        const here = files.filter(({ stated }) => stated.includes(gone));
        const surplus = (each: (typeof files)[number]) => left(each.counted).length - each.target;
        expect(tally.of(gone)).toEqual({
          lost: here.filter(({ present }) => left(present).length === 0).length,
          below: here.filter(({ counted, safe }) => left(counted).length < safe).length,
          minSurplus:
            files.length === 0
              ? undefined
              : { now: Math.min(...files.map((each) => each.surplus)), without: Math.min(...files.map(surplus)) },
        });
      }),
    );
  });
});
