/** How far this server's clock is from those of the servers it has met, refused ones included (C8). */
import type { ServerId } from "../../core/ids.ts";
import type { Clock } from "../../ports/clock.ts";

/** A server further away than this is refused (C8). */
export const CLOCK_SKEW_MAX_MS = 60_000;
/** What was measured so long ago says nothing any more: a server that is left alone must not wait for the dead (P2). */
const KEPT_MS = 600_000;

export interface Skew {
  readonly server: ServerId;
  /** What the server calls itself; undefined when it has not said so. */
  readonly name: string | undefined;
  /** Its clock minus this server's, in milliseconds. */
  readonly skewMs: number;
}

export class Skews {
  readonly #clock: Clock;
  readonly #measured = new Map<ServerId, Skew & { readonly atMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(server: ServerId, skewMs: number, name = this.#measured.get(server)?.name): void {
    this.#measured.set(server, { server, name, skewMs, atMs: this.#clock.monotonic() });
  }

  all(): Skew[] {
    const since = this.#clock.monotonic() - KEPT_MS;
    for (const { server, atMs } of this.#measured.values()) if (atMs < since) this.#measured.delete(server);
    return [...this.#measured.values()];
  }

  /** The median of the others' clocks minus this server's; undefined while none was met. */
  medianMs(): number | undefined {
    const sorted = this.all()
      .map(({ skewMs }) => skewMs)
      .sort((a, b) => a - b);
    const upper = sorted[sorted.length >> 1];
    const lower = sorted[(sorted.length - 1) >> 1];
    if (upper === undefined || lower === undefined) return undefined;
    return Math.abs(lower) < Math.abs(upper) ? lower : upper; // Of two in the middle, the one that agrees.
  }
}
