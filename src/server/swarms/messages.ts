/** What a swarm that joins another (the guest) and the other (the host) say to each other, and what each keeps of it (C11). */
import { fromUtf8, utf8 } from "../../core/bytes.ts";
import { metaKey, settingKey } from "../../core/catalog/keys.ts";
import type { Bytes, ReadView } from "../../core/catalog/kv.ts";
import { decodeRegisters } from "../../core/catalog/rows.ts";
import type { HybridTime, ServerId, SwarmId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import type { StoredKey } from "../settings.ts";

/** Set in the guest's catalog from the moment when it takes no writes any more. */
export const JOINING_SETTING = "merge/into";
/** Of a server that has moved, until it knows all that its swarm has offered. */
export const MOVED_KEY: Bytes = metaKey("moved");

export interface Joining {
  readonly swarm: SwarmId;
  readonly addresses: readonly string[];
  /** frozen: nothing was offered yet; offering: it goes on until it is done. */
  readonly phase: "frozen" | "offering";
  readonly by: ServerId;
  /** Tells it from others that the same server began. */
  readonly begun: HybridTime;
}

/** Set in the host's catalog, by the guest's id, with every page that is taken. */
export interface Taken {
  /** The last path that was offered; null before the first. */
  readonly cursor: string | null;
  readonly done: boolean;
}

/** As a server of the host's swarm knows it. */
export interface TakenAnswer extends Taken {
  readonly server: ServerId;
}

const NOTHING_TAKEN: Taken = { cursor: null, done: false };

export function takenSetting(guest: SwarmId): string {
  return `merged/${guest}`;
}

export interface HostHello {
  readonly swarm: SwarmId;
  readonly files: number;
  readonly servers: number;
  readonly wallMs: number;
  /** "host:port" of its servers. */
  readonly addresses: readonly string[];
}

export interface OfferedEntry {
  readonly path: string;
  readonly madeAt: number;
  /** Its registers' values by field, in base64. */
  readonly registers: readonly (readonly [string, string])[];
}

export interface OfferPage {
  readonly after: string | null;
  readonly entries: readonly OfferedEntry[];
  readonly last: boolean;
  /** With the last page: the guest's keys go on being valid. */
  readonly keys: readonly StoredKey[];
}

/** Kept by a server that has moved to another swarm, until the swarm's catalog is here. */
export interface Moved {
  readonly from: SwarmId;
  readonly addresses: readonly string[];
}

export function readMoved(view: ReadView): Moved | undefined {
  const row = view.get(MOVED_KEY);
  return row === undefined ? undefined : (JSON.parse(fromUtf8(row)) as Moved);
}

export function encodeMoved(moved: Moved): Bytes {
  return utf8(JSON.stringify(moved));
}

export function readTaken(view: ReadView, guest: SwarmId): Taken {
  return readSetting<Taken>(view, takenSetting(guest)) ?? NOTHING_TAKEN;
}

export function readJoining(view: ReadView): Joining | undefined {
  return readSetting<Joining | null>(view, JOINING_SETTING) ?? undefined;
}

/** In a change: a swarm that is about to join another takes no writes. @throws FsdfsError `merging` */
export function checkNotJoining(view: ReadView): void {
  if (view.get(JOINING_KEY) === undefined) return;
  if (readJoining(view) !== undefined) throw new FsdfsError("merging");
}

const JOINING_KEY = settingKey(JOINING_SETTING);

function readSetting<T>(view: ReadView, name: string): T | undefined {
  const row = view.get(settingKey(name));
  const register = row === undefined ? undefined : decodeRegisters(row)[0];
  return register === undefined ? undefined : (JSON.parse(fromUtf8(register.value)) as T);
}
