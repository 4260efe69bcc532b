/** P3: a file that is overwritten by its own bytes, as when a PUT is asked for again, is no less safe than it was. */
import { expect, it } from "vitest";
import type { Location } from "../../src/server/face.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";
import { comeToRest } from "./rest.ts";
import type { Swarm } from "./swarm.ts";

const ASK_TIMEOUT_MS = 20_000;
const REST_MS = 120_000;
/** What a disk did not give has been read again by then. */
const READ_AGAIN_MS = 120_000;

/** The last server takes a PUT on its side of a cut, tells of it and is lost before anybody has copied it. */
const overwrittenAndLost = async (swarm: Swarm, text: string): Promise<Machine> => {
  const [first, other, last] = swarm.machines as [Machine, Machine, Machine];
  await putText(swarm, first, "a", "text");
  await swarm.world.sleep(5_000);
  for (const { name } of [first, other]) {
    await first.ask((face) => face.configureServer(name, { paused: true }), ASK_TIMEOUT_MS);
  }
  swarm.cut([last], [first, other], true);
  await swarm.world.sleep(5_000);
  await putText(swarm, last, "a", text);
  swarm.heal([last], [first, other], "reset");
  await swarm.world.sleep(5_000);
  last.crash();
  await swarm.world.sleep(5_000);
  return first;
};

it("it is read when who took the second PUT is lost", () =>
  play({}, async (swarm) => {
    const first = await overwrittenAndLost(swarm, "text");
    expect((await readText(swarm, first, "a")).text).toBe("text");
  }));

it("S2: what was overwritten by other bytes, which are lost, comes back when it is restored", () =>
  play({}, async (swarm) => {
    const first = await overwrittenAndLost(swarm, "other text");
    await expect(readText(swarm, first, "a")).rejects.toMatchObject({ code: "no-copy-reachable" });
    await first.ask((face) => face.restore({ path: "a", overwrite: true }), ASK_TIMEOUT_MS);
    expect((await readText(swarm, first, "a")).text).toBe("text");
  }));

it("D2: a copy that its disk does not give is not promised when it goes over to a version of the same bytes", () =>
  play({ copies: 2 }, async (swarm) => {
    const [first, , ailing] = swarm.machines as [Machine, Machine, Machine];
    await putText(swarm, first, "a", "text");
    expect(await comeToRest(swarm, swarm.machines, REST_MS, 3)).toBe(undefined);
    ailing.plan = ({ method, about }) =>
      method === "read" && about === "a" ? { kind: "error", code: "io", side: "before" } : undefined;
    await readText(swarm, ailing, "a");
    await swarm.world.sleep(5_000); // The others have heard that its disk takes nothing.
    await putText(swarm, first, "a", "text");
    expect(await comeToRest(swarm, swarm.machines, REST_MS, 3)).toBe(undefined);
    const drops = first.ask((face) => face.drop("a"), ASK_TIMEOUT_MS);
    await expect(drops).rejects.toMatchObject({ code: "drop-refused" });
    ailing.plan = () => undefined;
    await swarm.world.sleep(READ_AGAIN_MS);
    await first.ask((face) => face.drop("a"), ASK_TIMEOUT_MS);
  }));

it.each(["is there", "lies in the trash"])(
  "C2: a file that was moved away at once is read where it is, though its holders hear of that later, and what overwrote it %s",
  (where) =>
    play({ servers: 4, copies: 2 }, async (swarm) => {
      const [first] = swarm.machines as [Machine];
      const pause = async (paused: boolean) => {
        for (const { name } of swarm.machines) {
          await first.ask((face) => face.configureServer(name, { paused }), ASK_TIMEOUT_MS);
        }
      };
      await pause(true);
      await putText(swarm, first, "a", "text");
      const [{ servers }] = (await first.ask((face) => face.locate(["a"]), ASK_TIMEOUT_MS)) as [Location];
      const holders = swarm.machines.filter((machine) => servers.some(({ name }) => name === machine.name));
      const [mover, writer] = swarm.machines.filter((machine) => !holders.includes(machine)) as [Machine, Machine];
      expect(holders).toHaveLength(2);
      swarm.cut([mover], holders, true);
      const moved = mover.ask((face) => face.move("a", "b"), ASK_TIMEOUT_MS);
      await swarm.world.sleep(200);
      const put = putText(swarm, writer, "a", "text");
      await swarm.world.sleep(500);
      const removed = where === "is there" ? put : writer.ask((face) => face.remove("a"), ASK_TIMEOUT_MS);
      await swarm.world.sleep(500);
      swarm.heal([mover], holders, "reset");
      await Promise.all([moved, put, removed]);
      await pause(false);
      expect(await comeToRest(swarm, swarm.machines, REST_MS, 2)).toBe(undefined);
      expect((await readText(swarm, first, "b")).text).toBe("text");
    }),
);
