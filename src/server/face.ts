/**
 * What a server offers to its gateways: the operations of the public API, without HTTP. A gateway authenticates the
 * caller, then calls these; so does the simulator. Every method rejects with an FsdfsError or it is a bug. Paths are raw
 * text as the gateway decoded it; each operation checks them (S7).
 */
import type { Bytes } from "../core/catalog/kv.ts";
import type { Variables } from "../core/catalog/variables.ts";
import type { Conditions } from "../core/conditions.ts";
import type { ServerId, SwarmId, VersionId } from "../core/ids.ts";
import type { Rate } from "./control/server-settings.ts";
import type { SwarmEvent, WatchOptions } from "./events/event.ts";
import type { OperatorFace } from "./operator-face.ts";
import type { PolicyFace } from "./policy-face.ts";
import type { AlarmInfo, ScrubFace, ScrubInfo } from "./scrub-face.ts";
import type { TrashFace } from "./trash-face.ts";
import type { VariablesFace } from "./variables-face.ts";

export interface Face extends OperatorFace, PolicyFace, ScrubFace, TrashFace, VariablesFace {
  put(path: string, body: AsyncIterable<Bytes>, options?: PutOptions): Promise<PutResult>;
  /** `conditions`: what is at the path before (C14). */
  makeDirectory(path: string, options?: { conditions?: Conditions }): Promise<void>;
  /** What is at `path`, without its content. */
  head(path: string): Promise<EntryInfo>;
  /** A file's content. The caller must use it up or `close()` it. */
  open(path: string, options?: OpenOptions): Promise<OpenedFile>;
  /** Deletes a file or an empty directory. */
  remove(path: string, options?: RemoveOptions): Promise<void>;
  /** Moves a file or a directory with all that is in it. */
  move(from: string, to: string): Promise<void>;
  list(path: string, options?: ListOptions): Promise<Listing>;
  /** Where the files are; an answer for each path, in order, undefined where there is no file. At most 1,000 paths. */
  locate(paths: readonly string[]): Promise<(Location | undefined)[]>;
  /**
   * What `list` and `locate` answer, as JSON in UTF-8, where that is made without the objects: pieces which together are the
   * answer, or the answers with commas between them. "null" where there is no file.
   */
  readonly asJson?: {
    list(path: string, options?: ListOptions): Promise<readonly Bytes[]>;
    locate(paths: readonly string[]): Promise<readonly Bytes[]>;
  };
  /** How much files are read, in reads an hour over the swarm; undefined where there is no file. At most 1,000 paths. */
  heat(paths: readonly string[]): Promise<(number | undefined)[]>;
  status(): Promise<SwarmStatus>;
  servers(): Promise<ServerInfo[]>;
  /** The files that a server holds, a page at a time. `after` is the `next` of the page before. */
  serverFiles(server: string, options?: { limit?: number; after?: string }): Promise<ServerFilesPage>;
  /** Makes this server give up its own copy, when other servers promise theirs (D1). @throws `drop-refused` */
  drop(path: string): Promise<void>;
  /**
   * Files of a directory on this server's machine become the swarm's without being copied (C9). `directory` is absolute.
   * What is refused is thrown by the first step; leaving early ends it.
   *
   * @throws `adopt-refused`, `adopt-running`
   */
  adopt(directory: string, options: AdoptOptions): AsyncGenerator<AdoptEvent>;
  /**
   * What happens from now on, as this server hears of it: "ready" first. Ends with the signal, and when the server stops.
   * What is not read in time is dropped, and that is told. What is refused is thrown by the first step.
   *
   * @throws `too-many-watchers`
   */
  events(options: WatchOptions): AsyncGenerator<SwarmEvent>;
  /** Alive, and whether it would serve. Never waits for another server. */
  health(): Health;

  createKey(name: string, scope: Scope): Promise<CreatedKey>;
  listKeys(): Promise<KeyInfo[]>;
  revokeKey(id: string): Promise<void>;
  /** Who the caller is. @throws `unauthorized`, `key-unknown`, `signature-invalid`, `link-expired` */
  authenticate(credential: Credential, request: { method: string; target: string }): Promise<Principal>;
}

export type { Rate } from "./control/server-settings.ts";
export type { SwarmEvent, WatchOptions } from "./events/event.ts";
export type * from "./operator-face.ts";
export type * from "./policy-face.ts";
export type * from "./scrub-face.ts";
export type * from "./trash-face.ts";
export type * from "./variables-face.ts";

/**
 * This process is not the one to answer, or not now: what was asked for is to be asked of the server's control process,
 * as it came. No user meets it.
 */
export class NotHere extends Error {
  constructor() {
    super("the control process is to answer");
    this.name = "NotHere";
  }
}

/** What a serving process has ready, without a turn of the event loop. */
export interface ReadyFace extends Face {
  /** A file that a holder of `secret` may read, from this disk; where it is, as JSON. @throws NotHere when it takes more */
  openNow(path: string, secret: string): ReadyFile;
  locateNow(path: string, secret: string): string;
}

export type ReadyFile =
  | {
      readonly kind: "whole";
      readonly info: EntryInfo;
      /** A place where the gateway keeps what it has made of `info`, for as long as that holds. */
      readonly kept: { headers?: unknown };
      readonly whole: Bytes;
    }
  /** Too large for that. The caller must read it or `close()` it. */
  | {
      readonly kind: "stream";
      readonly info: EntryInfo;
      stream(start: number, end: number): AsyncIterable<Bytes>;
      close(): Promise<void>;
    };

export type Scope = "read" | "write" | "admin";

/** How a caller proves what it may. */
export type Credential =
  | { readonly kind: "none" }
  | { readonly kind: "key"; readonly secret: string }
  /** A request signed with the key derived from the password: hex HMAC-SHA-256 over method, target and expiry. */
  | { readonly kind: "signature"; readonly expires: number; readonly mac: string }
  /** A signed link made by another server (S5). */
  | { readonly kind: "link"; readonly version: string; readonly expires: number; readonly mac: string };

export interface Principal {
  readonly scope: Scope;
  /** Set when a signed link let the caller in: it may read this version at the link's path and nothing else. */
  readonly linkVersion?: VersionId;
  /** What let the caller in: the id of a key, or "password". */
  readonly by?: string;
}

export interface PutOptions {
  /** Bytes that the caller says will come. A body of another length is refused. */
  readonly sizeBytes?: number;
  /** 64 hexadecimal digits; a body with another digest is refused. */
  readonly sha256?: string;
  /** Makes retries give one version. 1 to 64 characters. */
  readonly requestId?: string;
  /** What must be at the path in the moment of the write, or it fails with `precondition-failed` (C14). */
  readonly conditions?: Conditions;
}

export interface RemoveOptions {
  /** Refuses what is of the other kind. */
  readonly only?: "file" | "directory";
  readonly conditions?: Conditions;
  /** A repeated request with conditions that was carried out is told so. 1 to 64 characters. */
  readonly requestId?: string;
  /** The file is to lie in no server's trash. */
  readonly forever?: boolean;
  /** Who deletes it: the id of a key, or "password". */
  readonly by?: string;
}

export interface PutResult {
  readonly version: VersionId;
  readonly sha256: string;
  readonly size: number;
  /** How many servers have it durably at the moment of the acknowledgement. */
  readonly copies: number;
  /** False when it took the place of a file. */
  readonly created: boolean;
}

export interface AdoptOptions {
  /** The caller has shown to be on this machine as the server's user: he may name directories beside the data directory. */
  readonly local: boolean;
  /** The directory of the swarm that the files go to; the root by default. One in the data directory stays where it is. */
  readonly to?: string;
  /** A file that differs from the swarm's at its path becomes its new version; else it is passed over. */
  readonly overwrite?: boolean;
  /** What is adopted from beside the data directory loses its name there; else it keeps it. */
  readonly move?: boolean;
  /** Only tells what would be done. Nothing is read, so files of the same size are taken for the same. */
  readonly dryRun?: boolean;
}

export interface AdoptCounts {
  /** Files that there were to look at in the beginning. */
  readonly total: number;
  readonly adopted: number;
  /** Files that the swarm had already, with this content. */
  readonly present: number;
  readonly skipped: number;
  /** Of what was adopted. */
  readonly bytes: number;
  readonly readBytes: number;
}

/** `path` is relative to the directory that is adopted. "done" comes last. */
export type AdoptEvent =
  | ({ readonly kind: "progress" | "done" } & AdoptCounts)
  | {
      readonly kind: "skipped";
      readonly path: string;
      readonly code: string;
      readonly message: string;
      readonly hint: string;
    };

export interface OpenOptions {
  /** "auto" may answer with a redirect to a holder, "never" streams through this server. */
  readonly redirect?: "auto" | "never";
  /** Only this version, only from this server's disk: what a signed link asks for. */
  readonly version?: VersionId;
}

export type OpenedFile =
  | {
      readonly kind: "content";
      readonly info: EntryInfo;
      /** Reads bytes `start` to `end` (exclusive). Chunks are valid until the next is asked for. Once only. */
      stream(start: number, end: number): AsyncIterable<Bytes>;
      close(): Promise<void>;
    }
  | { readonly kind: "redirect"; readonly info: EntryInfo; readonly url: string };

export interface EntryInfo {
  readonly path: string;
  readonly type: "file" | "directory";
  /** Bytes; 0 for a directory. */
  readonly size: number;
  /** ISO 8601 in UTC; null for a directory that exists only by what is in it. */
  readonly modified: string | null;
  /** Hexadecimal; null for a directory. */
  readonly sha256: string | null;
  readonly version: VersionId | null;
  /** N, how many copies it should have; null for a directory. */
  readonly target: number | null;
  /** K, how many servers hold it and are not absent; null for a directory. */
  readonly copies: number | null;
  /** The user's own values; missing where there are none. */
  readonly variables?: Variables;
}

export interface ListOptions {
  /** 1 to 10,000; 1,000 by default. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly after?: string;
  readonly recursive?: boolean;
}

/** `name` is relative to the listed directory. */
export interface Listing {
  readonly entries: readonly (Omit<EntryInfo, "path"> & { readonly name: string })[];
  /** Hand it back as `after` for the next page; null at the end. */
  readonly next: string | null;
}

export interface Location {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly version: VersionId;
  readonly target: number;
  readonly copies: number;
  readonly surplus: number;
  /** The user's own values; missing where there are none. */
  readonly variables?: Variables;
  /** Those who hold it, the best to ask first: up before down, then zone, then load. */
  readonly servers: readonly HolderInfo[];
}

export interface HolderInfo {
  readonly id: ServerId;
  readonly name: string;
  readonly url: string;
  readonly state: ServerState;
  readonly zone: string;
  /** 0 to 1, higher is busier. */
  readonly load: number;
}

/** up: answers now; down: silent, still counted; absent: silent beyond the grace period, not counted (M3). */
export type ServerState = "up" | "down" | "absent";

export interface SwarmStatus {
  readonly swarm: SwarmId;
  readonly files: number;
  readonly bytes: number;
  /** Deletions and withdrawals of copies that this server still remembers (C7). */
  readonly deletions: number;
  /** null while there are no files. */
  readonly minSurplus: number | null;
  /** N of files for which nothing else says one, and W. */
  readonly copies: number;
  readonly writeCopies: number;
  /** The same in words, with what to do. */
  readonly advice: string;
  /** Of all servers that are up: the one that is behind most counts. null where none re-hashes its copies. */
  readonly scrub: ScrubInfo | null;
  readonly servers: { readonly up: number; readonly total: number };
  /** Bytes over the servers that are up. */
  readonly quota: { readonly total: number; readonly used: number };
}

/** Files in a server's data directory that fsdfs does not know (C9). */
export interface StrangersInfo {
  readonly files: number;
  /** Some of them, as paths in the data directory; told to admins only. */
  readonly examples: readonly string[];
  /** When they were counted, as an ISO 8601 time. */
  readonly asOf: string;
}

/** What is left on a server that is drained. */
export interface DrainInfo {
  readonly files: number;
  readonly bytes: number;
  /** What files wait for: room on other servers, more servers, or to be copied. As of a look some seconds ago. */
  readonly waiting: { readonly room: number; readonly servers: number; readonly copies: number };
  /** Nothing is left: the server can be taken away. */
  readonly safe: boolean;
}

/** What the loss of a server would do, as of a look through the catalog some time ago. */
export interface ForecastInfo {
  /** Files that no server would have that is not absent. */
  readonly lost: number;
  /** Files on it of which fewer than min(W, N) copies would be left, the lost ones included. */
  readonly below: number;
  /** Of the swarm, now and without the server; null while there are no files. */
  readonly minSurplus: { readonly now: number; readonly without: number } | null;
  /** No file would have fewer copies than it must. */
  readonly safe: boolean;
  /** ISO 8601 in UTC. */
  readonly asOf: string;
}

/** What operators said for a server at run time; null: nothing, so that it is as it was started. */
export interface ServerSettingsInfo {
  /** Bytes. */
  readonly quota: number | null;
  /** Pulls at once. */
  readonly pulls: number | null;
  readonly pullRate: Rate | null;
  readonly serveRate: Rate | null;
  /** It does no work of its own. */
  readonly paused: boolean;
  /** It gives its copies to others, and counts for no K. */
  readonly draining: boolean;
}

export interface ServerInfo extends HolderInfo {
  readonly self: boolean;
  readonly files: number;
  readonly quota: { readonly total: number; readonly used: number; readonly free: number };
  /** null while it holds nothing. */
  readonly maxSurplus: number | null;
  /** Every copy on it is needed and there is no room. */
  readonly full: boolean;
  /** Copies being made on it now. */
  readonly pulls: number;
  /** Its clock minus this server's, in milliseconds; null while unknown. */
  readonly clockSkewMs: number | null;
  /** Why it is not connected, when it is not. */
  readonly problem: string | null;
  /** Of the server that answers; null for others, and before they were counted. */
  readonly strangers: StrangersInfo | null;
  readonly settings: ServerSettingsInfo;
  /** How far it is emptied; null while it is not drained, or has not told yet. */
  readonly drain: DrainInfo | null;
  /** What the loss of it would do; null while it is not known. */
  readonly forecast: ForecastInfo | null;
  /** How its copies are re-hashed; null when they are not, or it has not told. */
  readonly scrub: ScrubInfo | null;
  readonly alarms: readonly AlarmInfo[];
  readonly softwareVersion: string;
}

export interface ServerFilesPage {
  readonly files: readonly { readonly path: string; readonly size: number; readonly version: VersionId }[];
  readonly next: string | null;
}

export interface Health {
  readonly status: "ok" | "behind" | "stopping" | "removed";
  readonly server: ServerId;
  readonly name: string;
  /** Where other servers connect; who joins by this address asks for it. */
  readonly swarmPort: number;
  readonly softwareVersion: string;
}

export interface KeyInfo {
  /** Names the key without being it. */
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  readonly created: string;
}

export interface CreatedKey extends KeyInfo {
  /** Shown once; only its hash is kept. */
  readonly secret: string;
}
