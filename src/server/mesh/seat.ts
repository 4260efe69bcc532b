/**
 * This server's seat among those who decide conditions (C14). The owner of a path is the first by rendezvous over the
 * roster, and two servers that know two rosters may each take themselves for it. So a server decides only once it has a
 * seat, which it takes once in an incarnation, when
 *
 * O1. every other server of the roster it knows is up and says that it durably knows this very roster: from then on each
 *     of them, knowing of this server, decides nothing any more that this server owns;
 * O2. this server is fresh by the answers that said so: it knows all that they had decided until then;
 * O3. one of them, this server included, is *anchored*: its roster holds everybody who had a seat before it. Who founds a
 *     swarm is; who takes a seat becomes it. Else some who joined at the same time would be a roster by themselves.
 *
 * Of two servers with a seat the later knows of the earlier (O1 and O3), so of a path that both know of one is the owner.
 * Who was removed is in no roster: it decides nothing any more (X1 in removal.ts), so that an owner by a smaller roster is the
 * only one as well.
 * A new incarnation of an old catalog (C6) has no seat: decisions that it made may be missing from it.
 */
import { createHash } from "node:crypto";
import { SEAT_KEY } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import type { ServerId, SwarmId } from "../../core/ids.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { encodeSeat, readSeat, type SeatRow } from "../catalog/seat.ts";
import type { Identity } from "../identity.ts";
import type { Readiness } from "../readiness.ts";
import type { Settings } from "../settings.ts";
import type { Mesh } from "./mesh.ts";

/** Between two looks at the others while there is no seat. */
const TRY_MS = 500;
const IDLE_MS = 60_000;
const DIGEST_DIGITS = 16;

export interface SeatParts {
  readonly store: CatalogStore;
  readonly catalog: Catalog;
  readonly settings: Settings;
  readonly identity: Identity;
  readonly mesh: Mesh;
  readonly readiness: Readiness;
}

export class Seat {
  readonly #parts: SeatParts;
  readonly unit = new BackgroundUnit("seat", () => this.#step());
  /** Of the roster that this server knows durably; "" before it was looked at. */
  #rosterTold = "";

  constructor(parts: SeatParts) {
    this.#parts = parts;
    parts.settings.onChange(() => this.unit.wake());
  }

  /** For others: which roster is durably known here. */
  get roster(): string {
    return this.#rosterTold;
  }

  get isAnchored(): boolean {
    return this.#row(this.#parts.catalog.read()) !== undefined;
  }

  /** Whether this server, as this state of its catalog has it, decides what it owns. */
  isTaken(view: ReadView): boolean {
    const incarnation = this.#parts.catalog.origin?.incarnation;
    return incarnation !== undefined && this.#row(view)?.incarnation === incarnation;
  }

  /** A row of another swarm says nothing about this one. */
  #row(view: ReadView): SeatRow | undefined {
    const row = readSeat(view);
    return row?.swarm === this.#parts.identity.swarm ? row : undefined;
  }

  async #step(): Promise<NextStep> {
    await this.attempt();
    return { restMs: this.isTaken(this.#parts.catalog.read()) ? IDLE_MS : TRY_MS };
  }

  /** Takes the seat if that is possible now. */
  async attempt(): Promise<void> {
    const { catalog, settings } = this.#parts;
    const roster = digestOf(settings.roster.keys());
    if (roster !== this.#rosterTold) {
      await catalog.flushed();
      this.#rosterTold = roster;
    }
    if (!this.isTaken(catalog.read()) && this.#mayTake(roster)) await this.#take();
  }

  #mayTake(roster: string): boolean {
    const { catalog, settings, mesh, readiness } = this.#parts;
    if (!readiness.isFresh || !settings.roster.has(catalog.self)) return false;
    const others = [...settings.roster.keys()].filter((server) => server !== catalog.self);
    const agrees = (server: ServerId) => mesh.isUp(server) && mesh.link(server)!.report.roster === roster;
    const anchored = this.isAnchored || others.some((server) => mesh.link(server)?.report.anchored === true);
    return anchored && others.every(agrees) && digestOf(settings.roster.keys()) === roster;
  }

  async #take(): Promise<void> {
    const { catalog, identity, store } = this.#parts;
    const [swarm, incarnation] = [identity.swarm, catalog.origin?.incarnation];
    if (swarm === undefined || incarnation === undefined) return;
    await store.write((view) => view.put(SEAT_KEY, encodeSeat({ swarm, incarnation })));
    await store.flushed();
  }
}

/** Of a swarm that begins: its first server is anchored. */
export async function anchor(store: CatalogStore, swarm: SwarmId): Promise<void> {
  await store.write((view) => view.put(SEAT_KEY, encodeSeat({ swarm, incarnation: 0 as SeatRow["incarnation"] })));
}

function digestOf(roster: Iterable<ServerId>): string {
  return createHash("sha256")
    .update([...roster].sort().join())
    .digest("hex")
    .slice(0, DIGEST_DIGITS);
}
