/** A server whose catalog cannot be written any more, as when its file system has become read-only. */
import { expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";

/** Of one server, as another tells of them. */
async function alarmsOf(asked: Machine, { name }: Machine): Promise<string[]> {
  const servers = await asked.ask((face) => face.servers(), 20_000);
  return servers.find((server) => server.name === name)!.alarms.map(({ message }) => message);
}

it("P5: has others answer for it once it has waited for what it cannot take in", () =>
  play({}, async (swarm) => {
    const [first, second] = swarm.machines as [Machine, Machine];
    await putText(swarm, first, "before", "the first");
    await swarm.world.sleep(5_000);
    second.plan = ({ port, method }) =>
      port === "catalog" && method === "write" ? { kind: "error", code: "io", side: "before" } : undefined;
    await putText(swarm, first, "since", "the second");
    await swarm.world.sleep(5_000);
    expect(await alarmsOf(first, second)).toEqual([expect.stringContaining("cannot be written")]);
    for (const [path, text] of [
      ["before", "the first"],
      ["since", "the second"],
    ] as const) {
      expect((await readText(swarm, second, path)).text).toBe(text);
      expect(await second.ask((face) => face.head(path), 20_000)).toMatchObject({ path });
    }
    await second.ask((face) => face.move("since", "moved"), 20_000);
    expect((await readText(swarm, first, "moved")).text).toBe("the second");
    await putText(swarm, second, "through", "the third");
    expect((await readText(swarm, first, "through")).text).toBe("the third");
    second.plan = () => undefined;
    await swarm.world.sleep(5_000);
    expect((await readText(swarm, second, "moved")).tookMs).toBeLessThan(1_000);
    expect(await alarmsOf(first, second)).toEqual([]);
  }));
