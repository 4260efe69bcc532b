/**
 * Hand-over (R3): a server that cannot make room for a file by itself has another one take a copy that lies here, which has
 * free room or copies that may go for the wanted file; then it gives up its own, and pulls. One copy at a time.
 */
import { readCopy } from "../../core/catalog/copies.ts";
import { workPositionOf, workRange, workRangeBelow } from "../../core/catalog/keys.ts";
import type { VersionId } from "../../core/ids.ts";
import { EXCHANGE_GAIN, type OwnCopy, promisesAfterHandOver } from "../../core/replication/making-room.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LoadMeter } from "../../ports/load-meter.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Directives } from "../control/directives.ts";
import type { Link } from "../mesh/link.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import { whileUp } from "../mesh/while-up.ts";
import { contentOfVersion } from "../storage/copies.ts";
import type { Space } from "../storage/space.ts";
import { announcedByOthers } from "./choice.ts";
import type { Dropping } from "./dropping.ts";
import type { Puller } from "./puller.ts";
import type { RoomMaker } from "./room-maker.ts";
import type { Sources } from "./sources.ts";
import { LOAD_MAX } from "./throttle.ts";

/** Between two looks while something goes on. */
const LOOK_EVERY_MS = 1000;
/** While nothing is known to have changed. */
const IDLE_MS = 10_000;
/** Wanted files, and own copies for each of them, that are looked at in one step. */
const WANTED_MAX = 50;
const OWN_ROWS_MAX = 100;
const OWN_MAX = 4;
/** A copy that was handed over is not copied back for so long. */
const NOT_BACK_MS = 60_000;
/** Who would not take a copy is not asked about it again for so long. */
const REFUSED_MS = 60_000;
const REFUSED_MAX = 1000;
const TAKE_TIMEOUT_MS = 30 * 60 * 1000;
/** Of a file for which nothing may go: only free room is used. */
const NOTHING_WANTED = 1_000_000;

interface TakeOver {
  readonly version: VersionId;
  /** Of the file that is wanted in its place: copies may go for it, as for that one. */
  readonly surplus: number;
}

export interface HandOverParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly mesh: Mesh;
  readonly membership: Membership;
  readonly space: Space;
  readonly sources: Sources;
  readonly dropping: Dropping;
  readonly roomMaker: RoomMaker;
  readonly puller: Puller;
  readonly load: LoadMeter;
  readonly directives: Directives;
}

export class HandOver {
  readonly unit: BackgroundUnit;
  readonly #parts: HandOverParts;
  /** Until when a server is not asked about a copy. */
  readonly #refused = new Map<string, number>();
  /** What was known when there was last nothing to be had. */
  #nothingIn = "";

  constructor(parts: HandOverParts) {
    this.#parts = parts;
    this.unit = new BackgroundUnit("hand over", () => this.#step());
    parts.mesh.handle("take-over", async ({ message }) => {
      const { version, surplus } = decodeJson<TakeOver>(message);
      return { head: encodeJson({ held: await this.#take(version, surplus) }) };
    });
  }

  /** Has somebody with free room take a copy, then gives up the one here. Answers whether it is gone. */
  async giveAway(copy: OwnCopy): Promise<boolean> {
    return await this.#give(copy, NOTHING_WANTED);
  }

  async #step(): Promise<NextStep> {
    const { membership, load, puller, directives } = this.#parts;
    if (directives.isPaused || directives.isDrainingHere) return { restMs: IDLE_MS };
    if (membership.isBehind || load.load() > LOAD_MAX || !puller.isIdle) return { restMs: LOOK_EVERY_MS };
    const world = this.#world();
    if (world === this.#nothingIn) return { restMs: IDLE_MS };
    for (const wanted of this.#wanted()) {
      for (const copy of this.#copiesFor(wanted)) {
        if (!(await this.#give(copy, wanted.surplus))) continue;
        puller.unit.wake();
        return { restMs: 0 };
      }
    }
    this.#nothingIn = world;
    return { restMs: LOOK_EVERY_MS };
  }

  /** What decides whether somebody could take something. */
  #world(): string {
    const { catalog, mesh } = this.#parts;
    const servers = mesh.upLinks().map(({ server, report }) => `${server} ${report.roomBytes} ${report.maxSurplus}`);
    return [catalog.revision, ...servers.sort()].join(",");
  }

  /** Files that this server wants and has no room for, the most wanted first, as long as somebody might help. */
  *#wanted(): Generator<OwnCopy & { readonly missing: number }> {
    const { catalog, mesh, roomMaker, sources, space } = this.#parts;
    const view = catalog.read();
    const announced = announcedByOthers(mesh);
    for (const { key } of view.range({ ...workRange(false), limit: WANTED_MAX })) {
      const { version, surplus: own } = workPositionOf(key);
      const surplus = own + (announced.get(version) ?? 0);
      if (this.#takers(surplus, 0).length === 0) return; // Nor does anybody for what is wanted less.
      const sizeBytes = contentOfVersion(view, version)?.sizeBytes ?? Number.POSITIVE_INFINITY;
      const missing = sizeBytes - space.roomBytes("pull");
      if (sizeBytes > space.limitBytes("pull") || missing <= 0) continue;
      if (sources.upHolders(version).length === 0) continue;
      if (roomMaker.mayMake(missing, { surplus, isUrgent: true })) continue; // The puller does without help.
      yield { version, surplus, sizeBytes, missing };
    }
  }

  /** Own copies that would make room for it and are not above it by enough to go by themselves, the smallest first. */
  #copiesFor({ surplus, missing }: OwnCopy & { readonly missing: number }): OwnCopy[] {
    const { catalog, dropping, roomMaker } = this.#parts;
    const view = catalog.read();
    const stillMissing = missing - roomMaker.bytesFor({ surplus, isUrgent: true });
    const copies: OwnCopy[] = [];
    const range = workRangeBelow(true, surplus + EXCHANGE_GAIN);
    for (const { key } of view.range({ ...range, reverse: true, limit: OWN_ROWS_MAX })) {
      const { version, surplus: own } = workPositionOf(key);
      const copy = readCopy(view, version);
      if (copy === undefined || copy.staged !== undefined || copy.sizeBytes < stillMissing) continue;
      if (!dropping.isAsking(version)) copies.push({ version, surplus: own, sizeBytes: copy.sizeBytes });
    }
    return copies.sort((a, b) => a.sizeBytes - b.sizeBytes).slice(0, OWN_MAX);
  }

  /** Servers that might take so many bytes in place of copies of theirs that may go for a file of this surplus. */
  #takers(surplus: number, bytes: number): Link[] {
    const { mesh, directives } = this.#parts;
    return mesh.upLinks().filter(({ server, report: { behind, roomBytes, maxSurplus } }) => {
      if (behind || directives.isDraining(server)) return false;
      return roomBytes > bytes || (maxSurplus !== null && maxSurplus >= surplus + EXCHANGE_GAIN);
    });
  }

  async #give({ version, sizeBytes }: OwnCopy, surplus: number): Promise<boolean> {
    const { sources, dropping, puller } = this.#parts;
    const holders = sources.holders(version);
    for (const link of this.#takers(surplus, sizeBytes)) {
      if (holders.includes(link.server) || this.#hasRefused(link, version)) continue;
      if (!(await this.#asks(link, { version, surplus }))) {
        this.#refuses(link, version);
        continue;
      }
      puller.leaveAlone(version, NOT_BACK_MS);
      const promises = promisesAfterHandOver(dropping.target(version), holders.length + 1);
      return (await dropping.drop(version, promises)) === undefined;
    }
    return false;
  }

  async #asks(link: Link, request: TakeOver): Promise<boolean> {
    try {
      const call = () => link.call("take-over", encodeJson(request), TAKE_TIMEOUT_MS);
      return decodeJson<{ held: boolean }>(await whileUp(this.#parts, link, call)).held;
    } catch {
      return false;
    }
  }

  /** The other side. */
  async #take(version: VersionId, surplus: number): Promise<boolean> {
    const { membership, load, catalog, space, roomMaker, puller, directives } = this.#parts;
    const content = contentOfVersion(catalog.read(), version);
    if (content === undefined || directives.isPaused || directives.isDrainingHere) return false;
    if (membership.isBehind || load.load() > LOAD_MAX || !puller.isIdle) return false;
    const missing = content.sizeBytes - space.roomBytes("pull");
    if (missing > 0 && !roomMaker.mayMake(missing, { surplus, isUrgent: false })) return false;
    return await puller.takeOver(version, surplus);
  }

  #hasRefused({ server }: Link, version: VersionId): boolean {
    const until = this.#refused.get(`${server} ${version}`);
    return until !== undefined && until > this.#parts.clock.monotonic();
  }

  #refuses({ server }: Link, version: VersionId): void {
    if (this.#refused.size >= REFUSED_MAX) this.#refused.clear();
    this.#refused.set(`${server} ${version}`, this.#parts.clock.monotonic() + REFUSED_MS);
  }
}
