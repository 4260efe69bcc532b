/**
 * The catalog as a serving process reads it: only while its server's control process says that this is fresh, and only
 * with settings and a view of other servers that are as recent (F5 to F7 in core/swarm/lease.ts).
 */
import { writtenAt } from "../../core/catalog/epochs.ts";
import { readOrigins } from "../../core/catalog/origins.ts";
import type { OriginRow } from "../../core/catalog/rows.ts";
import type { ServerId } from "../../core/ids.ts";
import type { TokenKeys } from "../../core/security/tokens.ts";
import type { Lease } from "../../core/swarm/lease.ts";
import { FsdfsError } from "../../errors.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LeaseRegister } from "../../ports/lease-register.ts";
import { type HolderInfo, NotHere } from "../face.ts";
import type { Access } from "../operations/keys.ts";
import type { Lookups } from "../operations/lookups.ts";
import { type DecodedSettings, decodeSettings } from "../settings.ts";
import type { ServingView } from "./view.ts";

/** Findings that are kept; beyond it all are dropped. */
const KEPT_MAX = 10_000;
/** Contents of small files among them. */
const KEPT_BYTES_MAX = 32 * 1024 * 1024;

interface Known {
  readonly revision: number;
  readonly lookups: Lookups;
  readonly access: Access;
}

/** What there is to be looked at. */
export type Fresh = Pick<Known, "lookups" | "access">;

export interface SnapshotParts {
  readonly clock: Clock;
  /** Opened for reading only. */
  readonly store: CatalogStore;
  readonly register: LeaseRegister;
  readonly tokenKeys: TokenKeys;
  readonly publicRead: boolean;
}

export class Snapshots {
  readonly #parts: SnapshotParts;
  #view: ServingView | undefined;
  #known: Known | undefined;
  #kept = new Map<string, unknown>();
  #keptBytes = 0;
  #keptFor = { revision: 0, changes: 0 };
  /** As this stretch of code has seen it first. */
  #written: Lease | undefined;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  /** The control process tells of the other servers. */
  take(view: ServingView): void {
    this.#view = view;
    this.#known = undefined;
  }

  /**
   * Runs `look` at one fresh snapshot, and answers what it answers or throws.
   *
   * @throws NotHere when this process cannot say that it is fresh
   */
  look<T>(look: (fresh: Fresh) => T): T {
    const { register } = this.#parts;
    const lease = this.lease();
    const known = this.#knownAt(lease.revision);
    try {
      return look(known);
    } catch (error) {
      if (error instanceof FsdfsError || error instanceof NotHere) throw error;
      throw new NotHere(); // Should this process misread something, then the other may read it right.
    } finally {
      if (register.read().revision !== known.revision) refuse();
    }
  }

  /** For several look-ups of one moment. @throws NotHere when there is none that holds */
  lease(): Lease {
    this.#written ??= this.#readWritten();
    if (this.#parts.register.now() >= this.#written.until) throw new NotHere();
    return this.#written;
  }

  /**
   * Once in a stretch of code, in which the store has one snapshot: of requests that come together a later one must not
   * see a newer count of changes than that snapshot has.
   */
  #readWritten(): Lease {
    queueMicrotask(() => {
      this.#written = undefined;
    });
    return this.#parts.register.read();
  }

  /**
   * As `look`, for what has been found before at this state of the catalog, under that name: which is as fresh.
   *
   * @param lease was asked for in this same stretch of code, which waited for nothing since
   * @throws NotHere
   */
  kept<T>(lease: Lease, name: string, look: (fresh: Fresh) => T): T {
    const kept = this.#keptAt(lease);
    const known = kept.get(name);
    if (known !== undefined) return known as T;
    const found = this.look(look);
    kept.set(name, found);
    return found;
  }

  /** Whether there is room for so many bytes with what is kept; then they count. */
  mayKeep(sizeBytes: number): boolean {
    if (this.#keptBytes + sizeBytes > KEPT_BYTES_MAX) return false;
    this.#keptBytes += sizeBytes;
    return true;
  }

  #keptAt({ revision, changes }: Lease): Map<string, unknown> {
    if (this.#kept.size >= KEPT_MAX || this.#keptFor.changes !== changes || this.#keptFor.revision !== revision) {
      this.#kept = new Map();
      this.#keptBytes = 0;
      this.#keptFor = { revision, changes };
    }
    return this.#kept;
  }

  #knownAt(revision: number): Known {
    const view = this.#view;
    if (view?.revision !== revision) throw new NotHere();
    // The view came after the change that ended the revision before, so that the settings read now have it.
    this.#known ??= knownOf(this.#parts, view);
    return this.#known;
  }
}

function knownOf({ store, clock, tokenKeys, publicRead }: SnapshotParts, view: ServingView): Known {
  const settings: DecodedSettings = decodeSettings(store.read());
  const servers = new Map<ServerId, HolderInfo>(view.servers.map((server) => [server.id, server]));
  const uncounted = new Set(view.uncounted);
  let origins: ReadonlyMap<number, OriginRow> = new Map();
  const lookups: Lookups = {
    read: () => store.read(),
    serverOf(index) {
      const known = origins.get(index);
      if (known !== undefined) return known.server;
      origins = readOrigins(store.read());
      return origins.get(index)?.server ?? refuse();
    },
    context: {
      self: view.self,
      counts: (server) => !uncounted.has(server),
      defaultTarget: settings.copies,
    },
    zone: servers.get(view.self)?.zone,
    describeServer: (server) => servers.get(server),
    writtenAt: (stamp) => writtenAt(stamp, settings.epochs),
  };
  const access: Access = {
    wall: () => clock.wall(),
    publicRead,
    key: (id) => settings.keys.get(id),
    tokenKeys,
  };
  return { revision: view.revision, lookups, access };
}

function refuse(): never {
  throw new NotHere();
}
