/** What the swarm has agreed on, read from the catalog's setting registers and kept decoded until they change. */
import { fromUtf8, readable, utf8 } from "../core/bytes.ts";
import { type Epochs, madeAt, readEpochs, writtenAt } from "../core/catalog/epochs.ts";
import { nameOfSettingKey, settingsRange } from "../core/catalog/keys.ts";
import type { Bytes, ReadView } from "../core/catalog/kv.ts";
import { decodeRegisters, type VersionRow } from "../core/catalog/rows.ts";
import { targetOf } from "../core/catalog/surplus.ts";
import type { Content, Stamp } from "../core/catalog/types.ts";
import { wallMsOf } from "../core/hybrid-clock.ts";
import { type HybridTime, type ServerId, versionTime } from "../core/ids.ts";
import type { Catalog } from "./catalog/catalog.ts";
import type { Change } from "./catalog/change.ts";
import { REMOVED_PREFIX, ROSTER_PREFIX } from "./catalog/seat.ts";
import { SERVER_SETTINGS, type ServerSettings, serverSettingsOf } from "./control/server-settings.ts";
import type { Scope } from "./face.ts";
import { JOINING_SETTING, type Joining } from "./swarms/messages.ts";

export const COPIES_DEFAULT = 3;
const WRITE_COPIES_DEFAULT = 2;
const KEY_PREFIX = "key/";

/** A server as the roster has it. Only the server itself writes it. */
export interface RosterEntry {
  readonly id: ServerId;
  readonly name: string;
  readonly zone: string;
  /** What the operator said clients should use; undefined: made from an address. */
  readonly url: string | undefined;
  /** "host:port" of the swarm's port, as others have seen it. */
  readonly addresses: readonly string[];
  readonly httpPort: number;
  /** Clients are answered by HTTPS. */
  readonly secure?: true;
  readonly softwareVersion: string;
}

/** A server that the operator has removed for good. Its id comes back never. */
export interface RemovedEntry {
  readonly id: ServerId;
  readonly name: string;
  /** Up to which number each of its incarnations was known to the server that removed it. */
  readonly closing: readonly (readonly [HybridTime, number])[];
}

export interface StoredKey {
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  /** SHA-256 of the secret, hexadecimal. */
  readonly hash: string;
  /** Milliseconds since the Unix epoch. */
  readonly createdMs: number;
  readonly revoked: boolean;
}

/** All of it, as one snapshot of the catalog has it. */
export interface DecodedSettings {
  readonly copies: number;
  readonly writeCopies: number;
  readonly roster: ReadonlyMap<ServerId, RosterEntry>;
  /** Those that were removed are not in the roster. */
  readonly removed: ReadonlyMap<ServerId, RemovedEntry>;
  readonly keys: ReadonlyMap<string, StoredKey>;
  readonly servers: ReadonlyMap<ServerId, ServerSettings>;
  readonly epochs: Epochs;
  readonly joining: Joining | undefined;
}

export class Settings {
  readonly #catalog: Catalog;
  #decoded: DecodedSettings;
  readonly #listeners: (() => void)[] = [];

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.#decoded = decodeSettings(catalog.read());
    catalog.onChange(({ settings }) => {
      if (!settings) return;
      this.#decoded = decodeSettings(catalog.read());
      for (const listener of this.#listeners) listener();
    });
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** N of files for which nothing else says one. */
  get copies(): number {
    return this.#decoded.copies;
  }

  /** W. */
  get writeCopies(): number {
    return this.#decoded.writeCopies;
  }

  get roster(): ReadonlyMap<ServerId, RosterEntry> {
    return this.#decoded.roster;
  }

  get removed(): ReadonlyMap<ServerId, RemovedEntry> {
    return this.#decoded.removed;
  }

  get keys(): ReadonlyMap<string, StoredKey> {
    return this.#decoded.keys;
  }

  /** What was said at run time for single servers. */
  get servers(): ReadonlyMap<ServerId, ServerSettings> {
    return this.#decoded.servers;
  }

  /** The servers whose copies count for no K, whether or not they are there (M3): they are drained or removed. In order. */
  get uncounted(): readonly ServerId[] {
    const { servers, removed } = this.#decoded;
    return [...new Set([...servers.keys(), ...removed.keys()])].filter((server) => this.countsNot(server)).sort();
  }

  /** Whether a server is one of these. */
  countsNot(server: ServerId): boolean {
    return isUncounted(this.#decoded, server);
  }

  /** The swarm that this one is about to join with its files (C11). */
  get joining(): Joining | undefined {
    return this.#decoded.joining;
  }

  /** When a content was written, at the latest (C8). */
  writtenAt(stamp: Pick<Stamp, "rank" | "time">): HybridTime {
    return writtenAt(stamp, this.#decoded.epochs);
  }

  /** When a content was made, as it is shown, whichever swarm it was made in. */
  madeAt(content: Content, stamp: Pick<Stamp, "rank" | "time">): HybridTime {
    const written = this.writtenAt(stamp);
    return content.type === "file" ? madeAt(versionTime(content.version), written) : written;
  }

  /** When the swarm's clock was last repaired, in milliseconds since the Unix epoch. */
  get clockRepairedMs(): number | undefined {
    const last = Math.max(...this.#decoded.epochs.keys());
    const began = this.#decoded.epochs.get(last);
    return began === undefined ? undefined : wallMsOf(began);
  }

  /** min(W, N): the copies that nothing fsdfs does by itself goes below (P3). */
  safeCopies(view: ReadView, row: VersionRow): number {
    return Math.min(this.writeCopies, targetOf(view, row, this.#catalog.context));
  }
}

function isUncounted({ servers, removed }: DecodedSettings, server: ServerId): boolean {
  return removed.has(server) || servers.get(server)?.draining === true;
}

export function writeCopies(change: Change, copies: number): void {
  change.writeSetting("swarm/copies", json(copies));
}

export function writeWriteCopies(change: Change, copies: number): void {
  change.writeSetting("swarm/write-copies", json(copies));
}

export function writeRosterEntry(change: Change, entry: RosterEntry): void {
  change.writeSetting(`${ROSTER_PREFIX}${entry.id}`, json(entry));
}

export function writeRemoval(change: Change, entry: RemovedEntry): void {
  change.writeSetting(`${REMOVED_PREFIX}${entry.id}`, json(entry));
}

export function writeKey(change: Change, key: StoredKey): void {
  change.writeSetting(`${KEY_PREFIX}${key.id}`, json(key));
}

/** Whether a roster entry would be written anew. */
export function sameRosterEntry(a: RosterEntry | undefined, b: RosterEntry): boolean {
  if (a === undefined || a.addresses.length !== b.addresses.length) return false;
  const { id, name, zone, url, httpPort, secure, softwareVersion } = b;
  return (
    a.id === id &&
    a.name === name &&
    a.zone === zone &&
    a.url === url &&
    a.httpPort === httpPort &&
    a.secure === secure &&
    a.softwareVersion === softwareVersion &&
    a.addresses.every((address, i) => address === b.addresses[i])
  );
}

export function decodeSettings(view: ReadView): DecodedSettings {
  const removed = named<RemovedEntry>(view, REMOVED_PREFIX, ({ closing }) => Array.isArray(closing));
  const roster = named<RosterEntry>(view, ROSTER_PREFIX, ({ addresses }) => Array.isArray(addresses));
  for (const server of removed.keys()) roster.delete(server);
  const keys = named<StoredKey>(view, KEY_PREFIX, ({ hash }) => typeof hash === "string");
  const swarm = new Map(settings(view, "swarm/"));
  return {
    copies: numberOr(swarm.get("swarm/copies"), COPIES_DEFAULT),
    writeCopies: numberOr(swarm.get("swarm/write-copies"), WRITE_COPIES_DEFAULT),
    roster,
    removed,
    keys,
    servers: serverSettingsOf(settings(view, SERVER_SETTINGS)),
    epochs: readEpochs(view),
    joining: (new Map(settings(view, JOINING_SETTING)).get(JOINING_SETTING) as Joining | null | undefined) ?? undefined,
  };
}

/** Of settings whose names end in an id, by that. One that is damaged is none: it must keep no server from starting. */
function named<T extends { readonly id: string }>(
  view: ReadView,
  prefix: string,
  isWhole: (value: Partial<T>) => boolean,
): Map<T["id"], T> {
  const found = new Map<T["id"], T>();
  for (const [name, value] of settings(view, prefix)) {
    if (typeof value !== "object" || value === null || !isWhole(value)) continue;
    const entry = value as T;
    if (name === `${prefix}${entry.id}`) found.set(entry.id, entry);
  }
  return found;
}

function* settings(view: ReadView, prefix: string): Generator<[string, unknown]> {
  for (const { key, value } of view.range(settingsRange(prefix))) {
    const said = valueIn(value);
    if (said !== undefined) yield [nameOfSettingKey(key), said];
  }
}

/** Undefined when it cannot be read. */
function valueIn(row: Bytes): unknown {
  return readable(() => {
    const [register] = decodeRegisters(row);
    return register && (JSON.parse(fromUtf8(register.value)) as unknown);
  });
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

function json(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}
