/**
 * What a stage is built on: servers that can be started, asked, stopped and killed, and disks that can be looked at.
 * live.ts does it with real processes, simulated.ts on the simulator's clock. Servers go by the names of the story.
 */
import type { CreatedKey, Health, Location, PutResult, Scope, ServerInfo, SwarmStatus } from "../../src/server/face.ts";

export interface ServerSettings {
  readonly quotaBytes: number;
  readonly copies: number;
  readonly writeCopies: number;
  /** Share of the quota. */
  readonly reserve: number;
}

/** A file outside of fsdfs's own directory, as it lies on a disk. */
export interface DiskFile {
  readonly text: string;
  /** The same for as long as it is the same file, not another one with equal bytes. */
  readonly identity: string;
}

/** The public API of one server. What fails rejects with the FsdfsError that the server told. */
export interface Api {
  put(path: string, text: string): Promise<PutResult>;
  /** Has the server fetch the file (`Machinery.publish`). */
  putFrom(path: string, url: string): Promise<void>;
  /** Through this server and no other. */
  read(path: string): Promise<string>;
  remove(path: string): Promise<void>;
  locate(paths: readonly string[]): Promise<readonly (Location | undefined)[]>;
  drop(path: string): Promise<void>;
  status(): Promise<SwarmStatus>;
  servers(): Promise<readonly ServerInfo[]>;
  health(): Promise<Health>;
  createKey(name: string, scope: Scope): Promise<CreatedKey>;
  setPolicy(source: string): Promise<void>;
  resetPolicy(): Promise<void>;
}

/** Somebody elsewhere, who knows an address and a secret. What fails rejects with an Error that has the reason. */
export interface Outsider {
  status(): Promise<SwarmStatus>;
  locate(path: string): Promise<Location | undefined>;
  remove(path: string): Promise<void>;
}

export type Secret = { readonly password: string } | { readonly key: string };

export interface Machinery {
  readonly kind: "live" | "simulated";
  /** The swarm's. */
  readonly password: string;
  /** How long a silent server counts (M3). */
  readonly graceMs: number;
  /** How long a condition may take to hold, without the grace period. */
  readonly patienceMs: number;
  /** For how long no disk changes that is at rest. */
  readonly quietMs: number;
  nowMs(): number;
  /** Between two looks at a condition. */
  pause(): Promise<void>;
  /** A new server, or one that was there before, on its own disk. Resolves when it answers. */
  start(name: string, settings: ServerSettings): Promise<void>;
  /** Asks it to stop; resolves when it has ended. */
  stop(name: string): Promise<void>;
  kill(name: string): Promise<void>;
  api(name: string): Api;
  /** Somewhere outside of the swarm a file comes to lie. Answers its URL. */
  publish(path: string, text: string): Promise<string>;
  outsider(name: string, secret: Secret): Outsider;
  /** By path. */
  disk(name: string): Promise<ReadonlyMap<string, DiskFile>>;
  /** An operator's hands, on the disk of a server that may run: no file can be begun until `mendDisk`. */
  breakDisk(name: string): Promise<void>;
  mendDisk(name: string): Promise<void>;
  /** An operator's hands: a file is gone, or comes from somewhere. */
  /** In a directory of the machine that is none of fsdfs's, on the same disk. */
  writeBeside(name: string, path: string, text: string): Promise<void>;
  /** Has the server adopt a directory: one of its data directory, or `besides` it one that goes to `to`. */
  adopt(name: string, directory: string, to?: string): Promise<{ adopted: number; present: number; skipped: number }>;
  removeFromDisk(name: string, path: string): Promise<void>;
  writeToDisk(name: string, path: string, text: string): Promise<void>;
  /** Runs a story to its end. Rejects with what went wrong in it, and with what went wrong unseen. */
  play(story: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}
