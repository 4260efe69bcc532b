/**
 * What the user's policy is given and answers (docs/POLICY.md). The types are for its author as well, who imports them:
 * `import type { Policy } from "fsdfs"`.
 */

/** A file, as a policy sees it. */
export interface PolicyFile {
  /** Without a leading "/": "music/song.ogg". */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** By its extension: "audio/ogg"; "application/octet-stream" where that says nothing. */
  readonly type: string;
  /** When its content was put, in milliseconds since the Unix epoch. */
  readonly modified: number;
  /** Days since then, with fractions. */
  readonly ageDays: number;
  /** What users have set on it. */
  readonly variables: Readonly<Record<string, number | string | boolean>>;
  /** Reads an hour, over the swarm, what is longer ago counting less; 0 when it is not read. */
  readonly heat: number;
}

/** What a policy is told of a file, but for the time that has passed since. */
export type FileFacts = Omit<PolicyFile, "ageDays">;

/** N of a file: how many servers are to hold it, a whole number from 1 to 100. The default export of a policy. */
export type Policy = (file: PolicyFile) => number;

/** A server, as a policy sees it: what seldom changes, so that its answers seldom do. */
export interface PolicyServer {
  readonly id: string;
  readonly name: string;
  /** Its own id where none was given. */
  readonly zone: string;
}

/**
 * How much a file should rather be on a server than on others (R5), a number from 0 to `POLICY_WEIGHT_MAX`; 0: only where
 * there is no other place for it. The optional export `prefer` of a policy. Servers that weigh the same are alike.
 */
export type Prefer = (file: PolicyFile, server: PolicyServer) => number;

/** What `prefer` answers at most. */
export const POLICY_WEIGHT_MAX = 10 ** 12;

/** What a policy answers at most: the largest swarm that is designed for. */
export const POLICY_COPIES_MAX = 100;
/** Of a policy's text. */
export const POLICY_BYTES_MAX = 256 * 1024;
