import { expect, it } from "vitest";
import { createTurns } from "./event-loop.ts";

it("of all who wait for a turn one goes on in each, and in the order in which they came", async () => {
  const next = createTurns();
  let turn = 0;
  const count = () => {
    turn += 1;
    if (turn < 20) setImmediate(count);
  };
  setImmediate(count);
  const done: { readonly who: string; readonly turn: number }[] = [];
  const work = async (who: string) => {
    for (let piece = 0; piece < 3; piece++) {
      await next();
      done.push({ who, turn });
    }
  };
  await Promise.all(["a", "b", "c"].map(work));
  expect(done.map(({ who }) => who).join("")).toBe("abcabcabc");
  expect(new Set(done.map((each) => each.turn)).size).toBe(done.length);
});
