/**
 * Makes room for a file that is wanted more than copies that lie here (section 8, step 3): those of the highest surplus go,
 * all of them by promise (D1 to D4), or none when they are too few.
 */
import { readCopy } from "../../core/catalog/copies.ts";
import { type WorkPosition, workPositionOf, workRange } from "../../core/catalog/keys.ts";
import type { VersionId } from "../../core/ids.ts";
import {
  chooseDrops,
  EXCHANGE_GAIN,
  type OwnCopy,
  promisesWanted,
  totalBytes,
  ZONE_EXCHANGE_GAIN,
} from "../../core/replication/making-room.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Preferences } from "../policy/preferences.ts";
import type { Dropping } from "./dropping.ts";
import type { Sources } from "./sources.ts";
import type { Zones } from "./zones.ts";

/** Copies looked at for one file. */
const LOOK_AT_MAX = 300;
const NONE: ReadonlySet<VersionId> = new Set();
/** Of these it is asked whether they should rather be elsewhere (R5). */
const PREFERENCES_MAX = 100;
/** So many that may go stand for more behind them. */
const MANY = LOOK_AT_MAX / 2;
/** Given up in one go for no other file. */
const GIVEN_UP_MAX = 16;
/** Each round leaves out a copy about which no promises came. */
const ROUNDS_MAX = 8;
/** R6: a copy that was pulled is kept for so long, but for uploads and files that are in danger. */
export const YOUNG_MS = 15_000;
/** Copies whose age is known; the others count as old. */
const YOUNG_MAX = 10_000;

/** What the room is for. */
export interface RoomWish {
  /** Of the file that wants it, pulls announced by others included; undefined: for no other file, down to N. */
  readonly surplus: number | undefined;
  /** An upload, or a file with fewer copies than min(W, N): no copy is too young to go for it (R6). */
  readonly isUrgent: boolean;
  /** It gains a zone (R4). */
  readonly gainsZone?: boolean;
  /** Copies that may not go. */
  readonly spared?: readonly VersionId[];
  /** A copy that may go though its surplus is higher by one only: another server makes it again (R3). */
  readonly swapped?: VersionId;
}

export interface RoomMakerParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly sources: Sources;
  readonly dropping: Dropping;
  readonly zones: Zones;
  readonly preferences: Pick<Preferences, "of" | "areAsked" | "prepare">;
}

export class RoomMaker {
  readonly #parts: RoomMakerParts;
  #running: Promise<unknown> = Promise.resolve();
  /** When copies were pulled, the oldest first. */
  readonly #pulledAt = new Map<VersionId, number>();

  constructor(parts: RoomMakerParts) {
    this.#parts = parts;
  }

  /** A copy has just been pulled. */
  pulled(version: VersionId): void {
    const now = this.#parts.clock.monotonic();
    for (const [oldest, at] of this.#pulledAt) {
      if (now - at < YOUNG_MS && this.#pulledAt.size < YOUNG_MAX) break;
      this.#pulledAt.delete(oldest);
    }
    this.#pulledAt.set(version, now);
  }

  /** The highest surplus of the copies that lie here; undefined when there are none. */
  highestSurplus(): number | undefined {
    const range = { ...workRange(true), reverse: true, limit: 1 };
    for (const { key } of this.#parts.catalog.read().range(range)) return workPositionOf(key).surplus;
    return undefined;
  }

  /** Whether enough copies might go at once, as far as is known without asking for promises. */
  mayMake(bytes: number, wish: RoomWish): boolean {
    return chooseDrops(this.#candidates(wish, NONE), bytes) !== undefined;
  }

  /** Whether enough copies might go one after the other. When there are too many to look at it is taken that they might. */
  mayMakeInPieces(bytes: number, wish: RoomWish): boolean {
    const copies = this.copiesFor(wish);
    return copies.length >= MANY || totalBytes(copies) >= bytes;
  }

  /** Copies that might go, of those that are looked at, the highest surplus first. */
  copiesFor(wish: RoomWish): OwnCopy[] {
    return [...this.#candidates(wish, NONE)];
  }

  /**
   * Gives up copies until there is room. One file's wish at a time, each looking at what is missing when it is its turn:
   * what was given up for one is not counted for the next. Answers whether there is room now.
   *
   * @param missing bytes that cannot be had otherwise
   */
  async make(missing: () => number, wish: RoomWish): Promise<boolean> {
    const turn = this.#running.then(() => this.#make(missing, wish));
    this.#running = turn.catch(() => undefined);
    return await turn;
  }

  /** Gives up copies that are above N, for no other file, up to so many bytes. Answers how many it were. */
  async giveUp(bytes: number): Promise<number> {
    const turn = this.#running.then(async () => {
      const wish: RoomWish = { surplus: undefined, isUrgent: false };
      await this.#prepare(wish);
      const copies = this.copiesFor(wish).slice(0, GIVEN_UP_MAX);
      return await this.#dropEach(chooseDrops(copies, bytes) ?? copies);
    });
    this.#running = turn.catch(() => undefined);
    return await turn;
  }

  async #dropEach(copies: readonly OwnCopy[]): Promise<number> {
    const gone = await Promise.all(
      copies.map(async (copy) => ((await this.#parts.dropping.drop(copy.version)) === undefined ? copy : undefined)),
    );
    return totalBytes(gone.filter((copy) => copy !== undefined));
  }

  async #make(missing: () => number, wish: RoomWish): Promise<boolean> {
    const refused = new Set<VersionId>();
    await this.#prepare(wish);
    let left = missing();
    for (let round = 0; round < ROUNDS_MAX && left > 0; round++) {
      const chosen = chooseDrops(this.#candidates(wish, refused), left);
      if (chosen === undefined) return false;
      left -= await this.#dropAll(chosen, wish, refused);
    }
    return left <= 0;
  }

  /** All of them or none, but for what changes while they go. Answers the bytes that were freed; notes those that stay. */
  async #dropAll(chosen: readonly OwnCopy[], wish: RoomWish, refused: Set<VersionId>): Promise<number> {
    const { dropping } = this.#parts;
    const asked = await Promise.all(
      chosen.map(async (copy) => {
        const answer = await dropping
          .ask(copy.version, this.#promisesFor(copy.version, copy.surplus, wish))
          .catch(String);
        if (typeof answer === "string") refused.add(copy.version);
        return answer;
      }),
    );
    const promised = asked.filter((answer) => typeof answer !== "string");
    if (promised.length < chosen.length) {
      for (const each of promised) each.keep();
      return 0;
    }
    const reasons = await Promise.all(promised.map((each) => each.drop()));
    const gone = chosen.filter((_, i) => reasons[i] === undefined);
    for (const { version } of chosen) refused.add(version); // Those that stayed; the others are no copies any more.
    return totalBytes(gone);
  }

  /** D1. */
  #promisesFor(version: VersionId, surplus: number, { surplus: wanted }: RoomWish): number {
    const gain = wanted === undefined ? EXCHANGE_GAIN : Math.min(EXCHANGE_GAIN, surplus - wanted);
    return promisesWanted(this.#parts.dropping.target(version), wanted, gain);
  }

  /** Learns which of the copies that may go should rather be elsewhere (R5). */
  async #prepare(wish: RoomWish): Promise<void> {
    const { preferences } = this.#parts;
    if (!preferences.areAsked) return;
    const versions: VersionId[] = [];
    for (const { version } of this.#fallingSurplus(lowestFor(wish))) {
      if (versions.push(version) === PREFERENCES_MAX) break;
    }
    await preferences.prepare(versions);
  }

  /**
   * Copies that may go for the file, the highest surplus first; of one surplus those first that should rather be elsewhere
   * than here (R5).
   */
  *#candidates(wish: RoomWish, refused: ReadonlySet<VersionId>): Generator<OwnCopy> {
    const alike: OwnCopy[] = [];
    for (const copy of this.#mayGo(wish, refused)) {
      if (!this.#parts.preferences.areAsked) {
        yield copy;
        continue;
      }
      if (alike.length > 0 && alike[0]!.surplus !== copy.surplus) yield* this.#leastPreferred(alike.splice(0));
      alike.push(copy);
    }
    yield* this.#leastPreferred(alike);
  }

  #leastPreferred(copies: OwnCopy[]): OwnCopy[] {
    const { catalog, preferences } = this.#parts;
    const share = ({ version }: OwnCopy) => preferences.of(version).share(catalog.self);
    return copies.sort((a, b) => share(a) - share(b));
  }

  *#mayGo(wish: RoomWish, refused: ReadonlySet<VersionId>): Generator<OwnCopy> {
    const { catalog, dropping, sources, zones } = this.#parts;
    const { isUrgent, spared = [], swapped } = wish;
    const view = catalog.read();
    const lowest = lowestFor(wish);
    for (const { version, surplus } of this.#fallingSurplus(swapped === undefined ? lowest : lowest - 1)) {
      if (surplus < lowest && version !== swapped) continue;
      if (refused.has(version) || spared.includes(version)) continue;
      if (dropping.isAsking(version) || (!isUrgent && this.isYoung(version))) continue;
      const copy = readCopy(view, version);
      if (copy === undefined || copy.staged !== undefined) continue;
      if (sources.upHolders(version).length < this.#promisesFor(version, surplus, wish)) continue;
      // R4: nothing is gained if another file loses a zone instead.
      if (wish.gainsZone && surplus === lowest && zones.dependsOnThis(version)) continue;
      yield { version, surplus, sizeBytes: copy.sizeBytes };
    }
  }

  /** Own copies down to a surplus, but no more than are looked at for one file. */
  *#fallingSurplus(lowest: number): Generator<WorkPosition> {
    const range = { ...workRange(true), reverse: true, limit: LOOK_AT_MAX };
    for (const { key } of this.#parts.catalog.read().range(range)) {
      const position = workPositionOf(key);
      if (position.surplus < lowest) return;
      yield position;
    }
  }

  /** R6: whether it was pulled so lately that it stays. */
  isYoung(version: VersionId): boolean {
    const at = this.#pulledAt.get(version);
    return at !== undefined && this.#parts.clock.monotonic() - at < YOUNG_MS;
  }
}

/** The lowest surplus of copies that may go (R1, R4). */
function lowestFor({ surplus, gainsZone = false }: RoomWish): number {
  if (surplus === undefined) return 1;
  return surplus + (gainsZone ? ZONE_EXCHANGE_GAIN : EXCHANGE_GAIN);
}
