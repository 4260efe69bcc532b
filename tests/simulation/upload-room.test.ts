/** S3: what an upload is told that finds no room at the moment, though there will be some. Whole servers in simulated time. */
import { expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play } from "./play.ts";
import { comeToRest } from "./rest.ts";

const SIZE = 1000;
const TIMEOUT_MS = 20_000;
/** They are up still, and behind when they go on. */
const STILL_MS = 2500;

async function put(machine: Machine, path: string): Promise<number> {
  const body = async function* () {
    yield new Uint8Array(SIZE).fill(path.charCodeAt(path.length - 1));
  };
  return (await machine.ask((face) => face.put(path, body(), { sizeBytes: SIZE }), TIMEOUT_MS)).copies;
}

it("S3: while servers that stood still promise nothing yet, an upload is told to come again, not that there is no room", () =>
  play({ servers: 4, quotaBytes: 3.5 * SIZE }, async (swarm) => {
    const [asked, ...others] = swarm.machines as [Machine, ...Machine[]];
    for (const path of ["a", "b", "c", "d"]) await put(asked, path);
    expect(await comeToRest(swarm, swarm.machines, 60_000)).toBe(undefined);
    asked.plan = ({ about }) => {
      if (about === "promise") for (const other of others) other.stop(STILL_MS);
      return undefined;
    };
    await expect(put(asked, "e")).rejects.toMatchObject({ code: "overloaded" });
    asked.plan = () => undefined;
    await swarm.world.sleep(STILL_MS);
    expect(await put(asked, "e")).toBe(2);
  }));
