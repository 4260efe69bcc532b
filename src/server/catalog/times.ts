/** The times and names of this server's writes (core/catalog/stamp-clock.ts), as the catalog keeps them (C8). */
import { compareBytes } from "../../core/bytes.ts";
import { epochOf, epochSetting, rankIn, readEpochs } from "../../core/catalog/epochs.ts";
import { metaKey } from "../../core/catalog/keys.ts";
import type { ReadView, WriteView } from "../../core/catalog/kv.ts";
import { StampClock } from "../../core/catalog/stamp-clock.ts";
import type { RegisterKey, Stamp } from "../../core/catalog/types.ts";
import { hybridTimeOf, nextHybridTime } from "../../core/hybrid-clock.ts";
import { type HybridTime, type ServerId, type VersionId, versionId } from "../../core/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { NameMark } from "./name-mark.ts";

const TIME_KEY = metaKey("time");

/** No name is left below the mark. */
export class NamesReserved extends Error {
  constructor() {
    super("the mark of names has to be moved first");
    this.name = "NamesReserved";
  }
}

export class Times {
  readonly #self: ServerId;
  readonly #clock: Clock;
  readonly #stamps: StampClock;
  readonly #mark: NameMark | undefined;

  constructor(self: ServerId, clock: Clock, view: ReadView, mark: NameMark | undefined) {
    this.#mark = mark;
    this.#self = self;
    this.#clock = clock;
    this.#stamps = new StampClock(view.get(TIME_KEY), readEpochs(view));
    if (mark !== undefined && mark.limit > this.#stamps.named + 1) this.passOver((mark.limit - 1) as HybridTime, 0);
  }

  get epoch(): number {
    return this.#stamps.epoch;
  }

  /** By how many milliseconds times are ahead of the wall clock. */
  get aheadMs(): number {
    return this.#stamps.aheadMs(this.#clock.wall());
  }

  /** Of this process, in milliseconds. */
  monotonic(): number {
    return this.#clock.monotonic();
  }

  now(): HybridTime {
    return this.#stamps.next(this.#clock.wall());
  }

  /** Must come before a change that names a version; beside what else is waited for. @throws FileStoreError */
  async readyToName(): Promise<void> {
    const last = Math.max(this.#stamps.time, this.#stamps.named) as HybridTime;
    await this.#mark?.reach(hybridTimeOf(this.#clock.wall()), last);
  }

  /** @throws NamesReserved when the mark has to be moved first, and the change to be made again */
  nameVersion(time: HybridTime): VersionId {
    if (this.#mark !== undefined && Math.max(time, this.#stamps.named + 1) >= this.#mark.limit)
      throw new NamesReserved();
    return versionId(this.#stamps.name(time), this.#self);
  }

  /** Names no more versions. */
  async close(): Promise<void> {
    await this.#mark?.close(this.#stamps.named);
  }

  /** For a write in the present epoch, at `time` or now. */
  stamp(key: RegisterKey, time = this.now()): Stamp {
    return { rank: rankIn(this.epoch, key), time, server: this.#self };
  }

  observe(key: RegisterKey, stamp: Stamp): void {
    this.#stamps.observe(epochOf(key, stamp), stamp.time);
  }

  /** The write that begins the next epoch. It counts here when it is observed. */
  nextEpoch(): { readonly key: RegisterKey; readonly stamp: Stamp } {
    const rank = this.epoch + 1;
    const stamp: Stamp = { rank, time: hybridTimeOf(this.#clock.wall()), server: this.#self };
    return { key: { kind: "setting", name: epochSetting(rank) }, stamp };
  }

  /** For a new incarnation: after all that this server wrote before, as far as it and others know. */
  nextIncarnation(atLeast: HybridTime): HybridTime {
    return nextHybridTime(Math.max(atLeast, this.#stamps.time) as HybridTime, this.#clock.wall());
  }

  passOver(incarnation: HybridTime, spread: number): void {
    this.#stamps.passOver(incarnation, spread, this.#clock.wall());
  }

  /** The catalog is empty again. */
  forget(view: WriteView): void {
    this.#stamps.forget();
    this.keep(view);
  }

  /** Makes them durable with what was written at them: ahead of use, since nothing is told before the flush (C4). */
  keep(view: WriteView): void {
    const row = this.#stamps.encode();
    const stored = view.get(TIME_KEY);
    if (stored === undefined || compareBytes(stored, row) !== 0) view.put(TIME_KEY, row);
  }
}
