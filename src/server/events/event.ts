/** What is told to who watches the swarm (GET /events): the words of the public API. */
import type { EventType } from "../../core/event-types.ts";
import type { ServerId, VersionId } from "../../core/ids.ts";

export type SwarmEvent =
  /** Comes first: from here on changes are told. */
  | { readonly type: "ready"; readonly server: ServerId }
  /**
   * Changes were not told: before this connection (`reconnected`), since they came faster than they were read
   * (`lagging`), or since this server took the swarm's catalog anew (`replaced`).
   */
  | { readonly type: "missed"; readonly reason: "reconnected" | "lagging" | "replaced" }
  | FileEvent
  | CopyEvent
  | PullEvent
  | ServerEvent
  | AlarmEvent;

export type FileEvent =
  | {
      readonly type: "file";
      readonly change: "put";
      readonly path: string;
      readonly version: VersionId;
      readonly size: number;
      readonly sha256: string;
      /** False when it took the place of a file. */
      readonly created: boolean;
    }
  | { readonly type: "file"; readonly change: "directory"; readonly path: string }
  | {
      readonly type: "file";
      readonly change: "deleted";
      readonly path: string;
      /** null for a directory. */
      readonly version: VersionId | null;
    }
  | {
      readonly type: "file";
      readonly change: "moved";
      /** Where it was. */
      readonly path: string;
      readonly to: string;
      /** null for a directory. */
      readonly version: VersionId | null;
    };

export interface CopyEvent {
  readonly type: "copy";
  readonly change: "made" | "withdrawn";
  /** null when no path has that version, any more or yet. */
  readonly path: string | null;
  readonly version: VersionId;
  readonly server: ServerId;
}

/** Of the server that answers. */
export interface PullEvent {
  readonly type: "pull";
  readonly change: "begun" | "progress" | "done" | "failed";
  readonly path: string | null;
  readonly version: VersionId;
  /** Bytes in all; null when the file has gone meanwhile. */
  readonly size: number | null;
  readonly received: number;
}

/** As the server that answers sees it. */
export interface ServerEvent {
  readonly type: "server";
  readonly change: "joined" | "up" | "down" | "absent" | "removed";
  readonly id: ServerId;
  readonly name: string;
  readonly url: string;
}

/** A server wants its operator, or no longer; as the server that answers sees it. */
export interface AlarmEvent {
  readonly type: "alarm";
  readonly change: "raised" | "cleared";
  /** The disk returns errors. */
  readonly kind: "disk" | "twins";
  readonly id: ServerId;
  readonly name: string;
  readonly message: string;
}

export interface WatchOptions {
  /** All unless given. */
  readonly types?: readonly EventType[];
  /** Only what is at this path or below it; servers and alarms have none, and are told all the same. */
  readonly under?: string;
  /** Who asks has watched before, and may have missed something since. */
  readonly again?: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
}
