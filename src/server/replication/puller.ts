/**
 * Copies what the swarm wants most to this server (section 8, steps 1 and 2). Each server acts for itself, from its own
 * catalog; pulls that others have announced count as copies.
 */

import { readTrash } from "../../core/catalog/copies.ts";
import { entryKey, keyAfter, workPositionOf, workRange } from "../../core/catalog/keys.ts";
import { contentOf } from "../../core/catalog/merge.ts";
import { readRegisters, readVersionRow } from "../../core/catalog/transaction.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import type { VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { chooseNextPull, type Wanted } from "../../core/replication/next-pull.ts";
import { FsdfsError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LoadMeter } from "../../ports/load-meter.ts";
import type { Log } from "../../ports/log.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Link } from "../mesh/link.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import type { ServerOptions } from "../server.ts";
import { type Copies, contentOfVersion } from "../storage/copies.ts";
import type { Space } from "../storage/space.ts";
import type { Staging } from "../storage/staging.ts";
import type { Uploads } from "../storage/uploads.ts";
import type { Sources } from "./sources.ts";
import { LOAD_MAX, Throttle } from "./throttle.ts";

/** Files looked at in one step. */
const LOOK_AT_MAX = 500;
/** Between two looks at what lies behind files that cannot be had now. */
const WALK_REST_MS = 100;
/** From the end of one walk through all that lies there to the beginning of the next. */
const WALK_EVERY_MS = 30_000;
const IDLE_MS = 5000;
const BUSY_REST_MS = 1000;
const BACKOFF_FIRST_MS = 1000;
const BACKOFF_MAX_MS = 5 * 60 * 1000;
/** A source that is too busy is asked again soon. */
const BACKOFF_BUSY_MS = 300;
const BACKOFFS_MAX = 10_000;
/** A pull that moves nothing for so long is given up (its announcement dies with it). */
const STALL_MS = 30_000;

export interface PullerParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly mesh: Mesh;
  readonly membership: Membership;
  readonly copies: Copies;
  readonly uploads: Uploads;
  readonly staging: Staging;
  readonly space: Space;
  readonly sources: Sources;
  readonly load: LoadMeter;
  readonly options: Pick<ServerOptions, "pulls" | "pullRate">;
  readonly log: Log;
}

export class Puller {
  readonly unit: BackgroundUnit;
  readonly #parts: PullerParts;
  readonly #throttle: Throttle;
  readonly #active = new Map<VersionId, Promise<boolean>>();
  readonly #backoff = new Map<VersionId, { until: number; ms: number }>();
  /** Where the walk behind the first files goes on: those that nobody can give must not hide all others. */
  #walkedTo: Uint8Array | undefined;
  #nextWalkAt = Number.NEGATIVE_INFINITY;

  constructor(parts: PullerParts) {
    this.#parts = parts;
    this.#throttle = new Throttle(parts.clock, parts.options.pullRate);
    this.unit = new BackgroundUnit("pull", (signal) => this.#step(signal));
    parts.catalog.onChange(({ versions }) => {
      if (versions.size > 0) this.unit.wake();
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
    const { copies } = this.#parts;
    const active = this.#active.get(version);
    if (active === undefined && copies.has(version)) return await copies.settled(version);
    return await (active ?? this.#begin(version, undefined));
  }

  /** Does not copy a version by itself for a while. */
  leaveAlone(version: VersionId, ms: number): void {
    this.#backoff.set(version, { until: this.#parts.clock.monotonic() + ms, ms: BACKOFF_FIRST_MS });
  }

  async ended(): Promise<void> {
    await this.unit.ended();
    await Promise.allSettled(this.#active.values());
  }

  async #step(signal: AbortSignal): Promise<NextStep> {
    const { membership, load, options } = this.#parts;
    if (membership.isBehind || load.load() > LOAD_MAX) return { restMs: BUSY_REST_MS };
    while (this.#active.size < options.pulls && !signal.aborted) {
      const next = this.#choose();
      if (next === undefined) return { restMs: this.#walkedTo === undefined ? this.#restMs() : WALK_REST_MS };
      void this.#begin(next.version, signal).then(() => this.unit.wake());
    }
    return { restMs: IDLE_MS };
  }

  #restMs(): number {
    const now = this.#parts.clock.monotonic();
    const soonest = Math.min(IDLE_MS, ...Array.from(this.#backoff.values(), ({ until }) => until - now));
    return Math.max(soonest, BACKOFF_BUSY_MS);
  }

  /** Of the files that want copies most; when none of them can be had, of those behind them, some at a time. */
  #choose(): Wanted | undefined {
    const first = this.#look(workRange(false).start);
    if (first.next !== undefined) return first.next;
    const now = this.#parts.clock.monotonic();
    if (this.#walkedTo === undefined && now < this.#nextWalkAt) return undefined;
    const from = this.#walkedTo ?? first.last;
    if (from === undefined) return undefined;
    const { next, last } = this.#look(keyAfter(from));
    if (next !== undefined) return next;
    this.#walkedTo = last;
    if (last === undefined) this.#nextWalkAt = now + WALK_EVERY_MS;
    return undefined;
  }

  /** The best of so many files from `start` on; and the last of them, undefined when there are no more. */
  #look(start: Uint8Array): { next: Wanted | undefined; last: Uint8Array | undefined } {
    const { catalog, space } = this.#parts;
    const view = catalog.read();
    const announced = this.#announcedByOthers();
    const freeBytes = space.roomBytes("pull") - this.#activeBytes();
    const wanted: Wanted[] = [];
    let rows = 0;
    let last: Uint8Array | undefined;
    for (const { key } of view.range({ start, end: workRange(false).end, limit: LOOK_AT_MAX })) {
      rows += 1;
      last = key;
      const { version, surplus, order } = workPositionOf(key);
      const content = contentOfVersion(view, version);
      if (content === undefined || this.#active.has(version)) continue;
      // Who could give it is asked last: a full server looks at files again and again that it has no room for.
      const available =
        content.sizeBytes <= freeBytes && !this.#isBackedOff(version) && this.#isObtainable(version, content);
      const others = announced.get(version) ?? 0;
      wanted.push({ version, surplus, announced: others, order, sizeBytes: content.sizeBytes, available });
    }
    const next = chooseNextPull(wanted, freeBytes);
    return { next, last: rows === LOOK_AT_MAX ? last : undefined };
  }

  /** What the pulls under way will still claim, at most. */
  #activeBytes(): number {
    const view = this.#parts.catalog.read();
    let bytes = 0;
    for (const version of this.#active.keys()) bytes += contentOfVersion(view, version)?.sizeBytes ?? 0;
    return bytes;
  }

  #isObtainable(version: VersionId, content: FileContent): boolean {
    if (this.#parts.copies.has(version)) return false; // It lies here, which has yet to be stated (C11).
    const upload = this.#parts.uploads.find(content.sha256);
    if (upload !== "none") return upload === "orphaned";
    if (readTrash(this.#parts.catalog.read(), version) !== undefined) return true;
    return this.#parts.sources.upHolders(version).length > 0;
  }

  #announcedByOthers(): Map<VersionId, number> {
    const counts = new Map<VersionId, number>();
    for (const { report } of this.#parts.mesh.upLinks()) {
      for (const version of report.pulls) counts.set(version, (counts.get(version) ?? 0) + 1);
    }
    return counts;
  }

  #isBackedOff(version: VersionId): boolean {
    const backoff = this.#backoff.get(version);
    return backoff !== undefined && backoff.until > this.#parts.clock.monotonic();
  }

  #begin(version: VersionId, signal: AbortSignal | undefined): Promise<boolean> {
    const pull = this.#pull(version, signal)
      .then((held) => {
        this.#backoff.delete(version);
        return held;
      })
      .catch((error: unknown) => {
        this.#fail(version, error);
        return false;
      })
      .finally(() => this.#active.delete(version));
    this.#active.set(version, pull);
    return pull;
  }

  #fail(version: VersionId, error: unknown): void {
    const { clock, log } = this.#parts;
    const busy = isCode(error, "overloaded");
    const last = this.#backoff.get(version)?.ms ?? BACKOFF_FIRST_MS / 2;
    const ms = busy ? BACKOFF_BUSY_MS : Math.min(last * 2, BACKOFF_MAX_MS);
    if (this.#backoff.size >= BACKOFFS_MAX) this.#backoff.clear();
    this.#backoff.set(version, { until: clock.monotonic() + ms, ms: busy ? last : ms });
    if (!busy) log.info("a copy could not be made and will be tried again", { version, error: String(error) });
  }

  async #pull(version: VersionId, signal: AbortSignal | undefined): Promise<boolean> {
    const { catalog, copies, uploads, sources } = this.#parts;
    const wanted = this.#wanted(version);
    if (wanted === undefined || copies.has(version)) return copies.has(version);
    const { path, content } = wanted;
    if (await copies.adopt(version, path, content)) return true;
    if (await copies.restore(version, path, content)) return true;
    const uploaded = uploads.takeOrphaned(content.sha256, content.sizeBytes);
    if (uploaded !== undefined) return await copies.commit(version, uploaded);
    let failure: unknown = new FsdfsError("no-copy-reachable", { path });
    for (const source of sources.upHolders(version)) {
      try {
        return await this.#pullFrom(source, version, content, signal);
      } catch (error) {
        failure = error;
        if (isCode(error, "no-space") || catalog.origin === undefined) break;
      }
    }
    throw failure;
  }

  async #pullFrom(
    source: Link,
    version: VersionId,
    content: FileContent,
    ending: AbortSignal | undefined,
  ): Promise<boolean> {
    const { copies, staging, sources } = this.#parts;
    const stalled = new AbortController();
    const signal = ending === undefined ? stalled.signal : AbortSignal.any([ending, stalled.signal]);
    const body = await sources.read(source, version, { start: 0, end: content.sizeBytes }, "pull", signal);
    const writer = await staging.begin("pull");
    try {
      let cancel = this.#parts.clock.after(STALL_MS, () => stalled.abort());
      try {
        for await (const chunk of body) {
          cancel();
          if (signal.aborted) throw new FsdfsError("body-incomplete", { received: writer.sizeBytes });
          await writer.write(chunk);
          await this.#throttle.pass(chunk.length, signal);
          cancel = this.#parts.clock.after(STALL_MS, () => stalled.abort());
        }
      } finally {
        cancel();
      }
      if (writer.sizeBytes !== content.sizeBytes)
        throw new FsdfsError("body-incomplete", { received: writer.sizeBytes });
      const staged = await writer.finish();
      if (staged.sha256 !== content.sha256) {
        await staging.discard(staged);
        void sources.reportWrong(source, version);
        throw new FsdfsError("digest-mismatch", { actual: staged.sha256 });
      }
      return await copies.commit(version, staged);
    } catch (error) {
      await writer.abort();
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
