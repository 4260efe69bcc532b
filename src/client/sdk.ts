/** What `import … from "fsdfs"` gives beside `createClient`, on every platform. docs/SDK.md has examples. */
export type { Variables, VariableValue } from "../core/catalog/variables.ts";
export type { Policy, PolicyFile, PolicyServer, Prefer } from "../core/policy/policy.ts";
export { type ErrorCode, FsdfsError, isErrorCode } from "../errors.ts";
export type {
  AdoptEvent,
  AdoptOptions,
  ClockRepair,
  ClockStatus,
  CreatedKey,
  EmptiedTrash,
  EntryInfo,
  Health,
  HolderInfo,
  KeyInfo,
  Listing,
  ListOptions,
  Location,
  MergePlan,
  MergeState,
  PolicyFailure,
  PolicyLogEntry,
  PolicyOfServer,
  PolicyState,
  PolicyStatus,
  PolicyTrial,
  PutResult,
  Restored,
  Scope,
  ServerFilesPage,
  ServerInfo,
  ServerState,
  SwarmEvent,
  SwarmStatus,
  TrashCount,
  TrashedFile,
  TrashListOptions,
  TrashPage,
  VariableChange,
  VariableChanges,
  VariableFailure,
  VerifyEvent,
  VerifyOptions,
} from "../server/face.ts";
export type { Client, Conditions, EventOptions, PutOptions, RemoveOptions, RestoreWish } from "./client.ts";
export type { PutContent, PutSource } from "./content.ts";
export type { Download } from "./download.ts";
export type { GetOptions } from "./reading.ts";
export type { EmptyTrashWish } from "./trash.ts";
export type { VariablesChanged } from "./variables.ts";

export interface SdkOptions {
  /** Where one server of the swarm is, whichever: "http://10.0.0.7:4242". */
  readonly url: string;
  /** A key made by `fsdfs key create`; without one only what is public can be read. */
  readonly key?: string;
}
