/**
 * Figure "new-file": one file is put into a swarm of idle servers with room for it. How many begin to copy it before they
 * can have heard from each other that they do, and how many one source serves at once.
 */
import { SeededRandom } from "../random.ts";
import { Stand } from "./stand.ts";

export interface NewFileResult {
  /** Pulls that were begun within a heartbeat of the first: nobody had to know of them. */
  readonly early: number;
  /** Pulls that were begun before the file had N copies. */
  readonly beforeCopies: number;
  readonly mostAtOnce: number;
  /** Servers that have it in the end. */
  readonly copies: number;
  readonly allMs: number;
}

const COPIES = 3;
/** It takes some seconds on its way, so that there is time to hear of it. */
const SIZE_BYTES = 4_000_000;
const RATE = 1_000_000;
const PATH = "new";
const HEARTBEAT_MS = 500;
/** Longer than a source that was too busy is left alone. */
const QUIET_MS = 6_000;
const ASK_TIMEOUT_MS = 120_000;
const REST_LIMIT_MS = 1_800_000;

export async function newFile(seed: number, count = 50): Promise<NewFileResult> {
  const random = SeededRandom.of(seed, "new file");
  const servers = Array.from({ length: count }, () => ({ quotaBytes: 10 * SIZE_BYTES, holds: [] }));
  const config = { copies: COPIES, writeCopies: 2, pullRate: RATE };
  const stand = new Stand({ seed, files: [], servers, config });
  const bytes = new Uint8Array(SIZE_BYTES).fill(1);
  let result: NewFileResult | undefined;
  await stand.play(async () => {
    await stand.prepare();
    stand.letGo();
    const { machines, world } = stand;
    const startMs = world.nowMs;
    await random.pick(machines).ask((face) => face.put(PATH, inPieces(bytes)), ASK_TIMEOUT_MS);
    const copiesNow = async () => {
      const [location] = await machines[0]!.ask((face) => face.locate([PATH]), ASK_TIMEOUT_MS);
      return location?.copies ?? 0;
    };
    while ((await copiesNow()) < COPIES) await world.sleep(20);
    const begun = stand.pulls.served.map(({ fromMs }) => fromMs);
    const early = begun.filter((fromMs) => fromMs - begun[0]! <= HEARTBEAT_MS).length;
    await stand.rest(REST_LIMIT_MS, QUIET_MS);
    const allMs = Math.max(...stand.pulls.served.map(({ toMs }) => toMs)) - startMs;
    result = {
      early,
      beforeCopies: begun.length,
      mostAtOnce: stand.pulls.mostAtOnce(),
      copies: await copiesNow(),
      allMs,
    };
  });
  return result!;
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const piece = 256 * 1024;
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}
