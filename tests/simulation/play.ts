/** A few whole servers on simulated machines for a test of one rule, without chance faults. */
import { expect } from "vitest";
import { composeServer } from "../../src/main.ts";
import { withBugsReported } from "./bugs.ts";
import type { Machine } from "./machine.ts";
import { comeToRest } from "./rest.ts";
import { Swarm, type SwarmConfig } from "./swarm.ts";
import { World } from "./world.ts";

const SEED = 20_260_102;
const BOOT_LIMIT_MS = 60_000;
/** Until each has heard from the others that they are not behind any more. */
const HEARD_MS = 1_000;
const STORY_LIMIT_MS = 3_600_000;
const ASK_TIMEOUT_MS = 20_000;

/** Of three servers, as most stories have them. */
export const CONFIG: SwarmConfig = {
  servers: 3,
  copies: 3,
  writeCopies: 2,
  graceMs: 600_000,
  quotaBytes: 50_000_000,
  strict: false,
  latencyMs: 1,
  discovery: false,
};

/**
 * Starts the servers, waits until they are one swarm at rest, and plays `story` to its end in simulated time.
 *
 * @param limitMs of simulated time; only for stories in which servers stand still for long
 */
export async function play(
  config: Partial<SwarmConfig>,
  story: (swarm: Swarm) => Promise<void>,
  limitMs = STORY_LIMIT_MS,
): Promise<void> {
  await playFrom(config, boot, story, limitMs);
}

/** As `play`, with servers each of which has begun a swarm of its own. */
export async function playApart(config: Partial<SwarmConfig>, story: (swarm: Swarm) => Promise<void>): Promise<void> {
  await playFrom(config, bootApart, story);
}

async function boot(swarm: Swarm, machines: readonly Machine[] = swarm.machines): Promise<void> {
  for (const machine of machines) {
    machine.delays.hiccups = false;
    machine.start();
  }
  expect(await comeToRest(swarm, machines, BOOT_LIMIT_MS)).toBe(undefined);
}

async function bootApart(swarm: Swarm): Promise<void> {
  for (const machine of swarm.machines) {
    machine.knowsNobody = true;
    await boot(swarm, [machine]);
  }
}

async function playFrom(
  config: Partial<SwarmConfig>,
  begin: (swarm: Swarm) => Promise<void>,
  story: (swarm: Swarm) => Promise<void>,
  limitMs = STORY_LIMIT_MS,
): Promise<void> {
  const world = new World(SEED);
  const swarm = new Swarm(world, { ...CONFIG, ...config }, composeServer);
  let ended = false;
  const run = async () => {
    await begin(swarm);
    await world.sleep(HEARD_MS);
    await story(swarm);
  };
  await withBugsReported(world, async () => {
    const running = run().finally(() => {
      ended = true;
    });
    running.catch(() => undefined); // It is awaited below.
    expect(await world.run(limitMs, () => ended)).toBe(true);
    await running;
  });
  expect(world.failures).toEqual([]);
}

/** Puts a file through a server; answers how long it took in simulated milliseconds, and what the server answered. */
export async function putText(swarm: Swarm, machine: Machine, path: string, text: string) {
  const startMs = swarm.world.nowMs;
  const bytes = new TextEncoder().encode(text);
  const result = await machine.ask((face) => face.put(path, once(bytes), { sizeBytes: bytes.length }), ASK_TIMEOUT_MS);
  return { ...result, tookMs: swarm.world.nowMs - startMs };
}

/** Reads a file through a server that answers itself or for another; how long it took, and the text. */
export async function readText(swarm: Swarm, machine: Machine, path: string) {
  const startMs = swarm.world.nowMs;
  const text = await machine.ask(async (face) => {
    const opened = await face.open(path, { redirect: "never" });
    if (opened.kind === "redirect") throw new Error("it was not to redirect");
    const chunks: Uint8Array[] = [];
    for await (const chunk of opened.stream(0, opened.info.size ?? 0)) chunks.push(Uint8Array.from(chunk));
    await opened.close();
    return Buffer.concat(chunks).toString();
  }, ASK_TIMEOUT_MS);
  return { text, tookMs: swarm.world.nowMs - startMs };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
