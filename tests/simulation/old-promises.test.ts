/** D1 to D3: what others promised counts while it can still be so. Whole servers in simulated time. */
import { expect, it } from "vitest";
import { sha256Of } from "./content.ts";
import type { Machine } from "./machine.ts";
import { play, putText } from "./play.ts";
import { comeToRest } from "./rest.ts";
import type { Swarm } from "./swarm.ts";

const PATH = "music/a";
const TEXT = "what is held three times";
const SHA256 = sha256Of(new TextEncoder().encode(TEXT));
const TIMEOUT_MS = 60_000;
/** Longer than a server is taken for up that is not there any more. */
const AWAY_MS = 8_000;
/** Shorter, and long for a look at a file. */
const CHECK_MS = 2_000;

function holders(swarm: Swarm): string[] {
  const holds = ({ files }: Machine) =>
    files.tree().some(({ name, type, content }) => name === PATH && type === "file" && sha256Of(content) === SHA256);
  return swarm.machines.filter(holds).map(({ name }) => name);
}

/** One server is told to drop a file that all three hold, of which two may not be without. */
async function drops(swarm: Swarm, meanwhile: (asked: Machine, other: Machine) => Promise<void>): Promise<void> {
  const [asked, other] = swarm.machines as [Machine, Machine];
  await putText(swarm, asked, PATH, TEXT);
  expect(await comeToRest(swarm, swarm.machines, 60_000, 3)).toBe(undefined);
  await meanwhile(asked, other);
  expect(holders(swarm).length).toBeGreaterThanOrEqual(2);
}

it("who stood still when promises came gives nothing up by them: who gave one may be gone", () =>
  play({ copies: 2 }, (swarm) =>
    drops(swarm, async (asked, other) => {
      let promises = 0;
      asked.plan = ({ method, about }) => {
        if (method !== "request" || about !== "promise" || ++promises < 2) return undefined;
        return { kind: "stop", side: "after", forMs: AWAY_MS };
      };
      const dropping = asked.ask((face) => face.drop(PATH), TIMEOUT_MS).catch(() => undefined);
      await swarm.world.sleep(AWAY_MS / 2);
      other.powerCut();
      other.replaceDisks();
      await dropping;
      await swarm.world.sleep(AWAY_MS);
    }),
  ));

it("P3: what was promised when fewer copies were enough is not enough once N is higher", () =>
  play({ servers: 2, copies: 1 }, async (swarm) => {
    const [asked, other] = swarm.machines as [Machine, Machine];
    await putText(swarm, asked, PATH, TEXT);
    expect(await comeToRest(swarm, swarm.machines, TIMEOUT_MS, 2)).toBe(undefined);
    other.plan = ({ method, about }) =>
      method === "open" && about === PATH ? { kind: "stop", side: "before", forMs: CHECK_MS } : undefined;
    const dropping = asked.ask((face) => face.drop(PATH), TIMEOUT_MS).catch(({ code }) => code);
    await swarm.world.sleep(CHECK_MS / 4);
    await asked.ask((face) => face.configureSwarm({ copies: 3 }), TIMEOUT_MS);
    expect(await dropping).toBe("drop-refused");
    expect(holders(swarm)).toHaveLength(2);
  }));

it("P3: what a server has promised that is drained since does not count, as its copy counts for no K (M3)", () =>
  play({ copies: 2 }, async (swarm) => {
    const [asked, other, third] = swarm.machines as [Machine, Machine, Machine];
    await putText(swarm, asked, PATH, TEXT);
    expect(await comeToRest(swarm, swarm.machines, TIMEOUT_MS, 3)).toBe(undefined);
    other.plan = ({ method, about }) =>
      method === "open" && about === PATH ? { kind: "stop", side: "before", forMs: CHECK_MS } : undefined;
    const dropping = asked.ask((face) => face.drop(PATH), TIMEOUT_MS).catch(({ code }) => code);
    await swarm.world.sleep(CHECK_MS / 4);
    await asked.ask((face) => face.configureServer(third.name, { draining: true, paused: true }), TIMEOUT_MS);
    expect(await dropping).toBe("drop-refused");
    expect(holders(swarm)).toContain(asked.name);
  }));
