/**
 * What operators say for single servers while they run. Each value is a setting of the swarm by itself, so that any server
 * can be asked, the last to say something wins, and a server that is down learns of it when it is back.
 */
import { utf8 } from "../../core/bytes.ts";
import { isServerId, type ServerId } from "../../core/ids.ts";
import type { Change } from "../catalog/change.ts";

export const SERVER_SETTINGS = "server/";

/** Bytes a second. */
export type Rate = number | "unlimited";

/** A member that is absent was not said: it is as the server was started. */
export interface ServerSettings {
  readonly quotaBytes?: number;
  /** Pulls at once. */
  readonly pulls?: number;
  readonly pullRate?: Rate;
  readonly serveRate?: Rate;
  /** It does no work of its own: no pulls, drops and hand-overs. */
  readonly paused?: boolean;
  /** It gives its copies to others, and counts for K no more (M3). */
  readonly draining?: boolean;
}

const NAMES: ReadonlySet<string> = new Set<keyof ServerSettings>([
  "quotaBytes",
  "pulls",
  "pullRate",
  "serveRate",
  "paused",
  "draining",
]);

/** `null` takes back what was said. */
export function writeServerSetting<Name extends keyof ServerSettings>(
  change: Change,
  server: ServerId,
  name: Name,
  value: NonNullable<ServerSettings[Name]> | null,
): void {
  change.writeSetting(`${SERVER_SETTINGS}${server}/${name}`, utf8(JSON.stringify(value)));
}

/** @param settings the swarm's settings whose names begin with `SERVER_SETTINGS`, and their values */
export function serverSettingsOf(
  settings: Iterable<readonly [string, unknown]>,
): ReadonlyMap<ServerId, ServerSettings> {
  const servers = new Map<ServerId, ServerSettings>();
  for (const [key, value] of settings) {
    const [, server = "", name = ""] = key.split("/");
    if (value === null || !isServerId(server) || !NAMES.has(name)) continue;
    servers.set(server, { ...servers.get(server), [name]: value });
  }
  return servers;
}
