/** One server: what it is given, and what can be done with it. */
import type { Bytes } from "../core/catalog/kv.ts";
import type { CatalogStore } from "../ports/catalog-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { Discovery } from "../ports/discovery.ts";
import type { FileStore } from "../ports/file-store.ts";
import type { LeaseRegister } from "../ports/lease-register.ts";
import type { LoadMeter } from "../ports/load-meter.ts";
import type { Log } from "../ports/log.ts";
import type { Network } from "../ports/network.ts";
import type { PolicyEvaluator } from "../ports/policy-evaluator.ts";
import type { Random } from "../ports/random.ts";
import type { Face, SwarmEvent, WatchOptions } from "./face.ts";
import type { ReadCounts } from "./serving/read-counts.ts";
import type { ServingSink } from "./serving/view.ts";

/** Everything outside of the server. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly catalog: CatalogStore;
  readonly files: FileStore;
  readonly network: Network;
  readonly discovery: Discovery;
  readonly load: LoadMeter;
  readonly policies: PolicyEvaluator;
  readonly log: Log;
}

/** What the operator chose; `config.ts` declares how. */
export interface ServerOptions {
  /** The swarm's password, stretched: 32 bytes from which the keys of links and signatures are derived. */
  readonly swarmKey: Bytes;
  readonly name: string;
  /** Undefined: a zone of its own. */
  readonly zone: string | undefined;
  /** The URL clients are to use, without a trailing slash; undefined: made from the address others see. */
  readonly url: string | undefined;
  readonly httpPort: number;
  /** Clients are answered by HTTPS. */
  readonly secure?: boolean;
  /** Addresses "host:port" of swarm ports to try, besides those that are discovered. */
  readonly join: readonly string[];
  /** Bytes that copies, staged files and trash may take; undefined: 90% of the file system. */
  readonly quotaBytes: number | undefined;
  /** Share of the quota kept out of pulls, 0 to 0.5. */
  readonly reserve: number;
  /** N for files without a policy; undefined: as the swarm has it (3 in a new one). */
  readonly copies: number | undefined;
  /** W; undefined: as the swarm has it (2 in a new one). */
  readonly writeCopies: number | undefined;
  /** How long a silent server still counts as holding its copies (M3). */
  readonly graceMs: number;
  /** Pulls at once; undefined: as many as is usual. */
  readonly pulls: number | undefined;
  /** Bytes a second that pulls may bring in, and take out; undefined: no bound. */
  readonly pullRate: number | undefined;
  readonly serveRate: number | undefined;
  /** How long deletions are kept after every server has them (C7). */
  readonly deletionsKeptMs: number;
  /** In which time every copy is re-hashed once; undefined: they are not. */
  readonly scrubMs: number | undefined;
  /** How long what was deleted or overwritten is kept in the trash, at least, while its room is not wanted. */
  readonly trashKeptMs: number;
  /** Refuse writes that cannot reach W servers. */
  readonly strict: boolean;
  readonly redirect: "auto" | "never";
  readonly publicRead: boolean;
  /** Take a data directory that lost its identity, or belonged to another server, as a new server's. */
  readonly asNew: boolean;
  readonly softwareVersion: string;
}

export interface Server {
  readonly face: Face;
  /** Recovers what a crash left, joins the swarm in the background, and serves. @throws FsdfsError when it must not start */
  start(): Promise<void>;
  /** Tells serving processes from now on until when they may answer readers (lease.ts), and what they need for it. */
  leaseTo(register: LeaseRegister, sink: ServingSink): void;
  /**
   * What happens from this call on, as `Face.events` tells it, for the program that the server runs in: also while it is not
   * fresh. @throws FsdfsError `too-many-watchers` by the first step
   */
  watch(options: WatchOptions): AsyncGenerator<SwarmEvent>;
  /** What a serving process has sent to readers (core/heat.ts). */
  countReads(reads: ReadCounts): void;
  /** Finishes or cleanly abandons what is under way and lets go of everything, within 5 seconds. Idempotent. */
  stop(): Promise<void>;
}
