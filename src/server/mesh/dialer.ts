/**
 * Keeps trying the addresses where a server may be: those the operator named, those that were discovered, and those of
 * the roster, for ever, with growing pauses (M1); what was only announced until it has failed for a while. It knows
 * addresses, not servers.
 */
import type { Clock } from "../../ports/clock.ts";
import { sleep } from "../timers.ts";

/** Also the least: two servers that are just about to link nudge each other with every attempt. */
const FIRST_PAUSE_MS = 250;
const PAUSE_MAX_MS = 30_000;
/** What answers is there, and may be fit soon. */
const UNFIT_PAUSE_MS = 2000;
/** Addresses beyond so many are not remembered. */
const ADDRESSES_MAX = 4096;
/** Of these that only an announcement told of, which any stranger on the network can make. */
const FOUND_MAX = 1024;

/** Found: announced on the network. Told: by who knows the password. Soon: it has just called. */
export type Why = "found" | "told" | "soon";

/** What came of one attempt. */
export type DialResult =
  /** Connected; resolves when the connection has ended. */
  | { readonly kind: "connected"; readonly ended: Promise<void> }
  /** A server that is linked already, or this server itself: look again when `again` says. */
  | { readonly kind: "known"; readonly again: () => boolean }
  /** Something answered, but it is no server to link with now: another swarm, a wrong clock. */
  | { readonly kind: "unfit" }
  | { readonly kind: "failed" };

export class Dialer {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #dial: (address: string) => Promise<DialResult>;
  readonly #attempts = new Map<string, { nudge: () => void; tried: boolean; told: boolean }>();

  constructor(clock: Clock, signal: AbortSignal, dial: (address: string) => Promise<DialResult>) {
    this.#clock = clock;
    this.#signal = signal;
    this.#dial = dial;
  }

  /** Begins to try an address; a known one that has called is tried soon again instead of after its pause. */
  add(address: string, why: Why = "told"): void {
    const attempt = this.#attempts.get(address);
    if (attempt !== undefined) {
      if (why !== "found") attempt.told = true;
      if (why === "soon") attempt.nudge();
      return;
    }
    const isFull = this.#attempts.size >= ADDRESSES_MAX || (why === "found" && this.#found >= FOUND_MAX);
    if (isFull || this.#signal.aborted) return;
    void this.#keepTrying(address, why !== "found");
  }

  get #found(): number {
    return [...this.#attempts.values()].filter(({ told }) => !told).length;
  }

  /** Whether every address has been tried at least once. */
  get triedAll(): boolean {
    return [...this.#attempts.values()].every(({ tried }) => tried);
  }

  async #keepTrying(address: string, told: boolean): Promise<void> {
    let nudged = new AbortController();
    const attempt = { nudge: () => nudged.abort(), tried: false, told };
    this.#attempts.set(address, attempt);
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#signal.aborted) {
      const result = await this.#dial(address).catch((): DialResult => ({ kind: "failed" }));
      attempt.tried = true;
      if (result.kind === "connected") {
        await result.ended;
        pauseMs = FIRST_PAUSE_MS;
        continue; // At once: a refusal now tells that the process is gone.
      }
      if (result.kind === "known") {
        while (!result.again() && !this.#signal.aborted) {
          await this.#pause(PAUSE_MAX_MS / 30, nudged);
          nudged = new AbortController(); // Else the next pause would be none.
        }
        continue;
      }
      if (result.kind === "unfit") pauseMs = UNFIT_PAUSE_MS;
      if (result.kind === "failed" && pauseMs === PAUSE_MAX_MS && !attempt.told) break;
      await sleep(this.#clock, FIRST_PAUSE_MS, this.#signal);
      await this.#pause(pauseMs - FIRST_PAUSE_MS, nudged);
      pauseMs = nudged.signal.aborted ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, PAUSE_MAX_MS);
      nudged = new AbortController();
    }
    this.#attempts.delete(address); // Who is there announces it again.
  }

  async #pause(ms: number, nudged: AbortController): Promise<void> {
    await sleep(this.#clock, ms, this.#signal, nudged.signal);
  }
}
