/** A server in whose data directory no file can be made any more: its disk is read-only, or has been taken away. */
import { expect, it } from "vitest";
import { Stand } from "./figures/stand.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";
import { comeToRest } from "./rest.ts";

const FAILING_MS = 60_000;
const LOOK_EVERY_MS = 100;

/** Of one server, as another tells of them. */
async function alarmsOf(asked: Machine, { name }: Machine): Promise<string[]> {
  const servers = await asked.ask((face) => face.servers(), 20_000);
  return servers.find((server) => server.name === name)!.alarms.map(({ message }) => message);
}

it("is told of when it is read-only, goes on serving, and is well once it can be written", () =>
  play({}, async (swarm) => {
    const [first, second] = swarm.machines as [Machine, Machine];
    await putText(swarm, first, "before", "text");
    await swarm.world.sleep(5_000);
    second.plan = ({ port, method }) =>
      port === "files" && method === "create" ? { kind: "error", code: "read-only", side: "before" } : undefined;
    await putText(swarm, second, "since", "text");
    await swarm.world.sleep(30_000);
    expect(await alarmsOf(first, second)).toEqual([expect.stringContaining("is read-only")]);
    expect((await first.ask((face) => face.status(), 20_000)).advice).toContain("is read-only");
    expect((await readText(swarm, second, "before")).text).toBe("text");
    second.plan = () => undefined;
    await swarm.world.sleep(10_000);
    expect(await alarmsOf(first, second)).toEqual([]);
  }));

it("is told of when it is not there, though nobody has anything to store", () =>
  play({}, async (swarm) => {
    const [first, second] = swarm.machines as [Machine, Machine];
    second.plan = ({ port }) => (port === "files" ? { kind: "error", code: "missing", side: "before" } : undefined);
    await swarm.world.sleep(10_000);
    expect(await alarmsOf(first, second)).toEqual([expect.stringContaining("Mount its disk")]);
  }));

it("S2 S3 S8: has its own directories again when a hand has taken them away, and goes on", () =>
  play({ copies: 2 }, async (swarm) => {
    const [first] = swarm.machines as [Machine];
    for (const path of ["old", "deleted", "edited"]) await putText(swarm, first, path, path);
    expect(await comeToRest(swarm, swarm.machines, FAILING_MS, 3)).toBe(undefined);
    await first.ask((face) => face.remove("old"), 20_000);
    await swarm.world.sleep(5_000);
    for (const { name } of first.files.tree().toReversed()) {
      if (/^\.fsdfs\/(trash|staged|side|aside)(\/|$)/.test(name)) first.files.removeExternally(name);
    }
    await swarm.world.sleep(30_000);
    await first.ask((face) => face.remove("deleted"), 20_000);
    first.files.writeExternally("edited", new TextEncoder().encode("an operator's own"));
    expect((await readText(swarm, first, "edited")).text).toBe("edited");
    await putText(swarm, first, "since", "text");
    expect(await comeToRest(swarm, swarm.machines, FAILING_MS, 3)).toBe(undefined);
    const files = first.files.tree().filter(({ type }) => type === "file");
    expect(files.map(({ name }) => name).filter((name) => !/^\.fsdfs\/(identity|names-)/.test(name))).toEqual([
      expect.stringMatching(/^\.fsdfs\/aside\//),
      expect.stringMatching(/^\.fsdfs\/trash\/.*-deleted$/),
      "edited",
      "since",
    ]);
  }));

it.each(["write", "sync"])(
  "S1: has an upload sent again when it fails amid it (%s), which then goes elsewhere",
  (method) =>
    play({}, async (swarm) => {
      const [, second] = swarm.machines as [Machine, Machine];
      second.plan = (call) =>
        call.port === "files" && call.method === method
          ? { kind: "error", code: "no-space", side: "before" }
          : undefined;
      await expect(putText(swarm, second, "a", "text")).rejects.toMatchObject({ code: "overloaded" });
      expect((await putText(swarm, second, "a", "text")).copies).toBe(2);
    }),
);

it("R1: gives up no copies for a file that it cannot write, where there is room for it", async () => {
  const SIZE_BYTES = 4_000;
  const [lacking, spare] = [0, 1];
  const stand = new Stand({
    seed: 1,
    files: [{ sizeBytes: SIZE_BYTES }, { sizeBytes: SIZE_BYTES }],
    servers: [
      { quotaBytes: 3 * SIZE_BYTES, holds: [spare] },
      { quotaBytes: 2 * SIZE_BYTES, holds: [lacking, spare] },
      { quotaBytes: SIZE_BYTES, holds: [spare] },
      { quotaBytes: SIZE_BYTES, holds: [spare] },
    ],
    config: { copies: 2, reserve: 0 },
  });
  await stand.play(async () => {
    await stand.prepare();
    const [refusing] = stand.machines as [Machine];
    refusing.plan = ({ port, method }) =>
      port === "files" && method === "write" ? { kind: "error", code: "io", side: "before" } : undefined;
    refusing.load = 0; // Nobody else copies meanwhile.
    for (let lookedMs = 0; lookedMs < FAILING_MS; lookedMs += LOOK_EVERY_MS) {
      await stand.world.sleep(LOOK_EVERY_MS);
      expect([...stand.holdings()[0]!]).toEqual([spare]);
    }
    refusing.plan = () => undefined;
    await stand.changesWithin(FAILING_MS);
    expect([...stand.holdings()[0]!]).toEqual([lacking, spare]);
  });
});
