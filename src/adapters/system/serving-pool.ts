/**
 * The serving processes of a server: started, told what changes, replaced when they end, and ended. They share one
 * socket, which is bound here and never read from, so that what arrives while one is being replaced waits for it.
 */
import { type ChildProcess, fork } from "node:child_process";
import type { BoundSocket } from "node:net";
import { FsdfsError } from "../../errors.ts";
import type { Log } from "../../ports/log.ts";
import { bindSocket } from "./bound-socket.ts";
import type { FromServing, ToServing } from "./serving-messages.ts";

/** A process that ends at once is not started at once again, over and over. */
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 10_000;
/** One that lasted so long has ended for a reason of its own. */
const SOUND_MS = 10_000;
/** Until a started process serves. Far more than it takes, for a machine that is busy with something else. */
const START_MS_MAX = 30_000;
/** Beyond the grace of its gateway, a process that was told to end is ended. */
const CLOSE_MS_MAX = 3_500;
/** Places of what a process is handed, behind its standard streams and the channel. */
export const LISTEN_DESCRIPTOR = 4;
export const REGISTER_DESCRIPTOR = 5;

export interface ServingPoolOptions {
  readonly count: number;
  /** What each runs. */
  readonly entry: string;
  /** With which program; this process's own by default. */
  readonly execPath?: string;
  /** 0: any free one. */
  readonly port: number;
  /** The address to listen on; undefined: all interfaces. */
  readonly host: string | undefined;
  readonly registerDescriptor: number;
  readonly log: Log;
  /** So many bytes of files have gone out to clients. */
  readonly onSent: (bytes: number) => void;
  /** What a process tells of that it has read for clients. */
  readonly onReads: (reads: unknown) => void;
  /** Called when a process has ended. */
  readonly onEnded: () => void;
}

export class ServingPool {
  readonly #options: ServingPoolOptions;
  readonly #socket: BoundSocket;
  readonly #members = new Set<Member>();
  readonly #loads = new Map<Member, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #init: unknown;
  #view: unknown;
  #pauseMs = PAUSE_MS_MIN;
  #closing: Promise<void> | undefined;
  readonly #serving = Promise.withResolvers<void>();

  /** Starts the processes, which then wait for `serve`. @throws FsdfsError `port-in-use` */
  constructor(options: ServingPoolOptions) {
    this.#options = options;
    this.#socket = bindSocket(options.port, options.host);
    this.#serving.promise.catch(() => undefined);
    for (let i = 0; i < options.count; i++) this.#start();
  }

  /** Where they listen. */
  get port(): number {
    return this.#socket.address().port;
  }

  /** Has them serve; resolves when the first does. @throws FsdfsError `port-in-use`, `internal` */
  async serve(init: unknown): Promise<void> {
    this.#init = init;
    for (const member of this.#members) this.#begin(member);
    const late = setTimeout(() => this.#serving.reject(new FsdfsError("internal")), START_MS_MAX);
    await this.#serving.promise.finally(() => clearTimeout(late));
  }

  /** Tells those there are, and begins those that come, with another one. */
  renew(init: unknown): void {
    this.#init = init;
    for (const member of this.#members) member.send({ kind: "renew", init });
  }

  /** Tells all of them, and those that come, the newest view; from when they serve on. */
  publish(view: unknown): void {
    this.#view = view;
    if (this.#init === undefined) return;
    for (const member of this.#members) member.show(view);
  }

  /** The mean of theirs, 0 to 1. */
  load(): number {
    const loads = [...this.#loads.values()];
    return loads.length === 0 ? 0 : loads.reduce((sum, load) => sum + load, 0) / loads.length;
  }

  /** Lets what is under way end for a moment, then ends them. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all([...this.#members].map((member) => member.close()));
    this.#socket.close();
  }

  #start(): void {
    const options = this.#options;
    const descriptors = [this.#socket.fd(), options.registerDescriptor] as const;
    let member: Member;
    try {
      member = new Member(options, descriptors, (message) => this.#hear(member, message));
    } catch (error) {
      this.#replace({ pid: undefined, ageMs: 0 }, notStarted(error));
      return;
    }
    this.#members.add(member);
    if (this.#init !== undefined) this.#begin(member);
    void member.ended.then((how) => this.#noteEnd(member, how));
  }

  /** It has been told nothing yet: what comes before the beginning would be lost. */
  #begin(member: Member): void {
    member.send({ kind: "init", init: this.#init });
    if (this.#view !== undefined) member.show(this.#view);
  }

  #hear(member: Member, message: FromServing): void {
    if (message.kind === "ready") this.#serving.resolve();
    if (message.kind === "failed") {
      const taken = message.code === "port-in-use";
      this.#serving.reject(
        taken ? new FsdfsError("port-in-use", { port: this.#options.port }) : new FsdfsError("internal"),
      );
    }
    if (message.kind === "report") {
      this.#loads.set(member, message.load);
      if (message.sentBytes > 0) this.#options.onSent(message.sentBytes);
      this.#options.onReads(message.reads);
    }
  }

  #noteEnd(member: Member, how: string): void {
    this.#members.delete(member);
    this.#loads.delete(member);
    if (this.#closing !== undefined) return;
    this.#replace(member, how);
    this.#options.onEnded();
  }

  #replace({ pid = 0, ageMs }: Pick<Member, "pid" | "ageMs">, how: string): void {
    this.#options.log.warn("a serving process has ended and is replaced", { pid, how });
    this.#pauseMs = ageMs > SOUND_MS ? PAUSE_MS_MIN : Math.min(this.#pauseMs * 2, PAUSE_MS_MAX);
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.#start();
      },
      ageMs > SOUND_MS ? 0 : this.#pauseMs,
    );
    this.#timers.add(timer);
  }
}

/** One process. Some failures to start it are thrown, others end it at once. */
class Member {
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #startedAt = performance.now();
  /** The view that waits until the one before has been taken: a process that is stopped lets nothing pile up. */
  #waiting: unknown;
  #isShowing = false;

  constructor(
    { entry, execPath = process.execPath }: ServingPoolOptions,
    descriptors: readonly [listen: number, register: number],
    hear: (message: FromServing) => void,
  ) {
    const stdio = ["ignore", "inherit", "inherit", "ipc", ...descriptors] as const;
    this.#child = fork(entry, { stdio: [...stdio], execArgv: process.execArgv, cwd: "/", execPath });
    this.#child.on("message", (message) => hear(message as FromServing));
    const { promise, resolve } = Promise.withResolvers<string>();
    // Without one that was started there is no end of it; after other errors there is.
    this.#child.on("error", (error) => {
      if (this.#child.pid === undefined) resolve(notStarted(error));
    });
    this.#child.once("exit", (code, signal) => resolve(signal ?? `code ${code}`));
    this.ended = promise;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ageMs(): number {
    return performance.now() - this.#startedAt;
  }

  send(message: ToServing): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  show(view: unknown): void {
    this.#waiting = view;
    if (this.#isShowing || !this.#child.connected) return;
    this.#isShowing = true;
    this.#waiting = undefined;
    this.#child.send({ kind: "view", view } satisfies ToServing, () => {
      this.#isShowing = false;
      if (this.#waiting !== undefined) this.show(this.#waiting);
    });
  }

  async close(): Promise<void> {
    this.send({ kind: "close" });
    const late = setTimeout(() => this.#child.kill("SIGKILL"), CLOSE_MS_MAX);
    await this.ended;
    clearTimeout(late);
  }
}

function notStarted(error: unknown): string {
  return `it could not be started (${codeOf(error) ?? error})`;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
