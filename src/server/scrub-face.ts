/** The part of the face that re-hashes copies: what `fsdfs verify` asks for, and how the scrub of each server stands. */
import type { ServerId } from "../core/ids.ts";

export interface ScrubFace {
  /**
   * Has every server that is up re-hash its copies of what is at a path or below it, now, and tells how far it is. What is
   * wrong or missing is set aside, withdrawn and copied anew; the last event waits for that a while. One at a time in the
   * swarm. What is refused is thrown by the first step; leaving early ends it.
   *
   * @throws `verify-running`, `file-not-found`
   */
  verify(path: string, options?: VerifyOptions): AsyncGenerator<VerifyEvent>;
}

export interface VerifyOptions {
  /** Bytes a second that each server reads at most; as fast as it can unless given. */
  readonly rate?: number;
}

/** "done" comes last. */
export interface VerifyEvent extends VerifyCounts {
  readonly kind: "progress" | "done";
  readonly servers: readonly VerifiedServer[];
  /** Some of the copies that were not good. */
  readonly examples: readonly VerifyExample[];
}

/** Copies by what was found, and those that are whole again. */
export interface VerifyCounts {
  /** Copies that were looked at, and their bytes. */
  readonly copies: number;
  readonly bytes: number;
  readonly good: number;
  /** The bytes were wrong; they were set aside. */
  readonly bad: number;
  /** The file was gone. */
  readonly missing: number;
  /** The disk did not give it; it stays where it is. */
  readonly unreadable: number;
  /** Deleted, overwritten or moved meanwhile, so that there was nothing to compare. */
  readonly changed: number;
  /** Of the bad and the missing: copied anew, or there were copies enough, or the file was deleted meanwhile. */
  readonly repaired: number;
  /** Of the bad and the missing: no server has the file any more. */
  readonly lost: number;
}

export interface VerifiedServer extends VerifyCounts {
  readonly id: ServerId;
  readonly name: string;
  /** down: it was not asked. interrupted: it was asked, and not heard of any more. */
  readonly state: "reading" | "repairing" | "done" | "down" | "interrupted";
}

export interface VerifyExample {
  readonly path: string;
  /** The server's name. */
  readonly server: string;
  readonly found: "bad" | "missing" | "unreadable";
  /** What has become of it; it is set for the bad and the missing. */
  readonly now: "repaired" | "lost" | null;
}

/** How the scrub of a server stands. */
export interface ScrubInfo {
  /** Of the cycle under way: 0 to 1. */
  readonly share: number;
  /** When the last cycle ended, ISO 8601 in UTC; null before. */
  readonly ended: string | null;
  /** Copies that the last cycle and this one found to be wrong, missing or unreadable. */
  readonly damaged: number;
}

/** Why a server wants its operator. */
export interface AlarmInfo {
  /** The disk returns errors or is not there: the server takes no copies. Or two processes run as this server. */
  readonly kind: "disk" | "twins";
  /** ISO 8601 in UTC. */
  readonly since: string;
  /** In words, with what to do. */
  readonly message: string;
}
