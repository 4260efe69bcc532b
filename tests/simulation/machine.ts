/**
 * A simulated machine: disks that survive what happens to processes, a clock that goes wrong, a network address, and at
 * most one server process at a time. It knows nothing of what a server does.
 */
import { MemoryCatalogStore } from "../../src/adapters/memory/catalog-store.ts";
import type { MemoryFabric } from "../../src/adapters/memory/fabric.ts";
import { MemoryFileStore } from "../../src/adapters/memory/file-store.ts";
import { MemoryNetwork } from "../../src/adapters/memory/network.ts";
import { FsdfsError } from "../../src/errors.ts";
import { CatalogStoreError } from "../../src/ports/catalog-store.ts";
import type { Discovery } from "../../src/ports/discovery.ts";
import { FileStoreError } from "../../src/ports/file-store.ts";
import type { Log, LogFields } from "../../src/ports/log.ts";
import { NetworkError, RemoteError } from "../../src/ports/network.ts";
import type { Face } from "../../src/server/face.ts";
import type { Ports, Server, ServerOptions } from "../../src/server/server.ts";
import { tellsOfBug } from "./bugs.ts";
import { Delays } from "./delays.ts";
import * as simulated from "./ports.ts";
import { type FaultPlan, ProcessEnded, SimulatedProcess } from "./process.ts";
import { SeededRandom } from "./random.ts";
import { EPOCH_MS, type World } from "./world.ts";

export const SWARM_PORT = 4243;
export const HTTP_PORT = 4242;

export type Compose = (ports: Ports, options: ServerOptions) => Server;

export interface MachineOptions {
  readonly world: World;
  readonly fabric: MemoryFabric;
  readonly name: string;
  /** Its IP address. */
  readonly host: string;
  readonly password: string;
  readonly compose: Compose;
  /** The first of the swarm: it is started without an address to join, until its disks are new. */
  readonly first: boolean;
  readonly serverOptions: Omit<ServerOptions, "name" | "asNew">;
  /** Addresses that multicast would find: asked each time, empty without discovery. */
  readonly discoverable?: () => readonly string[];
  readonly totalBytes?: number;
}

/** A client's call that got no answer from the server. */
export class NoAnswer extends Error {
  readonly reason: "refused" | "reset" | "timeout";

  constructor(reason: "refused" | "reset" | "timeout") {
    super(`no answer: ${reason}`);
    this.name = "NoAnswer";
    this.reason = reason;
  }
}

/** Time passes for a client's upload; a stopped server does not hear of it. */
export type Pause = (ms: number) => Promise<void>;

interface Running {
  readonly process: SimulatedProcess;
  readonly network: MemoryNetwork;
  readonly server: Server;
  serving: boolean;
}

/** From a client to a server and back, without the server's work. */
const CLIENT_LATENCY_MS = 0.3;
/** A server that did not start is started again. */
const RESTART_INTERVAL_MS = 1_000;
/** Discovery announces at start and then each so often. */
const DISCOVERY_INTERVAL_MS = 5_000;

export class Machine {
  readonly name: string;
  readonly host: string;
  readonly address: string;
  readonly delays: Delays;
  files: MemoryFileStore;
  catalog = new MemoryCatalogStore();
  /** Asked at each port call of the process that runs. */
  plan: FaultPlan = () => undefined;
  /** What its load meter says (M4). */
  load = 0;
  /** Added to the true time. */
  skewMs = 0;
  /** Started without an address to join: it may find others, or found a swarm of its own. */
  knowsNobody = false;
  isDamaged = false; // Rows of its catalog cannot be read any more: what it says of that is no bug.
  /** Loads its policies from now on. */
  policies = simulated.POLICIES;
  #asNew = false;
  #processes = 0;
  #running: Running | undefined;
  readonly #world: World;
  readonly #fabric: MemoryFabric;
  readonly #options: MachineOptions;
  #serverOptions: MachineOptions["serverOptions"];
  readonly #monotonicStartMs: number;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#serverOptions = options.serverOptions;
    this.#world = options.world;
    this.#fabric = options.fabric;
    this.name = options.name;
    this.host = options.host;
    this.address = `${options.host}:${SWARM_PORT}`;
    const random = SeededRandom.of(options.world.seed, `machine ${options.name}`);
    this.#monotonicStartMs = random.between(0, 1_000_000);
    this.delays = new Delays(options.world, random);
    this.files = this.#emptyDisk();
  }

  get process(): SimulatedProcess | undefined {
    return this.#running?.process;
  }

  /** Its process is there and not stopped. */
  get running(): boolean {
    return this.#running?.process.state === "running";
  }

  get serving(): boolean {
    return this.#running?.serving === true;
  }

  wallMs(): number {
    return EPOCH_MS + this.#world.nowMs + this.skewMs;
  }

  /** Its operator starts it with other options from now on. */
  change(options: Partial<MachineOptions["serverOptions"]>): void {
    this.#serverOptions = { ...this.#serverOptions, ...options };
  }

  /** Starts a server on what the disks hold. Does nothing when one is there. */
  start(): void {
    if (this.#running) return;
    this.#fabric.hostUp(this.host);
    const process = new SimulatedProcess({
      world: this.#world,
      name: `${this.name}.${++this.#processes}`,
      plan: (call) => this.plan(call),
      delays: (port, method) => this.delays.of(port, method),
      onEnd: (kind) => (kind === "crash" ? this.crash() : this.powerCut()),
    });
    this.#world.trace(`${process.name} starts`);
    const network = this.#network(process);
    const server = this.#options.compose(this.#ports(process, network), {
      ...this.#serverOptions,
      name: this.name,
      ...((this.knowsNobody || (this.#options.first && !this.#asNew)) && { join: [] }),
      asNew: this.#asNew,
    });
    const running: Running = { process, network, server, serving: false };
    this.#running = running;
    process.enter(() => this.#boot(running));
  }

  /** kill -9: nothing visible is lost, the kernel resets its connections. */
  crash(): void {
    const running = this.#running;
    if (!running) return;
    this.#world.trace(`${running.process.name} is killed`);
    this.#end(running);
    this.files.kill();
    this.catalog.kill();
  }

  /** The machine loses power: what was not synced may be lost, and nobody is told. */
  powerCut(): void {
    const running = this.#running;
    this.#world.trace(`${this.name} loses power`);
    this.#fabric.hostDown(this.host);
    if (running) this.#end(running);
    const random = SeededRandom.of(this.#world.seed, `power ${this.name} ${this.#world.nowMs}`);
    this.files.powerCut(random);
    this.catalog.powerCut(random.between(0, this.catalog.unflushedTransactions));
  }

  stop(forMs: number): void {
    const process = this.#running?.process;
    if (process?.state !== "running") return;
    process.stop(forMs);
    this.#fabric.watchHost(this.host, () => process.state === "stopped");
  }

  resume(): void {
    this.#running?.process.resume();
  }

  /**
   * SIGTERM: resolves when it has ended; by force when it does not end within its five seconds. A stopped process cannot
   * end, so those in which it was are none of them.
   */
  async shutdown(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    this.#world.trace(`${running.process.name} is asked to stop`);
    running.serving = false;
    await new Promise<void>((resolve) => {
      const ended = () => {
        cancel();
        resolve();
      };
      let cancel = () => {};
      const { process } = running;
      const giveUpAfter = (ms: number) => {
        const { stoppedMs } = process;
        cancel = this.#world.after(ms, () => {
          const stoodStillMs = process.stoppedMs - stoppedMs;
          if (process.state === "running" && stoodStillMs > 0) return giveUpAfter(stoodStillMs);
          if (process.state === "running") this.#world.fail("stop", `${process.name} did not stop in 5 s`);
          resolve();
        });
      };
      giveUpAfter(5_500);
      process.onDeath(ended);
      process.enter(() => running.server.stop().then(ended, (error) => this.#bug(running, "stop", error)));
    });
    if (this.#running === running) this.crash();
  }

  /** The disks are new and empty; the server that starts on them is a new one. Only while nothing runs. */
  replaceDisks(): void {
    this.#world.trace(`${this.name} gets new disks`);
    this.files = this.#emptyDisk();
    this.catalog = new MemoryCatalogStore();
    this.#asNew = true;
  }

  /** The operator starts it with --new from now on. */
  startsAsNew(): void {
    this.#asNew = true;
  }

  /** An empty directory lies where the data should be; answers what puts the disk back. Only while nothing runs. */
  unmount(): () => void {
    this.#world.trace(`the disk of ${this.name} is away`);
    const disk = this.files;
    this.files = this.#emptyDisk();
    return () => {
      this.#world.trace(`the disk of ${this.name} is there again`);
      this.files = disk;
    };
  }

  /**
   * A client's call of the public face over its own connection. Rejects with what the server said, or NoAnswer.
   */
  ask<T>(call: (face: Face, pause: Pause) => Promise<T>, timeoutMs: number): Promise<T> {
    const running = this.#running;
    if (!running?.serving) return Promise.reject(new NoAnswer("refused"));
    const { process, server } = running;
    return new Promise((resolve, reject) => {
      const over = () => {
        cancelTimer();
        forget();
      };
      const cancelTimer = this.#world.after(timeoutMs, () => {
        forget();
        reject(new NoAnswer("timeout"));
      });
      const forget = process.onDeath(() => {
        cancelTimer();
        reject(new NoAnswer("reset"));
      });
      const answer = (settle: () => void) =>
        process.enter(() => {
          if (process.state === "dead") return;
          over();
          settle();
        });
      process.after(CLIENT_LATENCY_MS, () => {
        call(server.face, (ms) => new Promise((resume) => process.after(ms, resume))).then(
          (value) => answer(() => resolve(value)),
          (error: unknown) => answer(() => reject(error)),
        );
      });
    });
  }

  #boot(running: Running): void {
    running.server.start().then(
      () => {
        if (running !== this.#running) return;
        running.serving = true;
        this.#world.trace(`${running.process.name} serves`);
      },
      (error: unknown) => {
        if (running !== this.#running || error instanceof ProcessEnded) return;
        this.#world.trace(`${running.process.name} does not start: ${describe(error)}`);
        if (isBug(error)) this.#bug(running, "start", error);
        this.crash();
        // As a supervisor would.
        this.#world.after(RESTART_INTERVAL_MS, () => this.start());
      },
    );
  }

  #end(running: Running): void {
    this.#running = undefined;
    running.serving = false;
    running.process.kill();
    running.network.kill();
  }

  #network(process: SimulatedProcess): MemoryNetwork {
    return new MemoryNetwork({
      fabric: this.#fabric,
      host: this.host,
      port: SWARM_PORT,
      password: this.#options.password,
      scheduler: process,
      onHandlerBug: (error) => {
        if (process.state === "dead" || error instanceof ProcessEnded) return;
        this.#world.trace(`${process.name} handler: ${describe(error)}`);
        if (!isBug(error) || this.isDamaged) return;
        this.#world.fail("bug", `${process.name}: ${error instanceof Error ? error.stack : String(error)}`);
      },
    });
  }

  #ports(process: SimulatedProcess, network: MemoryNetwork): Ports {
    const random = SeededRandom.of(this.#world.seed, `process ${process.name}`);
    return {
      clock: simulated.simulatedClock(
        process,
        () => this.#monotonicStartMs + this.#world.nowMs,
        () => this.wallMs(),
      ),
      random: simulated.simulatedRandom(process, random),
      catalog: simulated.simulatedCatalog(process, this.catalog),
      files: simulated.simulatedFiles(process, this.files),
      network: simulated.simulatedNetwork(process, network),
      discovery: this.#discovery(process),
      load: { load: () => this.load, clientLoad: () => this.load },
      policies: simulated.simulatedPolicies(process, () => this.policies),
      log: this.#log(process),
    };
  }

  #discovery(process: SimulatedProcess): Discovery {
    let closed = false;
    const others = () => (this.#options.discoverable?.() ?? []).filter((address) => address !== this.address);
    return {
      start: async (_port, found) => {
        const announce = () => {
          if (closed) return;
          for (const address of others()) found(address);
          process.after(DISCOVERY_INTERVAL_MS, announce);
        };
        process.after(50, announce);
      },
      close: async () => {
        closed = true;
      },
    };
  }

  #log(process: SimulatedProcess): Log {
    const line = (level: string) => (message: string, fields?: LogFields) => {
      if (process.state === "dead") return;
      const told = `${process.name} ${level} ${message} ${fields ? JSON.stringify(fields) : ""}`;
      this.#world.tell?.(`${"".padStart(11)}${told}`);
      if (fields?.unit !== undefined && tellsOfBug(fields.error) && !this.isDamaged) this.#world.fail("bug", told);
    };
    return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
  }

  #emptyDisk(): MemoryFileStore {
    const { totalBytes } = this.#options;
    return new MemoryFileStore({
      clock: { wall: () => this.wallMs() },
      ...(totalBytes !== undefined && { totalBytes }),
    });
  }

  #bug({ process }: Running, where: string, error: unknown): void {
    if (process.state !== "dead") this.#world.fail("bug", `${process.name} ${where}: ${describe(error)}`);
  }
}

/** What no port and no user can cause. */
export function isBug(error: unknown): boolean {
  return (
    !(error instanceof FsdfsError) &&
    !(error instanceof FileStoreError) &&
    !(error instanceof CatalogStoreError) &&
    !(error instanceof NetworkError) &&
    !(error instanceof RemoteError) &&
    !(error instanceof ProcessEnded)
  );
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? ` ${String(error.code)}` : "";
  return `${error.name}${code}: ${error.message}`;
}
