/** Time, as a server sees it. The simulator has its own; nothing in core or server reads time elsewhere. */
export interface Clock {
  /** Milliseconds since an arbitrary start. Never goes back, and goes on while the process is stopped. */
  monotonic(): number;
  /** Milliseconds since the Unix epoch. May jump either way. */
  wall(): number;
  /**
   * Runs `callback` once, `ms` milliseconds from now or later; with "about" it may be an eighth of a second sooner, so that
   * what is due at about the same time wakes the process once. Answers the function that cancels it.
   */
  after(ms: number, callback: () => void, exactness?: "about"): () => void;
}
