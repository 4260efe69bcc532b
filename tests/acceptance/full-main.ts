/**
 * npm run test:full [-- --grace 10m --directory DIR]   five full servers of which one is lost for good, with all of the
 * music and the default options; prints how long it took, what was moved, and the most that each quota had in use
 */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseCommandLine } from "../command-line.ts";
import { bestSurplus, fullDisks } from "./full-disks.ts";
import { checkMusic, MUSIC } from "./music.ts";

/** Room for so many copies of everything, and the share of each server. */
const ROOM_COPIES = 2.6;
const SHARES = [0.14, 0.17, 0.2, 0.23, 0.26];
const VICTIM = 1;
/** Longer than a copy that was pulled is kept (R6), and than a server without success waits for its next look. */
const STILL_MS = 45_000;
const TIMEOUT_MS = 40 * 60_000;

const { values } = parseCommandLine(import.meta.url, {
  options: { grace: { type: "string" }, directory: { type: "string", default: MUSIC } },
});

if (values.directory === MUSIC) await checkMusic();
const names = (await readdir(values.directory, { withFileTypes: true })).filter((entry) => entry.isFile());
const files = new Map<string, Uint8Array>();
for (const { name } of names) files.set(`music/${name}`, await readFile(join(values.directory, name)));
const sizes = [...files.values()].map(({ length }) => length);
const bytes = sizes.reduce((sum, size) => sum + size, 0);
const quotas = SHARES.map((share) => Math.round(share * ROOM_COPIES * bytes));
const left = quotas.filter((_, at) => at !== VICTIM);
console.log(
  `${files.size} files, ${mb(bytes)}; the best least surplus: ${bestSurplus(sizes, quotas)} and then ${bestSurplus(sizes, left)}`,
);

const { quotas: uses, ...figures } = await fullDisks({
  ...{ files, quotas, victim: VICTIM, timeoutMs: TIMEOUT_MS, tell: (line) => console.log(line) },
  args: values.grace === undefined ? [] : ["--grace", values.grace],
  isRest: (surpluses, stillMs, among) => surpluses[0] === bestSurplus(sizes, among) && stillMs > STILL_MS,
});
console.log(
  `after the kill ${mb(figures.movedBytes)} were copied; the lost server had ${mb(figures.lostBytes)};`,
  `${(100 * figures.usedShare).toFixed(1)} % of the quotas left is in use`,
);
for (const { name, quotaBytes, mostBytes, mostPlainBytes, arrivedBytes, looks } of uses) {
  const share = ((100 * mostBytes) / quotaBytes).toFixed(1);
  console.log(
    `${name}: at most ${mb(mostBytes)} of ${mb(quotaBytes)} (${share} %), ${mb(mostPlainBytes)} of them plain files;`,
    `${mb(arrivedBytes)} came after the kill; ${looks} looks`,
  );
}

function mb(count: number): string {
  return `${(count / 1e6).toFixed(1)} MB`;
}
