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
  readonly #measured = new Map<ServerId, Skew & { readonly atMs: number; readonly address: string | undefined }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A server was heard at an address; what was measured of another one there, as before its disks were replaced, is of nobody any more. */
  met(server: ServerId, skewMs: number, name: string, address: string): void {
    for (const [other, measured] of this.#measured) {
      if (other !== server && measured.address === address) this.#measured.delete(other);
    }
    this.#note(server, skewMs, name, address);
  }

  /** A server that was met before was heard again. */
  note(server: ServerId, skewMs: number): void {
    const before = this.#measured.get(server);
    this.#note(server, skewMs, before?.name, before?.address);
  }

  #note(server: ServerId, skewMs: number, name: string | undefined, address: string | undefined): void {
    this.#measured.set(server, { server, name, skewMs, address, atMs: this.#clock.monotonic() });
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
