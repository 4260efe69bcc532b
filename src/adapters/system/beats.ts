/**
 * Timers that need not be exact, brought together on one beat: a process at rest is woken once for all that is due at
 * about the same time, which costs it less than what it then does.
 */

/** Four wakings a second. */
export const BEAT_MS = 250;
/** What is due sooner is not for the beat: a wait may become an eighth of a second shorter. */
export const WAIT_MS_MIN = 200;

export class Beats {
  /** By the beat's number since the process began: what is to be called then. */
  readonly #due = new Map<number, Set<() => void>>();
  #armed: { readonly beat: number; readonly timer: NodeJS.Timeout } | undefined;

  /** Calls back at the beat next to `ms` (at least `WAIT_MS_MIN`) from now. Answers the function that cancels it. */
  after(ms: number, callback: () => void): () => void {
    const beat = Math.round((performance.now() + ms) / BEAT_MS);
    const callbacks = this.#due.get(beat) ?? new Set();
    this.#due.set(beat, callbacks.add(callback));
    if (this.#armed === undefined || beat < this.#armed.beat) this.#arm();
    return () => {
      callbacks.delete(callback);
      if (callbacks.size > 0 || this.#due.get(beat) !== callbacks) return;
      this.#due.delete(beat);
      if (beat === this.#armed?.beat) this.#arm();
    };
  }

  /** For the first beat at which something is due; a process in which nothing is may end. */
  #arm(): void {
    clearTimeout(this.#armed?.timer);
    this.#armed = undefined;
    if (this.#due.size === 0) return;
    const beat = Math.min(...this.#due.keys());
    const restMs = Math.max(0, Math.ceil(beat * BEAT_MS - performance.now()));
    this.#armed = { beat, timer: setTimeout(() => this.#strike(), restMs) };
  }

  #strike(): void {
    // A timer may be early by a millisecond, and late by any time.
    const now = Math.round(performance.now() / BEAT_MS);
    const beats = [...this.#due.keys()].filter((beat) => beat <= now);
    const struck = beats.map((beat) => this.#due.get(beat) ?? []);
    for (const beat of beats) this.#due.delete(beat);
    this.#arm();
    for (const callbacks of struck) for (const callback of callbacks) callback();
  }
}
