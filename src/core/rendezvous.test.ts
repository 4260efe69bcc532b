import { describe, expect, it } from "vitest";
import { serverNumbered } from "../../tests/catalog/arbitrary.ts";
import { rendezvousOrder, rendezvousWeight } from "./rendezvous.ts";

const servers = Array.from({ length: 10 }, (_, i) => serverNumbered(i * 7919 + 1));
const things = Array.from({ length: 5000 }, (_, i) => `music/${i}.ogg`);

describe("rendezvous hashing", () => {
  it("weighs the same on every server, release and machine", () => {
    expect(rendezvousWeight("a/b.ogg", "00000000000a")).toBe(3287038984);
    expect(rendezvousWeight("é\u{1F3B5}", "00000000000b")).toBe(1829314212);
  });

  it("gives every server about the same share", () => {
    const owned = new Map(servers.map((server) => [server, 0]));
    for (const thing of things) {
      const owner = rendezvousOrder(thing, servers)[0]!;
      owned.set(owner, owned.get(owner)! + 1);
    }
    const share = things.length / servers.length;
    for (const count of owned.values()) expect(Math.abs(count - share)).toBeLessThan(share * 0.2);
  });

  it("moves only what a server that leaves has owned, and keeps the order of the rest", () => {
    for (const thing of things.slice(0, 500)) {
      const order = rendezvousOrder(thing, servers);
      for (const gone of servers) {
        const rest = servers.filter((server) => server !== gone);
        expect(rendezvousOrder(thing, rest)).toEqual(order.filter((server) => server !== gone));
      }
    }
  });

  it("does not depend on the order in which the servers are given, nor change it", () => {
    const given = [...servers].reverse();
    expect(rendezvousOrder("a", given)).toEqual(rendezvousOrder("a", servers));
    expect(given).toEqual([...servers].reverse());
  });
});
