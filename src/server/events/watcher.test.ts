import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import type { SwarmEvent } from "./event.ts";
import { Watcher } from "./watcher.ts";

const TOLD = 10_000;

describe("one who watches", () => {
  it("is told every event in order, and those that were told are not kept for ever, though there is always one that waits", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const clock = new ManualClock();
    const signal = new AbortController().signal;
    const watcher = new Watcher({ signal }, signal);
    const told: WeakRef<SwarmEvent>[] = [];
    const offer = (i: number) => watcher.offer({ type: "file", change: "directory", path: `directory ${i}` });
    offer(0);
    for (let i = 0; i < TOLD; i++) {
      offer(i + 1);
      const event = await watcher.next(clock);
      expect(event).toMatchObject({ path: `directory ${i}` });
      told.push(new WeakRef(event!));
    }
    await new Promise((resolve) => setImmediate(resolve)); // Until then a WeakRef holds what it was made of.
    collectGarbage();
    expect(told.filter((event) => event.deref() !== undefined).length).toBeLessThanOrEqual(1_000);
    expect(await watcher.next(clock)).toMatchObject({ path: `directory ${TOLD}` });
  });
});
