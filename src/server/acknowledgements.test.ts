import { describe, expect, it } from "vitest";
import { ManualClock } from "../../tests/manual-clock.ts";
import { Acknowledgements } from "./acknowledgements.ts";

/** Two other servers, which know so many records; the second counts no more from a moment on. */
function swarm() {
  const clock = new ManualClock();
  const stopping = new AbortController();
  const known = { first: 0, second: 0, secondUntil: Number.POSITIVE_INFINITY };
  let looks = 0;
  const acknowledgements = new Acknowledgements({
    clock,
    ending: stopping.signal,
    others: () => {
      looks += 1;
      const now = clock.monotonic();
      return [(number) => known.first >= number, (number) => known.second >= number || now >= known.secondUntil];
    },
  });
  const done: string[] = [];
  const wait = (number: number) =>
    void acknowledgements.settled("origin", number).then((isSettled) => done.push(`${number} ${isSettled}`));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { clock, stopping, known, acknowledgements, done, wait, turn, looks: () => looks };
}

describe("writes that wait until the others know of them", () => {
  it("P5: are acknowledged when all know them, those that are not yet known wait on", async () => {
    const { known, acknowledgements, done, wait, turn } = swarm();
    for (const number of [1, 2, 3]) wait(number);
    known.first = 3;
    acknowledgements.look();
    await turn();
    expect(done).toEqual([]);
    known.second = 2;
    acknowledgements.look();
    await turn();
    expect(done).toEqual(["1 true", "2 true"]);
    wait(2); // It is known already.
    await turn();
    expect(done).toEqual(["1 true", "2 true", "2 true"]);
  });

  it("M2: are acknowledged by the clock alone when a silent server counts no more", async () => {
    const { clock, known, done, wait } = swarm();
    known.first = 9;
    known.secondUntil = 1500;
    wait(9);
    await clock.pass(1490);
    expect(done).toEqual([]);
    await clock.pass(120);
    expect(done).toEqual(["9 true"]);
  });

  it("are looked at together: a change costs one look at the others, however many wait", async () => {
    const { acknowledgements, wait, looks } = swarm();
    for (let number = 1; number <= 100; number++) wait(number);
    const before = looks();
    acknowledgements.look();
    expect(looks() - before).toBe(1);
  });

  it("are not acknowledged when this server stops, be it before they wait or after", async () => {
    const { stopping, done, wait, turn } = swarm();
    wait(1);
    stopping.abort();
    wait(2);
    await turn();
    expect(done).toEqual(["1 false", "2 false"]);
  });
});
