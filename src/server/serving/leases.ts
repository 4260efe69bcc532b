/**
 * Gives leases to serving processes (core/swarm/lease.ts): writes down until when this server's freshness holds, and
 * takes it back before anything follows from its end. Also tells them what they cannot read in the catalog.
 */
import { leaseUntil } from "../../core/swarm/lease.ts";
import type { LeaseRegister } from "../../ports/lease-register.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import { describeServer, stateOf } from "../operations/servers.ts";
import type { Parts } from "../parts.ts";
import type { ServingSink, ServingView } from "./view.ts";

/** Leases are given anew so often. */
const REST_MS = 200;
/** Loads are told with one lease of so many. */
const LOADS_EVERY = 5;

export class Leases {
  readonly #parts: Parts;
  readonly #register: LeaseRegister;
  readonly #sink: ServingSink;
  readonly unit = new BackgroundUnit("leases", () => this.#step());
  #revision = 1;
  /** Of the view that was told last: what may not differ while its revision holds, and all of it. */
  #told = { state: "", all: "" };
  #upServers = "";
  /** Of the servers, when it was looked at last: one that is silent goes down by that alone. */
  #states = "";
  #steps = 0;
  #changes = 0;
  #isOver = false;

  constructor(parts: Parts, register: LeaseRegister, sink: ServingSink) {
    this.#parts = parts;
    this.#register = register;
    this.#sink = sink;
    const { mesh, catalog, membership, ending } = parts;
    mesh.onProgress(() => this.#refresh());
    catalog.onChange(({ settings }) => {
      this.#changes += 1;
      if (settings) this.#renew();
      else this.#give();
    });
    // What is read after this may be a part of another catalog, so that the revision must not return.
    catalog.emptying.onBegin(() => this.#renew());
    membership.onAbsence(async () => this.#renew());
    ending.addEventListener("abort", () => this.#give());
  }

  async #step(): Promise<NextStep> {
    const states = Array.from(this.#parts.settings.roster.keys(), (server) => stateOf(this.#parts, server)).join();
    if (states !== this.#states || this.#steps % LOADS_EVERY === 0) this.#tell();
    this.#states = states;
    this.#steps += 1;
    this.#give();
    return { restMs: REST_MS };
  }

  /** Something about other servers may have changed. */
  #refresh(): void {
    const { mesh } = this.#parts;
    const upServers = mesh
      .upLinks()
      .map(({ server, address }) => `${server} ${address}`)
      .join();
    if (upServers !== this.#upServers) {
      this.#upServers = upServers;
      this.#tell();
    }
    this.#give();
  }

  /** What the serving processes know does not hold any more. */
  #renew(): void {
    this.#revision += 1;
    this.#told = { state: "", all: "" };
    this.#give();
    this.#tell();
  }

  #give(): void {
    const { ports, readiness, catalog, ending } = this.#parts;
    if (this.#isOver) return;
    this.#isOver = ending.aborted; // The register is somebody else's then.
    // The shared clock first: should this process be stopped between the two, the lease ends earlier, not later.
    const shared = this.#register.now();
    const now = ports.clock.monotonic();
    const freshUntil = catalog.emptying.isUnderWay ? Number.NEGATIVE_INFINITY : readiness.freshUntil(now);
    const leftMs = leaseUntil(now, freshUntil) - now;
    this.#register.write({ until: leftMs > 0 ? shared + leftMs : 0, revision: this.#revision, changes: this.#changes });
  }

  /** Tells what has changed; under a new revision unless it is loads only. */
  #tell(): void {
    const view = this.#describe();
    const state = JSON.stringify({ ...view, servers: view.servers.map((server) => ({ ...server, load: 0 })) });
    const all = JSON.stringify(view);
    if (all === this.#told.all) return;
    if (state !== this.#told.state && this.#told.state !== "") {
      this.#revision += 1;
      this.#give();
    }
    this.#told = { state, all };
    this.#sink.publish({ ...view, revision: this.#revision });
  }

  #describe(): Omit<ServingView, "revision"> {
    const { settings, catalog } = this.#parts;
    const servers = [...settings.roster.keys()];
    return {
      self: catalog.self,
      servers: servers.flatMap((server) => describeServer(this.#parts, server) ?? []),
      uncounted: servers.filter((server) => !catalog.context.counts(server)),
    };
  }
}
