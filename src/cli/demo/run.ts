/** The demo from its beginning to its end, whichever comes first: that of the story, a failure or Ctrl-C. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../command.ts";
import { quoted } from "../output.ts";
import { madeMusic, ownMusic } from "./music.ts";
import { createScreen, type Screen } from "./screen.ts";
import type { Song } from "./songs.ts";
import { Story } from "./story.ts";
import { type DemoServer, DemoSwarm } from "./swarm.ts";

/** The exit code of what Ctrl-C has ended. */
const INTERRUPTED = 130;
/** A process that was killed may still have been writing. */
const REMOVAL = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 } as const;

/** Answers the exit code. @param directory of one's own music; undefined: the demo makes some */
export async function runDemo(directory: string | undefined, context: Context): Promise<number> {
  context.outlivesOutput(); // Else its servers would be left behind.
  const own = directory === undefined ? undefined : await ownMusic(directory);
  const interrupted = new AbortController();
  const atInterrupt = new Promise<"interrupted">((done) => {
    interrupted.signal.addEventListener("abort", () => done("interrupted"));
  });
  const interrupt = () => interrupted.abort();
  context.onInterrupt(interrupt);
  // The terminal was closed.
  process.on("SIGHUP", interrupt);
  const folder = await mkdtemp(join(tmpdir(), "fsdfs-demo-"));
  // Somebody is there who can try things, and end it.
  const stays = context.out.terminal;
  const screen = createScreen(context.out, context.environment);
  const swarm = new DemoSwarm(folder, context.environment, randomBytes(16).toString("hex"));
  try {
    screen.say(`fsdfs demo: three servers on this machine, with all they have in ${folder}\n`);
    const music = own ?? madeMusic();
    const playing = play(new Story(swarm, screen), music, stays ? screen : undefined);
    // After Ctrl-C the servers end under its feet.
    playing.catch(() => undefined);
    const watch = await Promise.race([playing, atInterrupt]);
    if (watch === "interrupted") return INTERRUPTED;
    if (stays) await Promise.race([watch(interrupted.signal), atInterrupt]);
    return 0;
  } finally {
    screen.end();
    await swarm.close();
    await rm(folder, REMOVAL);
    process.off("SIGHUP", interrupt);
    if (stays) screen.say(`\nThe servers have ended, and ${folder} is removed.`);
  }
}

/** Answers what to do when the story is over. @param screen where to say what to try next */
async function play(
  story: Story,
  music: Song[] | Promise<Song[]>,
  screen: Screen | undefined,
): Promise<(signal: AbortSignal) => Promise<void>> {
  const { servers, paths } = await story.play(music);
  const [server] = servers;
  const [path] = paths;
  if (screen !== undefined && server !== undefined && path !== undefined) {
    const { secret } = await server.client.createKey("demo", "write");
    screen.say(whatNext(servers, path, secret));
  }
  return (signal) => story.watch(signal);
}

function whatNext(servers: readonly DemoServer[], path: string, key: string): string {
  const [first, second, third] = servers;
  const url = (server: DemoServer | undefined) => server?.url ?? "";
  return [
    "",
    "What to try next, in another terminal:",
    `  in a browser   ${url(first)}/files/${path}`,
    `  list           curl ${url(second)}/files/songs/`,
    `  who has it     curl ${url(third)}/locate/${path}`,
    `  a key          KEY=${key}`,
    `  put a file     curl -H "Authorization: Bearer $KEY" -T README.md ${url(second)}/files/README.md`,
    `  the commands   export FSDFS_SERVER=${url(first)} FSDFS_KEY=$KEY`,
    "                 ./fsdfs ls -l songs; ./fsdfs status; ./fsdfs servers",
    `  the files      ls -l ${quoted(join(third?.data ?? "", "songs"))}`,
    `  kill one       kill -9 ${second?.pid ?? ""}     (it is started again after a moment)`,
    "Ctrl-C ends the servers and removes everything.",
  ].join("\n");
}
