/** Some machines on one simulated network, set up as an operator would: the first begins, the others join. */
import { createHash } from "node:crypto";
import { type HealFate, MemoryFabric } from "../../src/adapters/memory/fabric.ts";
import type { ServerOptions } from "../../src/server/server.ts";
import { type Compose, HTTP_PORT, Machine, SWARM_PORT } from "./machine.ts";
import type { World } from "./world.ts";

export interface SwarmConfig {
  readonly servers: number;
  /** N. */
  readonly copies: number;
  /** W. */
  readonly writeCopies: number;
  readonly graceMs: number;
  /** A day unless given. */
  readonly deletionsKeptMs?: number;
  /** Of the scrub; 30 days unless given; undefined: copies are not scrubbed. */
  readonly scrubMs?: number | undefined;
  /** A week unless given. */
  readonly trashKeptMs?: number;
  readonly quotaBytes: number;
  /** Of single servers, where they differ. */
  readonly quotasBytes?: readonly number[];
  /** Each server is one by itself unless given. */
  readonly zones?: readonly string[];
  readonly strict: boolean;
  readonly latencyMs: number;
  /** Of pulls, in bytes a second; undefined: no bound. */
  readonly pullRate?: number | undefined;
  readonly serveRate?: number | undefined;
  /** Share of the quotas; 2% unless given. */
  readonly reserve?: number;
  readonly pulls?: number;
  /** Servers find each other by themselves, besides the addresses they were given. */
  readonly discovery: boolean;
}

export const PASSWORD = "simulated";
const RESERVE = 0.02;
const DELETIONS_KEPT_MS = 24 * 3_600_000;
const SCRUB_MS = 30 * 24 * 3_600_000;
const TRASH_KEPT_MS = 7 * 24 * 3_600_000;
/** A gigabit, in bytes for each millisecond. */
const BYTES_PER_MS = 125_000;

export class Swarm {
  readonly world: World;
  readonly fabric: MemoryFabric;
  readonly config: SwarmConfig;
  readonly machines: readonly Machine[];
  /** Told of contents that a disk may have spoilt without a trace. */
  isRotten: (sha256: string | null) => boolean = () => false;
  #wallMaxMs = 0;
  readonly #clocksSet: { readonly atMs: number; readonly wallMs: number }[] = [];

  constructor(world: World, config: SwarmConfig, compose: Compose) {
    this.world = world;
    this.config = config;
    this.fabric = new MemoryFabric(() => world.nowMs, { latencyMs: config.latencyMs, bytesPerMs: BYTES_PER_MS });
    const hosts = Array.from({ length: config.servers }, (_, i) => `10.0.0.${i + 1}`);
    const addresses = hosts.map((host) => `${host}:${SWARM_PORT}`);
    this.machines = hosts.map(
      (host, i) =>
        new Machine({
          world,
          fabric: this.fabric,
          name: `s${i + 1}`,
          host,
          password: PASSWORD,
          compose,
          first: i === 0,
          serverOptions: {
            ...this.#serverOptions(host, addresses, config.quotasBytes?.[i] ?? config.quotaBytes),
            zone: config.zones?.[i],
          },
          discoverable: () => (config.discovery ? addresses : []),
        }),
    );
  }

  /** Share of the quotas that pulls leave free. */
  get reserve(): number {
    return this.config.reserve ?? RESERVE;
  }

  /** The latest that any machine's clock has ever shown, where clocks are set by `setClock`. */
  wallMaxMs(): number {
    this.#wallMaxMs = Math.max(this.#wallMaxMs, ...this.machines.map((machine) => machine.wallMs()));
    return this.#wallMaxMs;
  }

  wallMinMs(): number {
    return Math.min(...this.machines.map((machine) => machine.wallMs()));
  }

  /** The least that a clock showed that was set since then: only so does one go back. */
  wallSetMinMs(sinceMs: number): number {
    return Math.min(...this.#clocksSet.flatMap(({ atMs, wallMs }) => (atMs >= sinceMs ? [wallMs] : [])));
  }

  setClock(machine: Machine, skewMs: number): void {
    this.wallMaxMs();
    machine.skewMs = skewMs;
    this.#clocksSet.push({ atMs: this.world.nowMs, wallMs: machine.wallMs() });
  }

  /** Cuts or heals every link from one group to another; both ways when asked. */
  cut(from: readonly Machine[], to: readonly Machine[], bothWays: boolean): void {
    for (const a of from) {
      for (const b of to) {
        this.fabric.cut(a.host, b.host);
        if (bothWays) this.fabric.cut(b.host, a.host);
      }
    }
  }

  heal(from: readonly Machine[], to: readonly Machine[], fate: HealFate): void {
    for (const a of from) {
      for (const b of to) {
        this.fabric.heal(a.host, b.host, fate);
        this.fabric.heal(b.host, a.host, fate);
      }
    }
  }

  setLatency(latencyMs: number, machines: readonly Machine[] = this.machines): void {
    for (const a of machines) {
      for (const b of this.machines) {
        this.fabric.link(a.host, b.host).latencyMs = latencyMs;
        this.fabric.link(b.host, a.host).latencyMs = latencyMs;
      }
    }
  }

  #serverOptions(
    host: string,
    addresses: readonly string[],
    quotaBytes: number,
  ): Omit<ServerOptions, "name" | "asNew" | "zone"> {
    const { config } = this;
    return {
      swarmKey: new Uint8Array(createHash("sha256").update(PASSWORD).digest()),
      url: `http://${host}:${HTTP_PORT}`,
      httpPort: HTTP_PORT,
      join: addresses.filter((address) => !address.startsWith(`${host}:`)),
      quotaBytes,
      reserve: this.reserve,
      copies: config.copies,
      writeCopies: config.writeCopies,
      graceMs: config.graceMs,
      pulls: config.pulls ?? 4,
      pullRate: config.pullRate,
      serveRate: config.serveRate,
      deletionsKeptMs: config.deletionsKeptMs ?? DELETIONS_KEPT_MS,
      scrubMs: "scrubMs" in config ? config.scrubMs : SCRUB_MS,
      trashKeptMs: config.trashKeptMs ?? TRASH_KEPT_MS,
      strict: config.strict,
      redirect: "auto",
      publicRead: false,
      softwareVersion: "0.0.0-simulated",
    };
  }
}
