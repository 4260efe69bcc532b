/** The part of the face that is for operators: what they can say to servers that run, clocks, and swarms that become one. */
import type { ServerId, SwarmId } from "../core/ids.ts";
import type { Rate } from "./control/server-settings.ts";
import type { ServerInfo, ServerState, SwarmStatus } from "./face.ts";

export interface OperatorFace {
  /**
   * What a server, by its id or name, is to do from now on, also when it is down and learns of it later. The values are
   * sound: gateways check them. @throws `server-not-found`, `server-ambiguous`
   */
  configureServer(server: string, changes: ServerChanges): Promise<ServerInfo>;
  /**
   * Takes a server, by its id or name, out of the roster for good. It has to be drained, or absent with no file that would
   * suffer; with `acceptLoss` it is done all the same. Its id never comes back.
   * @throws `server-not-found`, `server-ambiguous`, `remove-refused`
   */
  removeServer(server: string, options?: { acceptLoss?: boolean }): Promise<RemovedServer>;
  /** N and W of the swarm. */
  configureSwarm(changes: SwarmChanges): Promise<SwarmStatus>;

  /** How this server's clock and the others' are (C8). Never waits for another server. */
  clock(): Promise<ClockStatus>;
  /**
   * Has all servers write at the right time again after a clock ran ahead. `withoutAbsent`: servers that are absent are
   * done without; what they wrote meanwhile loses against what is written from now on.
   * @throws `clock-wrong`, `clock-repair-refused`
   */
  repairClock(options?: { withoutAbsent?: boolean }): Promise<ClockRepair>;

  /**
   * Makes this swarm a part of the one whose server has this address, "host:port" of its swarm's port, with all files (C11).
   * Resolves when it has begun. @throws `merge-refused`, `clocks-differ`, `behind`
   */
  merge(address: string): Promise<MergeState>;
  /** What a merge would do. */
  planMerge(address: string): Promise<MergePlan>;
  /** Never waits for another server. */
  mergeState(): Promise<MergeState>;
}

/** Members that are absent stay as they are; null takes back what was said before, so that the start's options count. */
export interface ServerChanges {
  /** Bytes. */
  readonly quota?: number | null;
  /** Pulls at once. */
  readonly pulls?: number | null;
  /** Bytes a second. */
  readonly pullRate?: Rate | null;
  readonly serveRate?: Rate | null;
  readonly paused?: boolean;
  readonly draining?: boolean;
}

export interface RemovedServer {
  readonly id: ServerId;
  readonly name: string;
  /** Files that no other server had which was not absent. */
  readonly lost: number;
  /** Files that fewer others had than min(W, N), those included. */
  readonly below: number;
}

export interface SwarmChanges {
  /** N of files for which nothing else says one. */
  readonly copies?: number;
  /** W. */
  readonly writeCopies?: number;
}

export interface ClockStatus {
  /** This server's clock, ISO 8601 in UTC. */
  readonly time: string;
  /** This server's clock minus the median of the others', in milliseconds; null while none was met. */
  readonly errorMs: number | null;
  /** By how many milliseconds what is written is dated ahead of the clocks, at the server where it is most. */
  readonly aheadMs: number;
  /** How often the swarm's clock was repaired. */
  readonly epoch: number;
  /** When it was repaired last; null when it never was. */
  readonly repaired: string | null;
  /** The same in words, with what to do. */
  readonly advice: string;
  readonly servers: readonly ClockOfServer[];
}

export interface ClockOfServer {
  readonly id: ServerId;
  readonly name: string;
  readonly self: boolean;
  /** null when it is not in the roster: it was refused before it could join. */
  readonly state: ServerState | null;
  /** Its clock minus this server's, in milliseconds; null when it was not compared of late. */
  readonly skewMs: number | null;
  /** Its clock is too far away to work with it. */
  readonly refused: boolean;
  /** By how much what it writes is dated ahead of its clock; null while it is not connected. */
  readonly aheadMs: number | null;
}

export interface ClockRepair {
  /** False when there was nothing to repair. */
  readonly repaired: boolean;
  /** By how much what was written was dated ahead of the clocks. */
  readonly aheadMs: number;
  readonly epoch: number;
}

export interface MergePlan {
  /** The swarm that would be joined, its files and servers. */
  readonly swarm: SwarmId;
  readonly files: number;
  readonly servers: number;
  /** Of this swarm's files and directories: those for which there is room, and those that are there already. */
  readonly taken: number;
  readonly same: number;
  /** Files of one path: this swarm's was written later, or earlier and goes to the trash. */
  readonly replaces: number;
  readonly kept: number;
  /** Some of the last two. */
  readonly examples: readonly { readonly path: string; readonly verdict: "taken" | "same" | "replaces" | "kept" }[];
}

export interface MergeState {
  /** The swarm to which the server that answers belongs. */
  readonly swarm: SwarmId;
  /** The one that it is about to join. */
  readonly into: SwarmId | null;
  /** frozen: no changes are taken any more; offering: the other swarm takes in what is here, then the servers move. */
  readonly phase: "none" | "frozen" | "offering";
}
