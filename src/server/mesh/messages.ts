/**
 * What servers say to each other besides records and bytes. Every request carries an envelope with the sender and its
 * swarm, so that nothing of a foreign swarm with the same password is ever taken in. Members are JSON; a server ignores
 * those that it does not know and refuses a greater PROTOCOL.
 */
import { ByteReader, ByteWriter, fromUtf8, utf8 } from "../../core/bytes.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import {
  type HybridTime,
  SERVER_ID_BYTES,
  type ServerId,
  SWARM_ID_BYTES,
  type SwarmId,
  type VersionId,
} from "../../core/ids.ts";
import type { ProcessId } from "../../core/swarm/liveness.ts";
import type { DrainReport } from "../replication/drain.ts";
import type { ScrubReport } from "../scrub/scrubber.ts";
import type { DiskAlarm } from "../storage/disk-watch.ts";

export const PROTOCOL = 2;
export const NO_SWARM = "0".repeat(SWARM_ID_BYTES * 2) as SwarmId;

/**
 * How far one origin is known: server, incarnation, contiguous number, greatest number, digest of its history (C6),
 * digest of the numbers beyond the contiguous one (C3), and the floor (C7).
 */
export type KnownOrigin = readonly [ServerId, HybridTime, number, number, number, number, number];

export interface Hello {
  readonly protocol: number;
  readonly name: string;
  readonly swarmPort: number;
  readonly wallMs: number;
  /** It holds no file, so that it may join another swarm (C11). */
  readonly empty: boolean;
  readonly known: readonly KnownOrigin[];
  /** Of the catalog that knows so much: another one after the sender has given its catalog up (C7). */
  readonly generation: number;
  readonly softwareVersion: string;
  /** In an answer: the address the caller was seen at. */
  readonly seenAs?: string;
  readonly state: ServerReport;
}

/** What a server tells of itself with each answer to a heartbeat (M1). */
export interface ServerReport {
  /** Which run of the server this is. */
  readonly process: ProcessId;
  readonly wallMs: number;
  /** Its incarnation and the number of its last record that is durable; 0 while unsettled. */
  readonly incarnation: HybridTime;
  readonly number: number;
  readonly load: number;
  readonly quotaBytes: number;
  readonly usedBytes: number;
  /** Room for an upload, trash that could go included. */
  readonly roomBytes: number;
  readonly copies: number;
  readonly maxSurplus: number | null;
  readonly full: boolean;
  /** Versions it is copying now. */
  readonly pulls: readonly VersionId[];
  readonly behind: boolean;
  /** How far it is emptied, when it is drained. */
  readonly drain?: DrainReport;
  /** How its scrub stands, when copies are scrubbed. */
  readonly scrub?: ScrubReport;
  /** While its disk returns errors. */
  readonly diskAlarm?: DiskAlarm;
  /** The policy that is in force cannot be loaded there: others evaluate its share of the files. */
  readonly lacksPolicy?: boolean;
  /** Digest of the roster that it durably knows, and whether everybody who decides conditions is in it (C14). */
  readonly roster: string;
  readonly anchored: boolean;
  /** The epoch of the swarm's clock in which it writes, and by how many milliseconds ahead of its wall clock (C8). */
  readonly epoch: number;
  readonly aheadMs: number;
}

export interface Heartbeat {
  readonly process: ProcessId;
  /** Digest of what the sender knows, so that the answer tells the answerer's numbers only when they differ. */
  readonly knownDigest: number;
  readonly wantsKnown: boolean;
}

/** A server that stops tells the others, so that nobody waits for it (F4 of core/swarm/liveness.ts). */
export interface Goodbye {
  readonly process: ProcessId;
  /** Its incarnation and the greatest number it has written: nothing beyond it was announced or acknowledged. */
  readonly incarnation: HybridTime;
  readonly number: number;
}

export interface HeartbeatAnswer {
  readonly report: ServerReport;
  readonly known?: readonly KnownOrigin[];
  /** Servers and how many milliseconds ago somebody heard from them (M3). */
  readonly heard: readonly (readonly [ServerId, number])[];
}

export interface Envelope {
  readonly from: ServerId;
  readonly swarm: SwarmId;
  /** Of the receiver's catalog, as it was when it greeted the sender, who believes what it was told then (C3). */
  readonly generation: number;
  readonly message: Bytes;
}

export function encodeEnvelope({ from, swarm, generation, message }: Envelope): Bytes {
  const writer = new ByteWriter(SERVER_ID_BYTES + SWARM_ID_BYTES + 4 + message.length).hex(from).hex(swarm);
  return writer.varint(generation).raw(message).finish();
}

/** @throws RangeError when it is none */
export function decodeEnvelope(bytes: Bytes): Envelope {
  const reader = new ByteReader(bytes);
  return {
    from: reader.hex(SERVER_ID_BYTES) as ServerId,
    swarm: reader.hex(SWARM_ID_BYTES) as SwarmId,
    generation: reader.varint(),
    message: reader.rest(),
  };
}

export function encodeJson(value: unknown): Bytes {
  return utf8(JSON.stringify(value));
}

export function decodeJson<T>(bytes: Bytes): T {
  return JSON.parse(fromUtf8(bytes)) as T;
}
