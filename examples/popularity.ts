/**
 * What is played much gets more copies: a server that counts a web server's access log, sets on each file how often it was
 * played, as the variable `popularity`, and has a copy more made for each tenfold of it.
 *
 *   FSDFS_PASSWORD=… npm run example examples/popularity.ts /var/log/nginx/access.log ./files http://localhost:4242
 */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { type Policy, startServer } from "fsdfs";

const [log = "access.log", data = "./files", join] = process.argv.slice(2);
const password = process.env.FSDFS_PASSWORD;

/** 2 copies of what nobody plays, 3 of what was played nine times, 5 of what was played a thousand. */
const byPopularity: Policy = ({ variables }) => 2 + Math.floor(Math.log10(1 + Number(variables.popularity ?? 0)));

await using server = await startServer({
  ...{ data, port: 0, policy: byPopularity },
  ...(password && { password }),
  ...(join && { join }),
});

const plays = new Map<string, number>();
for await (const line of createInterface({ input: createReadStream(log) })) {
  const path = playedIn(line);
  if (path !== undefined) plays.set(path, (plays.get(path) ?? 0) + 1);
}

const { changed, errors } = await server.client.setManyVariables(
  Array.from(plays, ([path, value]) => ({ path, name: "popularity", value })),
);
console.log(`${changed} files have a popularity now; ${errors.length} were played that are not there (any more)`);

await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);

/** `203.0.113.7 - - [27/Nov/2026:06:20:51 +0000] "GET /files/music/song.ogg HTTP/1.1" 200 4123456 "-" "mpv"` */
function playedIn(line: string): string | undefined {
  const [, target] = /"GET \/files\/([^\s?]+)\S* HTTP\/[\d.]+" 20[06] /.exec(line) ?? [];
  try {
    return target && decodeURIComponent(target);
  } catch {
    return undefined; // Logs have all kinds of nonsense in them.
  }
}
