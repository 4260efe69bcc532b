import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { rendezvousOrder } from "../rendezvous.ts";
import { comesBefore, NEUTRAL, Weights } from "./weights.ts";

const SERVERS = [1, 2, 3, 4, 5].map(serverNumbered);
const weightsOf = (...values: number[]) => new Weights(new Map(values.map((weight, i) => [SERVERS[i]!, weight])));

describe("R5: what a file's weights say", () => {
  it("compares a server with the mean of all, so that a file without preferences is like any other", () => {
    expect(weightsOf(7, 7, 7).share(SERVERS[0]!)).toBe(1);
    expect(NEUTRAL.share(SERVERS[0]!)).toBe(1);
    expect(weightsOf(10, 1, 1).share(SERVERS[0]!)).toBe(2.5);
    expect(weightsOf(10, 1, 1).share(SERVERS[1]!)).toBe(0.25);
    expect(weightsOf(0, 0, 0).share(SERVERS[0]!)).toBe(0);
  });

  it("shuns a server of weight 0, and none of which nothing was said", () => {
    expect(weightsOf(0, 1).shuns(SERVERS[0]!)).toBe(true);
    expect(weightsOf(0, 1e-300).shuns(SERVERS[1]!)).toBe(false);
    expect(weightsOf(0, 1).shuns(SERVERS[4]!)).toBe(false);
    expect(NEUTRAL.shuns(SERVERS[0]!)).toBe(false);
  });

  it("orders servers by weight and then by rendezvous: all of them have a place, and each another", () => {
    const weights = fc.array(fc.nat(3), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(fc.string(), weights, (thing, values) => {
        const of = weightsOf(...values);
        const place = (self: (typeof SERVERS)[number]) =>
          SERVERS.filter((other) => other !== self && comesBefore(other, self, thing, of)).length;
        const byPlace = [...SERVERS].sort((a, b) => place(a) - place(b));
        const wanted = rendezvousOrder(thing, SERVERS).sort((a, b) => of.of(b) - of.of(a));
        expect(byPlace).toEqual(wanted);
        expect(new Set(SERVERS.map(place)).size).toBe(SERVERS.length);
      }),
    );
  });
});
