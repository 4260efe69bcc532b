/**
 * Holds back the bytes of copies that servers make of each other's files, never those of uploads and readers: a rate for
 * each direction, and clients first while this server is loaded (M4).
 */

import type { Bytes } from "../../core/catalog/kv.ts";
import { TokenBucket } from "../../core/replication/token-bucket.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LoadMeter } from "../../ports/load-meter.ts";
import { sleep } from "../timers.ts";

/** Above this load, while there are clients, no pull is begun and those served to others yield (M4). */
export const LOAD_MAX = 0.8;
/** What was not used of a rate is kept for so long; no piece takes longer to pass. */
const KEPT_MS = 250;
const PIECE_BYTES_MIN = 1024;
/** Between two chunks (256 KB) for others while this server is loaded: 2.5 MB/s, so that copying still goes on. */
const YIELD_MS = 100;

const NEVER = new AbortController().signal;

export class Throttle {
  readonly #clock: Clock;
  #bytesPerS: number | undefined;
  #bucket: TokenBucket | undefined;
  readonly #yieldsAt: LoadMeter | undefined;

  /** @param bytesPerS undefined: no bound. @param yieldsAt whose load makes it yield; undefined: it never does */
  constructor(clock: Clock, bytesPerS: number | undefined, yieldsAt?: LoadMeter) {
    this.#clock = clock;
    this.#yieldsAt = yieldsAt;
    this.setRate(bytesPerS);
  }

  /** Holds from now on; what waits already waits as long as it was told. @param bytesPerS undefined: no bound */
  setRate(bytesPerS: number | undefined): void {
    if (bytesPerS === this.#bytesPerS) return;
    this.#bytesPerS = bytesPerS;
    this.#bucket = bytesPerS === undefined ? undefined : new TokenBucket(bytesPerS, KEPT_MS, this.#clock.monotonic());
  }

  get #pieceBytes(): number {
    const bytesPerS = this.#bytesPerS ?? Number.POSITIVE_INFINITY;
    return Math.max(PIECE_BYTES_MIN, Math.floor((bytesPerS * KEPT_MS) / 1000));
  }

  /** The same bytes, held back, in pieces so small that whoever takes them sees something move. */
  async *held(bytes: AsyncIterable<Bytes>, signal: AbortSignal): AsyncGenerator<Bytes> {
    for await (const chunk of bytes) {
      const pieceBytes = this.#pieceBytes;
      for (let start = 0; start < chunk.length; start += pieceBytes) {
        const piece = chunk.length <= pieceBytes ? chunk : chunk.subarray(start, start + pieceBytes);
        await this.pass(piece.length, signal);
        yield piece;
      }
    }
  }

  /** Resolves when so many bytes may pass, at once when the signal is aborted. */
  async pass(bytes: number, signal: AbortSignal = NEVER): Promise<void> {
    const waitMs = this.#bucket?.take(bytes, this.#clock.monotonic()) ?? 0;
    const yieldMs = this.#yieldsAt !== undefined && this.#yieldsAt.clientLoad() > LOAD_MAX ? YIELD_MS : 0;
    const ms = Math.max(waitMs, yieldMs);
    if (ms > 0) await sleep(this.#clock, ms, signal);
  }
}
