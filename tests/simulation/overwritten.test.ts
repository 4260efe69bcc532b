/** P4, P5: who reads a file while it is overwritten is given what is there, and never told that it is lost. */
import { expect, it } from "vitest";
import { FsdfsError } from "../../src/errors.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";

const READS = 1000;
const READERS = 4;
/** Enough that some come while the server has another answer. */
const FORWARDED_READS = 200;

/** Each of which has every version (W): one that lacks the file may hear that its holders have gone on before it hears of the next. */
it.each([1, 2])("a file that is overwritten again and again can be read at any moment, of %i servers", (servers) =>
  play({ servers }, async (swarm) => {
    const first = swarm.machines[0] as Machine;
    const last = swarm.machines.at(-1) as Machine;
    await putText(swarm, first, "a", "text 0");
    first.delays.hiccups = true;
    let isOver = false;
    const writing = (async () => {
      for (let i = 1; !isOver; i++) await putText(swarm, last, "a", `text ${i}`);
    })();
    const codes = new Set<string>();
    const read = async () => {
      for (let i = 0; i < READS; i++) {
        await readText(swarm, first, "a").catch((error: unknown) => {
          codes.add(error instanceof FsdfsError ? error.code : String(error));
        });
        await swarm.world.sleep(1 + (i % 7));
      }
    };
    await Promise.all(Array.from({ length: READERS }, read));
    isOver = true;
    await writing;
    expect([...codes]).toEqual([]);
  }),
);

it("who reads it through a server that has another answer is told to ask again, and not that a condition fails", () =>
  play({ latencyMs: 20 }, async (swarm) => {
    const [first, behind] = swarm.machines as [Machine, Machine];
    await putText(swarm, first, "a", "text 0");
    behind.plan = ({ port, method }) =>
      port === "catalog" && method === "write" ? { kind: "error", code: "io", side: "before" } : undefined;
    await putText(swarm, first, "a", "text 1");
    await swarm.world.sleep(5_000);
    let isOver = false;
    const writing = (async () => {
      for (let i = 2; !isOver; i++) await putText(swarm, first, "a", `text ${i}`);
    })();
    const codes = new Set<string>();
    for (let i = 0; i < FORWARDED_READS; i++) {
      await readText(swarm, behind, "a").catch((error: unknown) => {
        codes.add(error instanceof FsdfsError ? error.code : String(error));
      });
    }
    isOver = true;
    await writing;
    behind.plan = () => undefined;
    expect([...codes]).toEqual(["behind"]);
  }));
