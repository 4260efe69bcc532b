/** What the texts of start's options mean: ports, names, shares, addresses. Each throws an Error that says what is wrong. */
import { isIP } from "node:net";
import { resolve } from "node:path";
import { parseDurationMs, parseInteger, parseSizeBytes } from "./options.ts";

export const HTTP_PORT = 4242;
export const PORT_MAX = 65_535;
const NAME_LENGTH_MAX = 64;
const RESERVE_MAX = 0.5;
/** Bytes a second. With less, a pull would pass for one that has stalled. */
export const RATE_MIN = 10_000;

export interface JoinAddress {
  /** As in a URL: an IPv6 address has its brackets. */
  readonly host: string;
  /** The HTTP port. */
  readonly port: number;
}

/** HOST, HOST:PORT or a server's URL. An IPv6 address may stand without brackets when there is no port. */
export function parseJoin(text: string): JoinAddress {
  const bare = text
    .trim()
    .replace(/^https?:\/\//, "")
    .replace(/\/$/, "");
  const host = isIP(bare) === 6 ? `[${bare}]` : bare;
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d+))?$/.exec(host);
  if (!match?.[1]) throw new Error(`'${text}' is not HOST or HOST:PORT`);
  return { host: match[1], port: match[2] === undefined ? HTTP_PORT : port(match[2]) };
}

export function absolutePath(text: string): string {
  if (text === "") throw new Error("it is empty");
  return resolve(text);
}

export function port(text: string): number {
  return parseInteger(text, 1, PORT_MAX);
}

export function ipAddress(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, "$1");
  if (isIP(bare) === 0) throw new Error(`'${text}' is not an IP address of this machine`);
  return bare;
}

export function passwordText(text: string): string {
  if (text === "") throw new Error("it is empty");
  // It is kept as a line: the next start would have another one.
  if (/[\r\n]/.test(text))
    throw new Error("it has a line break, as at the end of a file: leave that out, or name the file");
  return text;
}

export function parseReserve(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  const share = match ? Number(match[1]) / (match[2] === "%" ? 100 : 1) : Number.NaN;
  if (!(share >= 0 && share <= RESERVE_MAX)) throw new Error(`'${text}' is not a share from 0 to 50%`);
  return share;
}

export function label(text: string): string {
  if (!/^[^\p{C}\s](?:[^\p{C}]*[^\p{C}\s])?$/u.test(text) || text.length > NAME_LENGTH_MAX) {
    throw new Error(`it must have 1 to ${NAME_LENGTH_MAX} printable characters`);
  }
  return text;
}

export function clientUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username) {
    throw new Error(`'${text}' is not a URL such as https://files.example.org`);
  }
  return url.href.replace(/\/+$/, "");
}

/** "*", or where web pages come from, as browsers say it. */
export function webOrigin(text: string): string {
  if (text === "*") return text;
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.origin !== text.replace(/\/$/, "").toLowerCase()) {
    throw new Error(`'${text}' is neither * nor an origin such as https://player.example.org`);
  }
  return url.origin;
}

/** What was sent before every server had a deletion must have arrived, or be lost, by then. */
const DELETIONS_KEPT_MIN_MS = 3_600_000;

/** How long deletions are kept. */
export function keptDurationMs(text: string): number {
  const ms = parseDurationMs(text);
  if (ms < DELETIONS_KEPT_MIN_MS) throw new Error("it must be an hour at least");
  return ms;
}

/** "50M" or "50M/s": bytes a second. */
export function rate(text: string): number {
  const bytesPerS = parseSizeBytes(text.trim().replace(/\/s$/, ""));
  if (bytesPerS < RATE_MIN) throw new Error(`'${text}' is too little: a file would take for ever`);
  return bytesPerS;
}
