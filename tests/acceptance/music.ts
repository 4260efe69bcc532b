/** 150 MB of real files: the OGG of the Debian package wesnoth-1.16-music. */
import { stat } from "node:fs/promises";

export const MUSIC = "/usr/share/games/wesnoth/1.16/data/core/music";

/** @throws with what to install when it is not there */
export async function checkMusic(): Promise<void> {
  await stat(MUSIC).catch(() => {
    throw new Error(`${MUSIC} is missing. Install it: apt-get install wesnoth-1.16-music`);
  });
}
