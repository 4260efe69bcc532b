/** The catalog's vocabulary: registers, their values, and the records that carry them among servers. */
import type { HybridTime, ServerId, VersionId } from "../ids.ts";
import type { FilePath } from "../paths.ts";
import type { Bytes } from "./kv.ts";

/** The order of writes to one register (C1): by rank, time, server and at last by the value's bytes. Total. */
export interface Stamp {
  /** The epoch of the swarm's clock in which it was written (epochs.ts); for N the time of its policy is part of it. */
  readonly rank: number;
  readonly time: HybridTime;
  readonly server: ServerId;
}

/** One stretch of a server's life in which it numbers its records (C3, C6). A later stretch has a greater incarnation. */
export interface Origin {
  readonly server: ServerId;
  readonly incarnation: HybridTime;
}

/** What is at a path: the value of its content register. */
export type Content =
  | {
      readonly type: "file";
      readonly version: VersionId;
      readonly sizeBytes: number;
      /** Hexadecimal. */
      readonly sha256: string;
      /** Digest of the request id it was put with (16 hexadecimal digits), so that a retry finds it (S1). */
      readonly request: string | undefined;
      readonly forever?: readonly VersionId[] | undefined;
    }
  | { readonly type: "directory"; readonly forever?: readonly VersionId[] | undefined }
  | {
      readonly type: "deleted";
      readonly movedTo: FilePath | undefined;
      /** Who deleted it: the id of a key, or "password"; undefined when nobody said. */
      readonly by?: string | undefined;
      /**
       * Versions that were deleted here and are to lie in no trash. What is written here next has them as well, for servers
       * that learn of it later and never see the deletion.
       */
      readonly forever?: readonly VersionId[] | undefined;
    };

export type FileContent = Extract<Content, { type: "file" }>;

/** What a register belongs to. */
export type RegisterKey =
  /** A register of a path: "content", "target", "attributes" or "variable:NAME". */
  | { readonly kind: "path"; readonly path: FilePath; readonly field: string }
  /** Whether `holder` has a copy of a version. Only the holder writes it. */
  | { readonly kind: "holding"; readonly version: VersionId; readonly holder: ServerId }
  /** What concerns the swarm: roster, keys, settings; the value is JSON. */
  | { readonly kind: "setting"; readonly name: string };

/** One write to a register, as it is sent. */
export interface CatalogRecord {
  readonly key: RegisterKey;
  /** Absent for a holding, whose statements are ordered by incarnation and number. */
  readonly stamp: Stamp | undefined;
  readonly value: Bytes;
  readonly origin: Origin;
  readonly number: number;
}
