import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { Link } from "./link.ts";
import type { Mesh } from "./mesh.ts";
import { Progress, whileUp } from "./while-up.ts";

function waiting(isStalled?: () => boolean) {
  const clock = new ManualClock();
  const other = { up: true };
  const mesh = { isUp: () => other.up } as unknown as Mesh;
  const answer = Promise.withResolvers<string>();
  let ended: string | undefined;
  let givenUp: AbortSignal | undefined;
  const request = (signal: AbortSignal) => {
    givenUp = signal;
    return answer.promise;
  };
  whileUp({ mesh, clock }, {} as Link, request, isStalled).then(
    (value) => {
      ended = value;
    },
    (error: unknown) => {
      ended = String(error);
    },
  );
  return { clock, other, answer, ended: () => ended, givenUp: () => givenUp?.aborted };
}

describe("a request that a writer waits for", () => {
  it("M2: ends when the other server has been down for two seconds", async () => {
    const { clock, other, ended, givenUp } = waiting();
    await clock.pass(60_000);
    other.up = false;
    await clock.pass(1_700);
    expect(ended()).toBeUndefined();
    await clock.pass(1_000);
    expect(ended()).toContain("NetworkError");
    expect(givenUp()).toBe(true);
  });

  it("M2: goes on when the other server is up again in time", async () => {
    const { clock, other, answer, ended, givenUp } = waiting();
    other.up = false;
    await clock.pass(1_000);
    other.up = true;
    await clock.pass(30_000);
    answer.resolve("an answer");
    await clock.pass(10_000);
    expect(ended()).toBe("an answer");
    expect(givenUp()).toBe(false);
  });

  it("M2: ends when nothing is taken of its body", async () => {
    let stalled = false;
    const { clock, ended } = waiting(() => stalled);
    await clock.pass(10_000);
    expect(ended()).toBeUndefined();
    stalled = true;
    await clock.pass(500);
    expect(ended()).toContain("NetworkError");
  });
});

describe("the progress of a body", () => {
  const piece: Bytes = new Uint8Array(1_000_000);

  it("stalls while a piece is taken, not while the next is waited for", async () => {
    const clock = new ManualClock();
    const progress = new Progress(clock);
    const more = Promise.withResolvers<void>();
    async function* body() {
      yield piece;
      await more.promise;
      yield piece;
    }
    const out = progress.of(body());
    await out.next();
    await clock.pass(3_000);
    expect(progress.isStalled).toBe(false);
    const next = out.next();
    await clock.pass(60_000);
    expect(progress.isStalled).toBe(false);
    more.resolve();
    await next;
    await clock.pass(5_000);
    expect(progress.isStalled).toBe(true);
  });

  it("stalls when nobody begins to take it, and gives a large one time to reach the disk", async () => {
    const clock = new ManualClock();
    const ignored = new Progress(clock);
    const taken = new Progress(clock);
    async function* body() {
      for (let i = 0; i < 20; i++) yield piece;
    }
    for await (const _ of taken.of(body())) await clock.pass(1);
    await clock.pass(5_000);
    expect([ignored.isStalled, taken.isStalled]).toEqual([true, false]);
    await clock.pass(2_000);
    expect(taken.isStalled).toBe(true);
  });
});
