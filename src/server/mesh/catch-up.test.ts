/** Which records of servers that are not there are asked for. */
import { expect, test } from "vitest";
import type { Origin } from "../../core/catalog/types.ts";
import type { HybridTime, ServerId } from "../../core/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { CatchUp } from "./catch-up.ts";
import type { Claims } from "./claims.ts";
import type { Intake } from "./intake.ts";
import type { Mesh } from "./mesh.ts";

const originOf = (digit: string): Origin => ({ server: digit.repeat(12) as ServerId, incarnation: 1 as HybridTime });

/** Answers what is taken in of what these links know. */
async function firstTaken(links: readonly object[]): Promise<Uint8Array> {
  const ending = new AbortController();
  const taken = Promise.withResolvers<Uint8Array>();
  const mesh = { handle: () => {}, links: () => links, link: () => undefined } as unknown as Mesh;
  const catalog = { generation: 0, origin: undefined, origins: () => new Map(), knownNumber: () => 0 };
  const intake = { take: async (message: Uint8Array) => taken.resolve(message) } as unknown as Intake;
  const claims = { isBelow: () => false } as unknown as Claims;
  const clock: Clock = { monotonic: () => 0, wall: () => 0, after: () => () => {} };
  const log = { warn: () => taken.reject(new Error("nothing else was asked for")) } as unknown as Log;
  const catchUp = new CatchUp(clock, catalog as unknown as Catalog, mesh, intake, claims);
  catchUp.unit.start(clock, log, ending.signal);
  const first = await taken.promise;
  ending.abort();
  await catchUp.unit.ended();
  return first;
}

test("C3: what is told of one origin comes though another's records cannot be had", async () => {
  const [bad, good] = [originOf("a"), originOf("b")];
  const answer = Uint8Array.of(1);
  const link = {
    ...{ knownOrigins: () => [bad, good], knownNumber: () => 5, tailOf: () => 0 },
    call: async (_method: string, message: Uint8Array) => {
      if (message[0] === 0xaa) throw new Error("a row of the log points nowhere");
      return answer;
    },
  };
  expect(await firstTaken([link])).toBe(answer);
});

test("C3: who knows most of an origin is asked for its records, and another when those cannot be had there", async () => {
  const answer = Uint8Array.of(1);
  const asked: string[] = [];
  const linkTo = (name: string, known: number, answered: () => Uint8Array) => ({
    ...{ knownOrigins: () => [originOf("a")], knownNumber: () => known, tailOf: () => 0 },
    call: async () => {
      asked.push(name);
      return answered();
    },
  });
  const fails = () => {
    throw new Error("a row of the log points nowhere");
  };
  const links = [linkTo("little", 3, () => answer), linkTo("most", 5, fails), linkTo("as much", 5, () => answer)];
  expect(await firstTaken(links)).toBe(answer);
  expect(asked).toEqual(["most", "as much"]);
});
