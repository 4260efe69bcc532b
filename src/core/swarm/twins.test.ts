import { expect, test } from "vitest";
import { serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { Twins } from "./twins.ts";

const server = serverNumbered(1);
const HEARTBEAT_MS = 500;

/** Heartbeats of these processes, in turn, from one moment to another. */
function beat(twins: Twins, processes: readonly string[], fromMs: number, toMs: number): void {
  for (let now = fromMs; now < toMs; now += HEARTBEAT_MS) {
    for (const process of processes) twins.heard(server, process, now);
  }
}

test("two processes that go on beside each other run as one server, until one of them ends", () => {
  const twins = new Twins();
  beat(twins, ["one"], 0, 60_000);
  beat(twins, ["one", "two"], 60_000, 65_000);
  expect(twins.since(server, 65_000)).toBeUndefined();
  beat(twins, ["one", "two"], 65_000, 80_000);
  expect(twins.since(server, 80_000)).toBe(60_000);
  expect(twins.since(serverNumbered(2), 80_000)).toBeUndefined();
  beat(twins, ["two"], 80_000, 84_000);
  expect(twins.since(server, 84_000)).toBeUndefined();
});

test("a server that is started again and again is never two, though words of the one before come late", () => {
  const twins = new Twins();
  for (let run = 0; run < 50; run++) {
    beat(twins, [`run ${run}`], run * 4_000, (run + 1) * 4_000);
    twins.heard(server, `run ${run - 1}`, run * 4_000 + 1_000);
    expect(twins.since(server, (run + 1) * 4_000)).toBeUndefined();
  }
});

test("two that have both fallen silent are not told of any more", () => {
  const twins = new Twins();
  beat(twins, ["one", "two"], 0, 20_000);
  expect(twins.since(server, 20_000)).toBe(0);
  expect(twins.since(server, 30_000)).toBeUndefined();
});
