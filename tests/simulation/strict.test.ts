/** P3: under --strict no upload is acknowledged with fewer copies than W. Whole servers in simulated time. */
import { expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play } from "./play.ts";

const TEXT = new TextEncoder().encode("a text of some thirty characters");
const STILL_MS = 30_000;
const TIMEOUT_MS = 60_000;

async function put(machine: Machine, requestId: string): Promise<number> {
  const body = async function* () {
    yield TEXT;
  };
  const options = { sizeBytes: TEXT.length, requestId };
  return (await machine.ask((face) => face.put("a/file", body(), options), TIMEOUT_MS)).copies;
}

it("P3: an upload whose targets stand still when they are to enter it is not acknowledged, and is once it is repeated and they go on", () =>
  play({ strict: true }, async (swarm) => {
    const [asked, ...others] = swarm.machines as [Machine, ...Machine[]];
    asked.plan = ({ about }) => {
      if (about === "commit") for (const other of others) other.stop(STILL_MS);
      return undefined;
    };
    await expect(put(asked, "a request")).rejects.toMatchObject({ code: "interrupted" });
    asked.plan = () => undefined;
    await expect(put(asked, "a request")).rejects.toMatchObject({ code: "not-enough-servers" });
    await swarm.world.sleep(STILL_MS);
    expect(await put(asked, "a request")).toBeGreaterThanOrEqual(2);
  }));
