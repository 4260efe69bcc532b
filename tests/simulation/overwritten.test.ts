/** P4, P5: who reads a file while it is overwritten is given what is there, and never told that it is lost. */
import { expect, it } from "vitest";
import { FsdfsError } from "../../src/errors.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";

const READS = 1000;
const READERS = 4;

it.each([1, 3])("a file that is overwritten again and again can be read at any moment, of %i servers", (servers) =>
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
