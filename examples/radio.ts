/**
 * A radio: plays the songs of a playlist that lies in the swarm, one after another, each from the holder that has least to do,
 * and at the end of the list waits for what is added to it.
 *
 *   FSDFS_KEY=… npm run --silent example examples/radio.ts http://localhost:4242 /evening.m3u | mpv -
 */
import { once } from "node:events";
import { createClient, FsdfsError } from "fsdfs";

const [url = "http://localhost:4242", playlist = "/evening.m3u"] = process.argv.slice(2);
const client = createClient({ url, key: process.env.FSDFS_KEY ?? "" });

const changes = client.events({ types: ["file"], under: playlist });
await changes.next(); // It is "ready": no change from here on goes unheard.

for (let at = 0; ; at++) {
  let songs = await songsOfPlaylist();
  while (at >= songs.length) {
    if ((await changes.next()).done) process.exit();
    songs = await songsOfPlaylist();
  }
  await play(songs[at] as string).catch(tell);
}

async function songsOfPlaylist(): Promise<string[]> {
  const text = await (await client.get(playlist)).text();
  return text.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
}

/** A holder that fails amid the song is no reason to stop: the rest of it comes from the next one. */
async function play(song: string): Promise<void> {
  const location = await client.locate(song);
  const servers = location.servers.filter(({ state }) => state === "up").sort((a, b) => a.load - b.load);
  console.error(`${song}, from ${servers[0]?.name} of ${servers.length}`);
  const { body } = await client.get(song, { from: { ...location, servers } });
  for await (const chunk of body) {
    if (!process.stdout.write(chunk)) await once(process.stdout, "drain");
  }
}

function tell(error: unknown): void {
  if (!(error instanceof FsdfsError)) throw error;
  console.error(`${error.message} ${error.hint}`);
}
