/** An upload whose bytes are taken away, by hand, while it is made a copy. */
import { expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";

it("W2: is not told to be on a server that has it no more", () =>
  play({ servers: 2, copies: 2 }, async (swarm) => {
    const [first, second] = swarm.machines as [Machine, Machine];
    first.plan = ({ method, about }) => {
      if (method === "stat" && about.startsWith(".fsdfs/staged/")) first.files.removeExternally(about);
      return undefined;
    };
    const told = await putText(swarm, first, "a.ogg", "some bytes");
    first.plan = () => undefined;
    expect(told.copies).toBe(1);
    expect((await readText(swarm, second, "a.ogg")).text).toBe("some bytes");
  }));
