/**
 * Copies what the swarm wants most to this server (section 8). Each server acts for itself, from its own catalog; pulls
 * that others have announced count as copies. What does not fit takes the place of copies that are wanted less.
 */

import { entryKey } from "../../core/catalog/keys.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { contentOf } from "../../core/catalog/merge.ts";
import { readRegisters, readVersionRow } from "../../core/catalog/transaction.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LoadMeter } from "../../ports/load-meter.ts";
import type { Log } from "../../ports/log.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Directives } from "../control/directives.ts";
import type { Link } from "../mesh/link.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import type { Preferences } from "../policy/preferences.ts";
import { type Copies, contentOfVersion } from "../storage/copies.ts";
import type { DiskWatch } from "../storage/disk-watch.ts";
import { PassedOn } from "../storage/passed-on.ts";
import { purposeOf, type Space } from "../storage/space.ts";
import type { StagedWriter, Staging } from "../storage/staging.ts";
import type { Uploads } from "../storage/uploads.ts";
import { onAbort } from "../timers.ts";
import { type ActivePull, type ActivePulls, gaveWay, type HandedOver } from "./active-pulls.ts";
import { BACKOFF_BUSY_MS, Backoffs } from "./backoffs.ts";
import { announcedByOthers, PullChoice } from "./choice.ts";
import type { Dropping } from "./dropping.ts";
import { purposeOfPull } from "./purpose.ts";
import { type RoomMaker, type RoomWish, YOUNG_MS } from "./room-maker.ts";
import { Seats } from "./seats.ts";
import { SMALL_BYTES, type Sources } from "./sources.ts";
import { Stall } from "./stall.ts";
import { LOAD_MAX, Throttle } from "./throttle.ts";
import { Turns } from "./turns.ts";
import type { Zones } from "./zones.ts";

const IDLE_MS = 5000;
const BUSY_REST_MS = 1000;
/** Small files take longer to make durable than to move: so many of them count as one pull. */
const SMALL_IN_ONE = 8;
/** A pull that moves nothing for so long is given up (its announcement dies with it). */
const STALL_MS = 30_000;
/** Copies that may go for a file have been pulled too lately (R6). */
const TOO_YOUNG = new Error("the copies that may go have only just been pulled");

export interface PullerParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly mesh: Mesh;
  readonly membership: Membership;
  readonly copies: Copies;
  readonly passedOn: PassedOn;
  readonly uploads: Uploads;
  readonly staging: Staging;
  readonly space: Space;
  readonly disk: Pick<DiskWatch, "isResting">;
  readonly sources: Sources;
  readonly dropping: Dropping;
  readonly roomMaker: RoomMaker;
  readonly zones: Zones;
  readonly preferences: Preferences;
  readonly load: LoadMeter;
  readonly active: ActivePulls;
  readonly directives: Pick<Directives, "isPaused" | "isDrainingHere" | "pulls" | "pullRate" | "onChange">;
  readonly log: Log;
  /** Is told each step of each pull. */
  readonly onStep: (step: PullStep) => void;
}

/** What has become of a pull, for who watches. `received` counts bytes. */
export interface PullStep {
  readonly step: "begun" | "progress" | "done" | "failed";
  readonly version: VersionId;
  readonly received: number;
}

export class Puller {
  readonly unit: BackgroundUnit;
  readonly #parts: PullerParts;
  readonly #throttle: Throttle;
  readonly #active: ActivePulls;
  readonly #seats: Seats;
  /** How much of `--pulls` those under way take that this server has chosen by itself. */
  #taken = 0;
  readonly #backoffs: Backoffs;
  readonly #choice: PullChoice;

  constructor(parts: PullerParts) {
    this.#parts = parts;
    this.#active = parts.active;
    this.#seats = new Seats(parts.space, () => this.#active.values());
    this.#throttle = new Throttle(parts.clock, parts.directives.pullRate);
    parts.directives.onChange(() => {
      this.#throttle.setRate(parts.directives.pullRate);
      this.unit.wake();
    });
    // As for uploads: that the trash is found to stay for a while, and then is not, gives no room.
    this.#backoffs = new Backoffs(parts.clock, () => parts.space.roomBytes("upload"));
    const turns = new Turns(parts.clock, parts.catalog.self);
    this.#choice = new PullChoice({
      ...parts,
      backoffs: this.#backoffs,
      isActive: (version) => this.#active.has(version),
      activeBytes: () => this.#active.bytesLeft(),
      turns,
    });
    this.unit = new BackgroundUnit("pull", (signal) => this.#step(signal));
    parts.catalog.onChange(({ versions, described }) => {
      turns.hear(versions);
      // What a user says of a file may have it preferred elsewhere (R5).
      if (versions.size > 0 || (described.size > 0 && parts.preferences.areAsked)) this.unit.wake();
    });
    parts.mesh.onAnswered(({ server, report }) => {
      const holds = (version: VersionId) => parts.sources.holders(version).includes(server);
      if (!turns.hearPulls(server, report.pulls, holds)) return;
      this.#choice.lookAnew();
      this.unit.wake();
    });
    parts.mesh.handle("pull", async ({ message }) => {
      const { version } = decodeJson<{ version: VersionId }>(message);
      return { head: encodeJson({ held: await this.pullNow(version) }) };
    });
  }

  /** What is being copied now, for others to know. */
  announced(): VersionId[] {
    return [...this.#active.keys()];
  }

  /** Copies one version at once, for a writer that wants for copies. Answers whether it is in its place here then (W2). */
  async pullNow(version: VersionId): Promise<boolean> {
    return await this.#pullFor(version, undefined);
  }

  /** Takes a copy over from another server, so that it can take another file (R3). Answers as `pullNow`. */
  async takeOver(version: VersionId, handedOver: HandedOver): Promise<boolean> {
    return await this.#pullFor(version, handedOver);
  }

  async #pullFor(version: VersionId, handedOver: HandedOver | undefined): Promise<boolean> {
    const { copies, disk } = this.#parts;
    const active = this.#active.get(version);
    if (active === undefined && copies.has(version)) return await copies.settled(version);
    if (active === undefined && disk.isResting) return false;
    return await (active?.done ?? this.#begin(version, undefined, handedOver));
  }

  /** Whether this server could begin one more. */
  get isIdle(): boolean {
    return this.#active.size === 0;
  }

  /** Does not copy a version by itself for a while. */
  leaveAlone(version: VersionId, ms: number): void {
    this.#backoffs.leaveAlone(version, ms);
  }

  async ended(): Promise<void> {
    await this.unit.ended();
    await this.#active.ended();
  }

  async #step(signal: AbortSignal): Promise<NextStep> {
    const { membership, load, directives, disk } = this.#parts;
    if (directives.isPaused || directives.isDrainingHere || disk.isResting) return { restMs: IDLE_MS };
    if (membership.isBehind || load.clientLoad() > LOAD_MAX) return { restMs: BUSY_REST_MS };
    while (this.#taken < directives.pulls && !signal.aborted) {
      const next = await this.#choice.next(signal);
      if (next === undefined) return { restMs: this.#choice.restMs() ?? this.#restMs() };
      const share = next.sizeBytes <= SMALL_BYTES ? 1 / SMALL_IN_ONE : 1;
      this.#taken += share;
      void this.#begin(next.version, signal).then(() => {
        this.#taken -= share;
        this.unit.wake();
      });
    }
    return { restMs: IDLE_MS };
  }

  #restMs(): number {
    return Math.max(Math.min(IDLE_MS, this.#backoffs.soonestMs()), BACKOFF_BUSY_MS);
  }

  #begin(version: VersionId, signal: AbortSignal | undefined, handedOver?: HandedOver): Promise<boolean> {
    const { onStep, catalog, clock } = this.#parts;
    const sizeBytes = contentOfVersion(catalog.read(), version)?.sizeBytes ?? 0;
    const ending = new AbortController();
    const forget = signal === undefined ? undefined : onAbort(signal, () => ending.abort());
    const surplus = handedOver?.surplus ?? this.#surplusOf(version);
    const purpose = signal === undefined ? purposeOf(surplus) : purposeOfPull(surplus, version, clock.wall());
    const active: ActivePull = {
      done: Promise.resolve(false),
      sizeBytes,
      writer: undefined,
      get bytesLeft() {
        return Math.max(0, sizeBytes - (this.writer?.claimedBytes ?? 0));
      },
      isSeated: false,
      isMakingRoom: false,
      handedOver,
      isExtra: surplus >= 0,
      ending,
      purpose,
    };
    active.isSeated = this.#seats.missingFor(active) <= 0;
    this.#active.set(version, active);
    active.done = this.#pull(version, active)
      .then((held) => {
        this.#backoffs.forget(version);
        return held;
      })
      .catch((error: unknown) => {
        this.#fail(version, error);
        return false;
      })
      .finally(() => {
        forget?.();
        this.#active.delete(version);
      });
    onStep({ step: "begun", version, received: 0 });
    void active.done.then((held) => onStep({ step: held ? "done" : "failed", version, received: 0 }));
    return active.done;
  }

  #fail(version: VersionId, error: unknown): void {
    if (error === TOO_YOUNG) this.#backoffs.awaitsRoom(version, YOUNG_MS / 3);
    else if (isCode(error, "no-space")) this.#backoffs.lacksRoom(version);
    else if (isCode(error, "overloaded")) this.#backoffs.failed(version, true);
    else {
      this.#backoffs.failed(version, false);
      this.#parts.log.info("a copy could not be made and will be tried again", { version, error: String(error) });
    }
  }

  async #pull(version: VersionId, active: ActivePull): Promise<boolean> {
    const { catalog, copies, passedOn, uploads, sources } = this.#parts;
    const wanted = this.#wanted(version);
    if (wanted === undefined || copies.has(version)) return copies.has(version);
    const { path, content } = wanted;
    if (await copies.adopt(version, path, content)) return true;
    if (this.#seats.mayComeBack(active) && (await copies.restore(version, path, content))) return true;
    const uploaded = uploads.takeOrphaned(content.sha256, content.sizeBytes);
    if (uploaded !== undefined) return await copies.commit(version, uploaded);
    this.#checkRoom(version, active); // Nothing need be opened to know that there will be none.
    let failure: unknown = new FsdfsError("no-copy-reachable", { path });
    for (const source of [...(passedOn.has(version) ? [passedOn] : []), ...sources.upHolders(version)]) {
      const givenUp = new AbortController();
      const forget = onAbort(active.ending.signal, () => givenUp.abort());
      try {
        return await this.#pullFrom(source, version, content, active, givenUp);
      } catch (error) {
        active.writer = undefined; // What it had claimed is for others, or for the next attempt.
        failure = gaveWay(active) ? new FsdfsError("no-space") : error;
        if (isCode(failure, "no-space") || catalog.origin === undefined) break;
      } finally {
        forget();
        givenUp.abort("over"); // Bytes that nobody reads would keep one of the source's places, and a window of memory.
      }
    }
    throw failure;
  }

  async #pullFrom(
    source: Link | PassedOn,
    version: VersionId,
    content: FileContent,
    active: ActivePull,
    givenUp: AbortController,
  ): Promise<boolean> {
    const { copies, staging, sources, roomMaker } = this.#parts;
    const { signal } = givenUp;
    const { body, writer } = await this.#open(source, version, content, active, signal);
    try {
      await this.#seat(version, active);
      const stall = new Stall(this.#parts.clock, STALL_MS, () => givenUp.abort());
      try {
        stall.waits();
        for await (const chunk of body) {
          stall.came();
          if (signal.aborted) throw new FsdfsError("body-incomplete", { received: writer.sizeBytes });
          await this.#write(chunk, writer, version, active);
          this.#parts.onStep({ step: "progress", version, received: writer.sizeBytes });
          await this.#throttle.pass(chunk.length, signal);
          stall.waits();
        }
      } finally {
        stall.end();
      }
      if (writer.sizeBytes !== content.sizeBytes)
        throw new FsdfsError("body-incomplete", { received: writer.sizeBytes });
      const staged = await writer.finish();
      if (staged.sha256 !== content.sha256) {
        await staging.discard(staged);
        // What an earlier attempt had left may be another's, or have lost bytes with the power.
        if (writer.resumedBytes === 0 && !(source instanceof PassedOn)) void sources.reportWrong(source, version);
        throw new FsdfsError("digest-mismatch", { actual: staged.sha256 });
      }
      roomMaker.pulled(version); // It is a copy before the commit is over.
      return await copies.commit(version, staged);
    } catch (error) {
      if (isCode(error, "no-space") || gaveWay(active)) await writer.abort();
      else await writer.suspend();
      throw error;
    }
  }

  /** @throws FsdfsError `no-space` when what was taken to give way stays (S2), and no copies go instead */
  async #write(chunk: Bytes, writer: StagedWriter, version: VersionId, active: ActivePull): Promise<void> {
    try {
      await writer.claimAhead(chunk.length);
    } catch (error) {
      if (!isCode(error, "no-space")) throw error;
      active.isSeated = false;
      await this.#seat(version, active);
    }
    await writer.write(chunk);
  }

  /** @throws FsdfsError `no-space`, or TOO_YOUNG, when there is no room and no copies may go for it */
  #checkRoom(version: VersionId, active: ActivePull): void {
    const { roomMaker } = this.#parts;
    const missing = active.isSeated ? 0 : this.#seats.missingFor(active);
    const wish = this.#wish(version, active);
    if (missing <= 0 || roomMaker.mayMake(missing, wish)) return;
    throw roomMaker.mayMake(missing, { ...wish, isUrgent: true }) ? TOO_YOUNG : new FsdfsError("no-space");
  }

  /** Sees to it that there is room for a pull whose source is open (step 3). @throws FsdfsError `no-space` */
  async #seat(version: VersionId, active: ActivePull): Promise<void> {
    const { roomMaker } = this.#parts;
    const make = (missing: () => number) => roomMaker.make(missing, this.#wish(version, active));
    if (!(await this.#seats.take(active, make))) throw new FsdfsError("no-space");
  }

  #wish(version: VersionId, active: ActivePull): RoomWish {
    const { catalog, dropping, zones } = this.#parts;
    const own = readVersionRow(catalog.read(), version).indexed?.surplus ?? 0;
    const { target, safe } = dropping.target(version);
    const isUrgent = own < safe - target;
    const gainsZone = zones.dependsOnThis(version);
    return { surplus: this.#surplusOf(version), gainsZone, ...active.handedOver, isUrgent };
  }

  /** K - N, what others announce to be copying counted as copies. */
  #surplusOf(version: VersionId): number {
    const { catalog, mesh } = this.#parts;
    const own = readVersionRow(catalog.read(), version).indexed?.surplus ?? 0;
    return own + (announcedByOthers(mesh).get(version) ?? 0);
  }

  /** A source's bytes of a version, from where an earlier attempt was cut, and the staged file that they go into. */
  async #open(
    source: Link | PassedOn,
    version: VersionId,
    content: FileContent,
    active: ActivePull,
    signal: AbortSignal,
  ): Promise<{ body: AsyncIterable<Bytes>; writer: StagedWriter }> {
    const { staging, sources } = this.#parts;
    // Looking at what is there takes time that the source need not wait for; but nothing is begun for a busy source.
    const begin = async () => (active.writer = await staging.beginPull(version, active.purpose));
    const resumed = staging.canResume(version) ? await begin() : undefined;
    try {
      const start = resumed?.sizeBytes ?? 0;
      if (start > content.sizeBytes) {
        await resumed?.abort();
        throw new FsdfsError("digest-mismatch", { actual: "" });
      }
      const range = { start, end: content.sizeBytes };
      const body = await (source instanceof PassedOn
        ? source.read(version, range, signal)
        : sources.read(source, version, range, "pull", signal));
      return { body, writer: resumed ?? (await begin()) };
    } catch (error) {
      await resumed?.suspend();
      throw error;
    }
  }

  #wanted(version: VersionId): { path: FilePath; content: FileContent } | undefined {
    const view = this.#parts.catalog.read();
    for (const path of readVersionRow(view, version).paths) {
      const content = contentOf(readRegisters(view, entryKey(path)));
      if (content?.type === "file" && content.version === version) return { path, content };
    }
    return undefined;
  }
}

function isCode(error: unknown, code: string): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === code;
}
