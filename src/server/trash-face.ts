/** The part of the face that is about the trash: what was deleted or overwritten, and how to have it back (S2, P5). */
import type { VersionId } from "../core/ids.ts";
import type { PutResult } from "./face.ts";

export interface TrashFace {
  /**
   * What lies in the trash of the servers that are up and is at no path any more, the oldest version first, a page at a time.
   * A page may have fewer files than `limit`, or none, and not be the last.
   */
  listTrash(options?: TrashListOptions): Promise<TrashPage>;
  /**
   * Makes a version current again, at its path or at another.
   *
   * @throws `trash-not-found`, `not-restored-over`, `not-enough-servers`
   */
  restore(wish: RestoreWish): Promise<Restored>;
  /** Throws away what lies in the trash of the servers that are up, but for what S2 keeps; some of it in each call. */
  emptyTrash(options?: EmptyTrashOptions): Promise<EmptiedTrash>;
}

export interface TrashListOptions {
  /** A path: what was there, or below it. */
  readonly under?: string;
  /** 1 to 10,000; 1,000 by default. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly after?: string;
}

export interface TrashPage {
  readonly files: readonly TrashedFile[];
  /** Hand it back as `after` for the next page; null at the end. */
  readonly next: string | null;
  /** Names of servers whose trash is not told of, since they are not up. */
  readonly unreached: readonly string[];
}

export interface TrashedFile {
  readonly path: string;
  readonly version: VersionId;
  readonly size: number;
  /** Hexadecimal; null when no server knows it any more. */
  readonly sha256: string | null;
  /** When the first server put it there, as an ISO 8601 time. */
  readonly trashed: string;
  /** lost: to a write that no server that has it learned of when it was made, as after a partition (P5). */
  readonly reason: "deleted" | "overwritten" | "lost";
  /** Who deleted it: the name of a key, or "password"; null when that is not known. */
  readonly by: string | null;
  /** Names of the servers that have it. */
  readonly servers: readonly string[];
}

export interface RestoreWish {
  /** What was at this path last; or which version. */
  readonly path?: string;
  readonly version?: string;
  /** Where to; its own path unless given. */
  readonly to?: string;
  /** A file that is there goes to the trash in its turn. */
  readonly overwrite?: boolean;
  /** Whoever asks may write below `.fsdfs/`. */
  readonly asAdmin?: boolean;
}

export interface Restored extends PutResult {
  readonly path: string;
}

export interface EmptyTrashOptions {
  /** A path: what was there, or below it. */
  readonly under?: string;
  /** The `next` of the call before. */
  readonly after?: string;
}

export interface EmptiedTrash {
  /** Over all servers: a file that lay on two counts twice. */
  readonly thrownAway: TrashCount;
  /** What stays, since what replaced it has too few copies yet (S2). */
  readonly kept: TrashCount;
  /** Names of servers that are not up: theirs stays. */
  readonly unreached: readonly string[];
  /** Hand it back as `after` to go on; null when that was all. */
  readonly next: string | null;
}

export interface TrashCount {
  readonly copies: number;
  readonly bytes: number;
}
