/** S1: a change that a server has taken long to make, since its disk stood still, and that was asked for elsewhere since. */
import { expect, it } from "vitest";
import type { Face } from "../../src/server/face.ts";
import type { Machine } from "./machine.ts";
import { play, readText } from "./play.ts";

/** Of a client that then asks another server. */
const PATIENCE_MS = 60_000;
const STILL_MS = 130_000;

/** From now on the disk of its catalog takes nothing for so long, and then all that waits, in order. */
function standStill({ delays }: Machine, nowMs: () => number): void {
  const usual = delays.of.bind(delays);
  const untilMs = nowMs() + STILL_MS;
  delays.of = (port, method) => {
    const leftMs = untilMs - nowMs();
    return port === "catalog" && method === "write" && leftMs > 0
      ? { beforeMs: leftMs, afterMs: 0 }
      : usual(port, method);
  };
}

const put = (path: string, text: string) => (face: Face) => {
  const bytes = new TextEncoder().encode(text);
  return face.put(path, once(bytes), { sizeBytes: bytes.length });
};

const CHANGES: readonly [string, (face: Face) => Promise<unknown>][] = [
  ["a PUT", put("file", "given up")],
  ["a deletion", (face) => face.remove("file")],
  ["a move", (face) => face.move("file", "elsewhere")],
  ["a restore", (face) => face.restore({ path: "deleted", to: "file", overwrite: true })],
];

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

it.each(CHANGES)("S1: %s that its client has given up does not undo what was acknowledged since", (_, change) =>
  play({}, async (swarm) => {
    const [slow, other] = swarm.machines as [Machine, Machine];
    for (const path of ["file", "deleted"]) await slow.ask(put(path, "before"), PATIENCE_MS);
    await slow.ask((face) => face.remove("deleted"), PATIENCE_MS);
    await swarm.world.sleep(10_000);
    standStill(slow, () => swarm.world.nowMs);
    await expect(slow.ask(change, PATIENCE_MS)).rejects.toMatchObject({ reason: "timeout" });
    await other.ask(put("file", "since"), PATIENCE_MS); // It may wait for the slow one's part.
    await swarm.world.sleep(STILL_MS);
    expect((await readText(swarm, other, "file")).text).toBe("since");
    expect((await readText(swarm, slow, "file")).text).toBe("since");
  }),
);
