/**
 * A token bucket that lends: who takes more than is there goes on after the debt is paid, so that amounts of any size
 * pass at the rate on average. Time is handed in, in milliseconds that never go back.
 */
export class TokenBucket {
  readonly #ratePerMs: number;
  readonly #most: number;
  #tokens: number;
  #at: number;

  /** `ratePerS` tokens come in each second; what is not used is kept for `keptMs`. It begins full. */
  constructor(ratePerS: number, keptMs: number, now: number) {
    this.#ratePerMs = ratePerS / 1000;
    this.#most = this.#ratePerMs * keptMs;
    this.#tokens = this.#most;
    this.#at = now;
  }

  /** Takes `amount`; answers how many milliseconds the taker must wait for it. */
  take(amount: number, now: number): number {
    this.#tokens = Math.min(this.#most, this.#tokens + (now - this.#at) * this.#ratePerMs);
    this.#at = now;
    this.#tokens -= amount;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#ratePerMs;
  }
}
