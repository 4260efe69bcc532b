/**
 * One simulated process: it runs, is stopped (as by SIGSTOP) or is dead, and every call it makes of a port goes through
 * `call`, where a fault may strike before or after the call's effect.
 *
 * While it is stopped nothing of it runs: timers, deliveries and completions wait, in order. Once it is dead, calls
 * never settle, callbacks never run, and synchronous calls throw.
 */
import { CatalogStoreError } from "../../src/ports/catalog-store.ts";
import { FileStoreError } from "../../src/ports/file-store.ts";
import { NetworkError } from "../../src/ports/network.ts";
import { hashText } from "./random.ts";
import type { World } from "./world.ts";

export type PortName = "files" | "catalog" | "network" | "policies";

export interface PortCall {
  /** Counts this process's calls from 1. */
  readonly number: number;
  readonly port: PortName;
  readonly method: string;
  /** What it is about: a file's name, a request's method. */
  readonly about: string;
}

/** The last two are the file store's alone. */
type ErrorCode = "io" | "no-space" | "read-only" | "missing" | "denied";

/** What happens at a call. One that waits for the call's end may be called off meanwhile. */
export type Strike = { calledOff?: boolean } & (
  | { readonly kind: "crash" | "power-cut"; readonly side: "before" | "after" }
  | { readonly kind: "stop"; readonly side: "before" | "after"; readonly forMs: number }
  | { readonly kind: "error"; readonly code: ErrorCode; readonly side: "before" | "after" }
);

/** Asked at each call of a port. */
export type FaultPlan = (call: PortCall) => Strike | undefined;

/** How long a call takes in simulated time, split around its effect. */
export type Delays = (port: PortName, method: string) => { readonly beforeMs: number; readonly afterMs: number };

/** What a synchronous call in a dead process throws. Nothing may be concluded from it. */
export class ProcessEnded extends Error {
  constructor() {
    super("this simulated process has ended");
    this.name = "ProcessEnded";
  }
}

export interface ProcessOptions {
  readonly world: World;
  readonly name: string;
  readonly plan: FaultPlan;
  readonly delays: Delays;
  /** Carries out a strike that ends the process. */
  readonly onEnd: (kind: "crash" | "power-cut") => void;
}

export class SimulatedProcess {
  readonly name: string;
  readonly #world: World;
  readonly #plan: FaultPlan;
  readonly #delays: Delays;
  readonly #onEnd: (kind: "crash" | "power-cut") => void;
  readonly #deathWatchers = new Set<() => void>();
  #state: "running" | "stopped" | "dead" = "running";
  #kept: (() => void)[] = [];
  #stops = 0;
  #stoppedMs = 0;
  #stoppedSinceMs = 0;
  #calls = 0;

  constructor(options: ProcessOptions) {
    this.#world = options.world;
    this.name = options.name;
    this.#plan = options.plan;
    this.#delays = options.delays;
    this.#onEnd = options.onEnd;
  }

  get state(): "running" | "stopped" | "dead" {
    return this.#state;
  }

  /** How long it was stopped until it last went on. */
  get stoppedMs(): number {
    return this.#stoppedMs;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Runs `callback` now, or when the process goes on, or never. */
  enter(callback: () => void): void {
    if (this.#state === "running") callback();
    else if (this.#state === "stopped") this.#kept.push(callback);
  }

  after(ms: number, callback: () => void): () => void {
    if (this.#state === "dead") return () => {};
    let cancelled = false;
    const cancel = this.#world.after(ms, () =>
      this.enter(() => {
        if (!cancelled) callback();
      }),
    );
    return () => {
      cancelled = true;
      cancel();
    };
  }

  /** For synchronous calls. @throws ProcessEnded */
  check(): void {
    if (this.#state === "dead") throw new ProcessEnded();
  }

  /** Nothing of it runs for so long, or until `resume()`. */
  stop(forMs: number): void {
    if (this.#state !== "running") return;
    this.#world.trace(`${this.name} is stopped for ${forMs.toFixed(0)} ms`);
    this.#state = "stopped";
    this.#stoppedSinceMs = this.#world.nowMs;
    const stops = ++this.#stops;
    this.#world.after(forMs, () => {
      if (stops === this.#stops) this.resume();
    });
  }

  resume(): void {
    if (this.#state !== "stopped") return;
    this.#world.trace(`${this.name} goes on`);
    this.#state = "running";
    this.#stoppedMs += this.#world.nowMs - this.#stoppedSinceMs;
    const kept = this.#kept;
    this.#kept = [];
    // Each as an event of its own: what one sets off is done before the next.
    for (const callback of kept) this.#world.after(0, () => this.enter(callback));
  }

  kill(): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    this.#kept = [];
    for (const watcher of this.#deathWatchers) watcher();
    this.#deathWatchers.clear();
  }

  /** Calls `watcher` when it dies; answers what stops watching. */
  onDeath(watcher: () => void): () => void {
    this.#deathWatchers.add(watcher);
    return () => this.#deathWatchers.delete(watcher);
  }

  /** One asynchronous call of a port. */
  call<T>(port: PortName, method: string, about: string, effect: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.enter(() => {
        const strike = this.#strikeAt(port, method, about);
        if (strike?.side === "before" && this.#endsBy(strike)) return;
        const { beforeMs, afterMs } = this.#delays(port, method);
        const finish = (settle: () => void) => this.#later(afterMs, () => this.#finish(strike, settle));
        const fail = (code: ErrorCode) => finish(() => reject(injected(port, code)));
        this.#later(beforeMs, () => {
          if (strike?.kind === "error" && strike.side === "before") return fail(strike.code);
          effect().then(
            (value) => (strike?.kind === "error" ? fail(strike.code) : finish(() => resolve(value))),
            (error: unknown) => finish(() => reject(error)),
          );
        });
      });
    });
  }

  #strikeAt(port: PortName, method: string, about: string): Strike | undefined {
    const number = ++this.#calls;
    this.#world.note(hashText(method, number));
    this.#world.tellCall?.(`${this.name} ${number} ${port}.${method} ${about}`);
    const strike = this.#plan({ number, port, method, about });
    if (strike)
      this.#world.trace(`${this.name} ${strike.kind} ${strike.side} call ${number} ${port}.${method} ${about}`);
    return strike;
  }

  /** Carries out a strike; answers whether the process is dead now. */
  #endsBy(strike: Strike): boolean {
    if (strike.kind === "stop") this.stop(strike.forMs);
    if (strike.kind === "crash" || strike.kind === "power-cut") this.#onEnd(strike.kind);
    return this.#state === "dead";
  }

  #finish(strike: Strike | undefined, settle: () => void): void {
    const strikes = strike?.side === "after" && !strike.calledOff && this.#state === "running";
    if (strikes && this.#endsBy(strike)) return;
    this.enter(settle);
  }

  #later(ms: number, callback: () => void): void {
    if (ms > 0) this.after(ms, callback);
    else this.enter(callback);
  }
}

function injected(port: PortName, code: ErrorCode): Error {
  const message = "an injected error";
  if (port === "files") return new FileStoreError(code, message);
  if (port === "catalog") return new CatalogStoreError(code === "no-space" ? code : "io", message);
  return new NetworkError("closed", message);
}
