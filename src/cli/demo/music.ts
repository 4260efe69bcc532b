/** The files that the demo stores: tunes made on the spot, or somebody's own music. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setImmediate as breath } from "node:timers/promises";
import { LocalError } from "../command.ts";
import { makeSong, type Song } from "./songs.ts";

/** What is shown in a few seconds, and fits a line or two. */
const FILES_MAX = 60;
/** Three copies of it go to the temporary directory. */
const BYTES_MAX = 300_000_000;
const SONGS_MADE = 40;
const AUDIO = /\.(flac|mp3|ogg|oga|opus|m4a|aac|wav|aif|aiff)$/i;
const DIRECTORIES_MAX = 10_000;

/** Another program may need the machine between two songs. */
export async function madeMusic(): Promise<Song[]> {
  const songs: Song[] = [];
  for (let number = 1; number <= SONGS_MADE; number++) {
    songs.push(makeSong(number));
    await breath();
  }
  return songs;
}

/** Audio files found below `directory`, as many as a demo can do with. @throws LocalError when there are none */
export async function ownMusic(directory: string): Promise<Song[]> {
  const songs = new Map<string, Song>();
  let bytes = 0;
  for await (const path of audioFiles(directory)) {
    const { size } = await stat(path);
    if (bytes + size > BYTES_MAX) continue;
    const name = basename(path);
    if (songs.has(name)) continue;
    songs.set(name, { name, bytes: new Uint8Array(await readFile(path)) });
    bytes += size;
    if (songs.size >= FILES_MAX) break;
  }
  if (songs.size >= 2) return [...songs.values()];
  throw new LocalError(
    `There are not two audio files in ${directory}, or they have more than ${BYTES_MAX / 1e6} MB.`,
    "Name another directory with --music, or leave it out: the demo makes music of its own.",
  );
}

async function* audioFiles(directory: string): AsyncGenerator<string> {
  const open = [directory];
  for (let left = DIRECTORIES_MAX; left > 0; left--) {
    const next = open.shift();
    if (next === undefined) return;
    const entries = await readdir(next, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.isDirectory() && !entry.name.startsWith(".")) open.push(join(next, entry.name));
      else if (entry.isFile() && AUDIO.test(entry.name)) yield join(next, entry.name);
    }
  }
}
