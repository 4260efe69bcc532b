/** Names of servers, swarms and versions, branded so that one is not taken for another. */

declare const brand: unique symbol;
type Branded<T, Name> = T & { readonly [brand]: Name };

/** A server for life: 12 lower-case hexadecimal digits, drawn at random when its data directory is first used. */
export type ServerId = Branded<string, "ServerId">;
/** A swarm for life: 16 lower-case hexadecimal digits, drawn at random by its first server. */
export type SwarmId = Branded<string, "SwarmId">;
/**
 * The content made by one PUT: its hybrid logical time (14 hexadecimal digits), a dash, the server that took it.
 * Versions sort by age as text.
 */
export type VersionId = Branded<string, "VersionId">;
/** A hybrid logical time: milliseconds since the Unix epoch times 1,024, plus a counter. A safe integer until 2248. */
export type HybridTime = Branded<number, "HybridTime">;

export const SERVER_ID_BYTES = 6;
export const SWARM_ID_BYTES = 8;

const SERVER_ID = /^[0-9a-f]{12}$/;
const SWARM_ID = /^[0-9a-f]{16}$/;
const VERSION_ID = /^[0-9a-f]{14}-[0-9a-f]{12}$/;

export function isServerId(text: string): text is ServerId {
  return SERVER_ID.test(text);
}

export function isSwarmId(text: string): text is SwarmId {
  return SWARM_ID.test(text);
}

export function isVersionId(text: string): text is VersionId {
  return VERSION_ID.test(text);
}

export function versionId(time: HybridTime, server: ServerId): VersionId {
  return `${time.toString(16).padStart(14, "0")}-${server}` as VersionId;
}

export function versionTime(version: VersionId): HybridTime {
  return Number.parseInt(version.slice(0, 14), 16) as HybridTime;
}

export function versionServer(version: VersionId): ServerId {
  return version.slice(15) as ServerId;
}
