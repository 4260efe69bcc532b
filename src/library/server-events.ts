/** What a server in a program tells it, as the program sees it. */

/** What the listeners are given, by the name of the event. Paths have no leading "/". */
export interface ServerEvents {
  /** A file was put, through whichever server. */
  stored: [StoredEvent];
  /** This server has made a copy of what others had. */
  pulled: [PulledEvent];
  /** This server has given up its copy of a file that there still is, or found it gone or damaged. */
  dropped: [DroppedEvent];
  /** A file or a directory was deleted. */
  deleted: [DeletedEvent];
  /** It is at another path now. */
  moved: [MovedEvent];
  /** This server can reach another one of the swarm, or no longer. */
  up: [ServerSeenEvent];
  down: [ServerSeenEvent];
  /** A server wants its operator, or no longer. */
  alarm: [AlarmEvent];
  /** Events were lost: they came faster than they could be told, or this server has taken the swarm's catalog anew. */
  missed: [MissedEvent];
}

export interface StoredEvent {
  readonly path: string;
  readonly version: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  /** False when it took the place of a file. */
  readonly created: boolean;
}

export interface PulledEvent {
  /** null when the file has gone meanwhile. */
  readonly path: string | null;
  readonly version: string;
  readonly size: number | null;
}

export interface DroppedEvent {
  readonly path: string;
  readonly version: string;
}

export interface DeletedEvent {
  readonly path: string;
  /** null for a directory. */
  readonly version: string | null;
}

export interface MovedEvent extends DeletedEvent {
  /** `path` is where it was. */
  readonly to: string;
}

export interface ServerSeenEvent {
  readonly id: string;
  readonly name: string;
  readonly url: string;
}

export interface AlarmEvent {
  readonly change: "raised" | "cleared";
  /** The disk returns errors. */
  readonly kind: "disk" | "twins";
  readonly id: string;
  readonly name: string;
  readonly message: string;
}

export interface MissedEvent {
  readonly reason: "lagging" | "replaced";
}
