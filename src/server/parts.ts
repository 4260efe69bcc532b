/** What the operations of a server work with. Made in compose.ts, top to bottom. */
import type { TokenKeys } from "../core/security/tokens.ts";
import type { Adoption } from "./adoption/adoption.ts";
import type { Catalog } from "./catalog/catalog.ts";
import type { Events } from "./events/events.ts";
import type { Identity } from "./identity.ts";
import type { Membership } from "./mesh/membership.ts";
import type { Mesh } from "./mesh/mesh.ts";
import type { ServerReport } from "./mesh/messages.ts";
import type { Seat } from "./mesh/seat.ts";
import type { Decisions } from "./operations/decisions.ts";
import type { Access } from "./operations/keys.ts";
import type { Lookups } from "./operations/lookups.ts";
import type { Readiness } from "./readiness.ts";
import type { Dropping } from "./replication/dropping.ts";
import type { Puller } from "./replication/puller.ts";
import type { Sources } from "./replication/sources.ts";
import type { Ports, ServerOptions } from "./server.ts";
import type { Settings } from "./settings.ts";
import type { Copies } from "./storage/copies.ts";
import type { DiskWatch } from "./storage/disk-watch.ts";
import type { Settler } from "./storage/settle.ts";
import type { Space } from "./storage/space.ts";
import type { Staging } from "./storage/staging.ts";
import type { Strangers } from "./storage/strangers.ts";
import type { Trash } from "./storage/trash.ts";
import type { Guest } from "./swarms/guest.ts";

export interface Parts {
  readonly options: ServerOptions;
  readonly ports: Ports;
  readonly identity: Identity;
  readonly catalog: Catalog;
  readonly settings: Settings;
  readonly mesh: Mesh;
  readonly membership: Membership;
  readonly readiness: Readiness;
  readonly seat: Seat;
  readonly decisions: Decisions;
  readonly space: Space;
  readonly disk: DiskWatch;
  readonly trash: Trash;
  readonly staging: Staging;
  readonly settler: Settler;
  readonly copies: Copies;
  readonly strangers: Strangers;
  readonly adoption: Adoption;
  readonly sources: Sources;
  readonly events: Events;
  readonly puller: Puller;
  readonly dropping: Dropping;
  readonly guest: Guest;
  readonly tokenKeys: TokenKeys;
  readonly lookups: Lookups;
  readonly access: Access;
  /** Aborted when the server stops. */
  readonly ending: AbortSignal;
  report(): ServerReport;
}
