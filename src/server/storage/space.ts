/**
 * The quota (S3): apparent sizes of copies, staged files and trash. Copies and trash are counted by the catalog, in the
 * transactions that make and remove them; staged bytes are claimed here as they arrive.
 */
import type { Clock } from "../../ports/clock.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { DiskWatch } from "./disk-watch.ts";

/**
 * What claims are for: uploads may use the reserve, pulls may not. "extra" are pulls of files that have N copies already: of
 * the trash only what was dropped gives way to them, what users deleted or overwrote does not.
 */
export type Purpose = "upload" | "pull" | "extra";

/** Of a pull, by how many copies the file has more than N. */
export function purposeOf(surplus: number): Exclude<Purpose, "upload"> {
  return surplus < 0 ? "pull" : "extra";
}

/** Longer than the rest after which hand-over looks again: it helps where a pull has found that the trash does not. */
const KEPT_MS = 15_000;

/** What lay in the trash when it was last found that nothing of it may go. */
interface KeptTrash {
  readonly bytes: number;
  readonly until: number;
}

const NONE_KEPT: KeptTrash = { bytes: 0, until: 0 };

export class Space {
  readonly #clock: Clock;
  readonly #catalog: Catalog;
  readonly #reserve: number;
  readonly #disk: DiskWatch;
  #quotaBytes: number;
  #stagedBytes = 0;
  /** Of those, what gives way to whatever wants room. */
  #idleBytes = 0;
  /** What uploads are making room for: pulls leave it to them. */
  #heldBytes = 0;
  #keptTrash = NONE_KEPT;
  #keptDropped = NONE_KEPT;

  constructor(clock: Clock, catalog: Catalog, quotaBytes: number, reserve: number, disk: DiskWatch) {
    this.#clock = clock;
    this.#catalog = catalog;
    this.#quotaBytes = quotaBytes;
    this.#reserve = reserve;
    this.#disk = disk;
  }

  get quotaBytes(): number {
    return this.#quotaBytes;
  }

  set quotaBytes(bytes: number) {
    this.#quotaBytes = bytes;
  }

  usedBytes(): number {
    const { copyBytes, trashBytes } = this.#catalog.stats();
    return copyBytes + trashBytes + this.#stagedBytes;
  }

  /** Bytes that may still be claimed; what lies in the trash is not counted as room here. */
  freeBytes(purpose: Purpose): number {
    const held = purpose === "upload" ? 0 : this.#heldBytes;
    return this.limitBytes(purpose) - this.usedBytes() - held;
  }

  /**
   * Keeps so many more bytes from pulls, or fewer, while an upload makes room for itself; else what was given up for it would
   * come back before it is claimed.
   */
  holdForUpload(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /** Whether an upload counts on room that it has yet to claim. */
  isHeldForUpload(): boolean {
    return this.#heldBytes > 0;
  }

  /** So many more of the staged bytes are of pulls that were cut, and give way. */
  idle(bytes: number): void {
    this.#idleBytes += bytes;
  }

  /**
   * Nothing of what lies in the trash may go for this now (S2). For a while copies are not taken to find room there: others
   * go for them instead (R1, R3). Uploads see for themselves.
   */
  trashStays(purpose: Purpose): void {
    const { trashBytes, droppedBytes } = this.#catalog.stats();
    const until = this.#clock.monotonic() + KEPT_MS;
    this.#keptDropped = { bytes: droppedBytes, until };
    if (purpose !== "extra") this.#keptTrash = { bytes: trashBytes, until };
  }

  /** Bytes that could be claimed, and would find room on the disk, if all that gives way were thrown away. */
  roomBytes(purpose: Purpose): number {
    if (this.#disk.isResting) return 0;
    return Math.min(this.freeBytes(purpose), this.#disk.freeBytes) + this.#idleBytes + this.#trashThatGoes(purpose);
  }

  #trashThatGoes(purpose: Purpose): number {
    const { trashBytes, droppedBytes } = this.#catalog.stats();
    if (purpose === "upload") return trashBytes;
    const [bytes, kept] = purpose === "extra" ? [droppedBytes, this.#keptDropped] : [trashBytes, this.#keptTrash];
    return this.#clock.monotonic() < kept.until ? Math.max(0, bytes - kept.bytes) : bytes;
  }

  /** By how many bytes copies and what is on its way to be one exceed what they may take; trash gives way to them. */
  bytesAbove(purpose: Purpose): number {
    return this.usedBytes() - this.#catalog.stats().trashBytes - this.#idleBytes - this.limitBytes(purpose);
  }

  /** Takes `bytes` of room; false when there is not enough, and nothing was taken. */
  claim(bytes: number, purpose: Purpose): boolean {
    if (this.freeBytes(purpose) < bytes) return false;
    this.#stagedBytes += bytes;
    return true;
  }

  /** Gives claimed room back: the staged file is gone, or the catalog counts it now. */
  release(bytes: number): void {
    this.#stagedBytes -= bytes;
    if (this.#stagedBytes < 0) throw new Error("more room was given back than was claimed");
  }

  /** What may be used at most. */
  limitBytes(purpose: Purpose): number {
    return purpose === "upload" ? this.#quotaBytes : Math.floor(this.#quotaBytes * (1 - this.#reserve));
  }
}
