/** S1: a PUT that is asked for again, and was carried out before. Whole servers in simulated time. */
import { expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play, readText } from "./play.ts";
import type { PortCall } from "./process.ts";

const PATH = "file";
const TIMEOUT_MS = 20_000;

function put(machine: Machine) {
  const bytes = new TextEncoder().encode("text");
  const body = async function* () {
    yield bytes;
  };
  return machine.ask((face) => face.put(PATH, body(), { sizeBytes: bytes.length, requestId: "once" }), TIMEOUT_MS);
}

const FAILING: readonly [string, (call: PortCall) => boolean][] = [
  ["its disk", ({ port, about }) => port === "files" && about === PATH],
  ["its catalog's disk", ({ port, method }) => port === "catalog" && method === "flushed"],
];

it.each(FAILING)("S1: is not told that nothing was stored while %s fails", (_, isFailing) =>
  play({ writeCopies: 1 }, async (swarm) => {
    const [machine] = swarm.machines as [Machine];
    const { version } = await put(machine);
    machine.plan = (call) => (isFailing(call) ? { kind: "error", code: "no-space", side: "before" } : undefined);
    await expect(put(machine)).rejects.toMatchObject({ code: "interrupted" });
    machine.plan = () => undefined;
    expect((await put(machine)).version).toBe(version);
    expect((await readText(swarm, machine, PATH)).text).toBe("text");
  }),
);
