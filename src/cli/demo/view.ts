/** How the demo's swarm looks: a line for each server, and for each song on how many servers it is. */
import type { Location, ServerInfo } from "../../server/face.ts";
import { formatSize } from "../output.ts";

export interface Snapshot {
  readonly servers: readonly ServerInfo[];
  /** All files of the swarm. */
  readonly files: number;
  /** null: the song is not there. */
  readonly songs: readonly (Location | null)[];
}

export interface Style {
  readonly columns: number;
  readonly colors: boolean;
  readonly unicode: boolean;
}

const BAR_MAX = 40;
/** What stands before the bar. */
const NUMBERS_COLUMNS = 42;
const INDENT = "  ";

const CODES = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;
type Color = keyof typeof CODES;

/** Servers that are up and have the song. */
export function copiesUp(song: Location | null): number {
  return song?.servers.filter(({ state }) => state === "up").length ?? 0;
}

/** @param started how many servers there are; one that has just started is not in the roster yet */
export function isAtRest({ servers, songs, files: total }: Snapshot, started: number): boolean {
  return (
    servers.length === started &&
    servers.every(({ state, files, pulls }) => state === "up" && files === total && pulls === 0) &&
    songs.every((song) => copiesUp(song) === started)
  );
}

export function describe({ servers, songs, files: total }: Snapshot, style: Style): string[] {
  const painted = painter(style);
  const names = Math.max(6, ...servers.map(({ name }) => name.length));
  const title = `${INDENT}${"SERVER".padEnd(names)}  STATE      SONGS      SIZE`;
  const largest = Math.max(1, ...servers.map(({ quota }) => quota.used));
  const rows = servers.map((server) => {
    const up = server.state === "up";
    const numbers = [
      server.name.padEnd(names),
      painted(server.state.padEnd(6), up ? "green" : "red"),
      `${server.files} of ${total}`.padStart(10),
      formatSize(server.quota.used).padStart(8),
    ].join("  ");
    const share = total === 0 ? 0 : Math.min(1, server.files / total, server.quota.used / largest || 0);
    return `${INDENT}${numbers}${bar(share, up, style, painted)}`;
  });
  return ["", painted(title, "dim"), ...rows, "", ...songLines(songs, style, painted), ""];
}

function bar(share: number, up: boolean, { columns, unicode }: Style, painted: Painter): string {
  const width = Math.min(BAR_MAX, columns - NUMBERS_COLUMNS - INDENT.length - 1);
  if (width < 8) return "";
  const full = Math.round(share * width);
  const [on, off] = unicode ? ["█", "░"] : ["#", "."];
  return `${INDENT}${painted(on.repeat(full), up ? "green" : "dim")}${painted(off.repeat(width - full), "dim")}`;
}

/** A digit for each song: 3 is what is wanted. */
function songLines(songs: readonly (Location | null)[], { columns }: Style, painted: Painter): string[] {
  const label = "each song's copies on servers that are up:";
  const width = columns - INDENT.length - 1;
  const digits = songs.map((song) => {
    if (song === null) return painted("-", "dim");
    const copies = copiesUp(song);
    return painted(String(Math.min(copies, 9)), copies <= 1 ? "red" : copies === 2 ? "yellow" : "green");
  });
  const lines: string[] = [];
  for (let at = 0; at < digits.length; at += width) lines.push(INDENT + digits.slice(at, at + width).join(""));
  return [painted(`${INDENT}${label}`.slice(0, columns - 1), "dim"), ...lines];
}

type Painter = (text: string, color: Color) => string;

function painter({ colors }: Style): Painter {
  return (text, color) => (colors && text !== "" ? `\x1b[${CODES[color]}m${text}\x1b[0m` : text);
}
