/** A large file's pull is cut: by a kill of who pulls, a power cut, or a source whose disk fails. It goes on where it was. */
import { CHUNK_BYTES } from "../../../src/server/storage/streams.ts";
import type { Machine } from "../machine.ts";
import type { Drill, Stage } from "./stage.ts";

const PATH = "music/large";
const CHUNKS = 8;
const CUT_AFTER = 6;
/** What a source has read ahead of what the other has written. */
const AHEAD_CHUNKS = 4;
/** A source whose disk failed reads all of its copy again, by itself and in pieces twice as large (P4). */
const READ_AGAIN_CHUNKS = CHUNKS / 2;
/** A put that nobody waits for any more has ended by then. */
const LATE_MS = 60_000;
/** Room for the file, and not for it and what is left of it. */
const QUOTA_BYTES = Math.ceil(CHUNKS * CHUNK_BYTES * 1.5);

const KINDS = ["crash", "power-cut", "source"] as const;

export const cutPulls: Drill = {
  name: "cut pulls",
  rules: "R-step 2",
  // Without the scrub, which would read as well: what comes to a server that was empty is read soon.
  config: () => ({ servers: 3, quotasBytes: [100_000_000, 100_000_000, QUOTA_BYTES], scrubMs: undefined }),
  async play(stage) {
    await stage.boot();
    const [sources, puller] = [stage.machines.slice(0, 2), stage.machine(2)];
    const kind = stage.random.pick(KINDS);
    puller.crash();
    await stage.sleep(4_000);
    await put(stage);
    let reads = 0;
    for (const source of sources) {
      source.plan = ({ method, about }) => {
        if (method !== "read" || about !== PATH) return undefined;
        reads += 1;
        return kind === "source" && reads === CUT_AFTER ? { kind: "error", code: "io", side: "before" } : undefined;
      };
    }
    if (kind === "source") puller.start();
    else await endAmidPull(stage, puller, kind);
    await stage.rest("with all copies", { copies: 3 });
    for (const source of sources) source.plan = () => undefined;
    // A power cut may take all that was written, and leave what is none of it.
    const most = kind === "power-cut" ? CUT_AFTER + 2 * CHUNKS + 2 * AHEAD_CHUNKS : CHUNKS + AHEAD_CHUNKS;
    const besides = kind === "source" ? READ_AGAIN_CHUNKS : 0;
    stage.check(
      reads <= most + besides,
      "R-step 2",
      `${reads} chunks were read for a file of ${CHUNKS}, cut by ${kind}`,
    );
    await stage.judge({ copies: 3 });
  },
};

/** Some clients are too slow for so large a file: what they put comes later, and must not be pulled besides the one that counts. */
async function put(stage: Stage): Promise<void> {
  for (;;) {
    const { outcome } = await stage.put(stage.machine(0), PATH, stage.content(PATH, CHUNKS * CHUNK_BYTES - 1));
    if (outcome === "acknowledged") return;
    await stage.sleep(LATE_MS);
  }
}

async function endAmidPull(stage: Stage, puller: Machine, kind: "crash" | "power-cut"): Promise<void> {
  let writes = 0;
  puller.plan = ({ method, about }) => {
    if (method !== "write" || !about.startsWith(".fsdfs/staged/")) return undefined;
    writes += 1;
    return writes === CUT_AFTER ? { kind, side: "after" } : undefined;
  };
  puller.start();
  while (writes < CUT_AFTER) await stage.sleep(50);
  puller.plan = () => undefined;
  await stage.sleep(1_000);
  puller.start();
}
