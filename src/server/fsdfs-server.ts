/** The life of one server: what is done in which order when it starts and when it stops. */
import { readCopy } from "../core/catalog/copies.ts";
import { FsdfsError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { LeaseRegister } from "../ports/lease-register.ts";
import { type Assembly, assemble } from "./compose.ts";
import type { Face, SwarmEvent, WatchOptions } from "./face.ts";
import { serveForwarded } from "./forward.ts";
import { serveConditions } from "./operations/conditional.ts";
import { serveTrash } from "./operations/trash.ts";
import type { Ports, Server, ServerOptions } from "./server.ts";
import { Leases } from "./serving/leases.ts";
import type { ReadCounts } from "./serving/read-counts.ts";
import type { ServingSink } from "./serving/view.ts";
import { ServingFace } from "./serving-face.ts";
import { isWanted } from "./storage/housekeeping.ts";
import { serveGuests } from "./swarms/host.ts";
import { sleep } from "./timers.ts";

/** What is under way may take so long to finish when the server stops. */
const STOP_MS = 3000;
/** On a slow disk what is merely kept for the next start is left at that, so that a server ends within 5 s. */
const KEEP_MS = 1000;

export class FsdfsServer implements Server {
  readonly #ports: Ports;
  readonly #options: ServerOptions;
  readonly #ending = new AbortController();
  #assembly: Assembly | undefined;
  #face: Face | undefined;
  #stopping: Promise<void> | undefined;

  constructor(ports: Ports, options: ServerOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  get face(): Face {
    if (this.#face === undefined) throw new FsdfsError("stopping");
    return this.#face;
  }

  async start(): Promise<void> {
    const { clock, discovery, log } = this.#ports;
    const assembly = await assemble(this.#ports, this.#options, this.#ending.signal);
    const { parts, units } = assembly;
    this.#assembly = assembly;
    await recover(assembly);
    serveForwarded(parts.mesh, new ServingFace(parts, false), this.#ports.clock);
    serveConditions(parts);
    serveTrash(parts);
    serveGuests(parts);
    const port = await parts.mesh.listen();
    for (const unit of units) unit.start(clock, log, this.#ending.signal);
    await discovery.start(port, (address) => parts.mesh.connectTo([address], "found"));
    parts.membership.start(this.#ending.signal);
    this.#face = new ServingFace(parts, true);
  }

  leaseTo(register: LeaseRegister, sink: ServingSink): void {
    if (this.#assembly === undefined) throw new FsdfsError("stopping");
    const { clock, log } = this.#ports;
    new Leases(this.#assembly.parts, register, sink).unit.start(clock, log, this.#ending.signal);
  }

  watch(options: WatchOptions): AsyncGenerator<SwarmEvent> {
    if (this.#assembly === undefined) throw new FsdfsError("stopping");
    return this.#assembly.parts.events.watch(options);
  }

  countReads(reads: ReadCounts): void {
    for (const [version, count] of reads) this.#assembly?.parts.heat.count(version, count);
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    await this.#stopping;
  }

  async #stop(): Promise<void> {
    const { clock, discovery, network, catalog } = this.#ports;
    this.#ending.abort();
    const ended = Promise.allSettled([
      ...(this.#assembly?.units.map((unit) => unit.ended()) ?? []),
      this.#assembly?.parts.puller.ended(),
      this.#assembly?.parts.membership.ended(),
      this.#assembly?.parts.policy.evaluation.close(),
      discovery.close(),
    ]);
    await this.#assembly?.parts.mesh.sayGoodbye();
    this.#assembly?.parts.mesh.closeAll();
    await within(clock, STOP_MS, ended);
    await network.close();
    await within(clock, KEEP_MS, this.#keep());
    await catalog.close();
  }

  /** What the next start is better for, and can do without. */
  async #keep(): Promise<void> {
    await this.#assembly?.parts.heat.keep().catch(() => undefined); // It is what was kept before then.
    await this.#assembly?.parts.catalog.times.close().catch(() => undefined); // Names begin a little later then.
  }
}

/** Until something has ended, or for so long. */
async function within(clock: Clock, ms: number, ending: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  await Promise.race([ending, sleep(clock, ms, over.signal)]);
  over.abort();
}

/** Levels the data directory with the catalog after a crash, before anything else happens. */
async function recover({ parts }: Assembly): Promise<void> {
  const { staging, trash, catalog, settler } = parts;
  const named = new Set<string>();
  for (const version of settler.pending(Number.MAX_SAFE_INTEGER)) {
    const staged = readCopy(catalog.read(), version)?.staged;
    if (staged !== undefined) named.add(staged);
  }
  await staging.recover(
    (name) => named.has(name),
    (version) => isWanted(catalog, version),
  );
  await trash.levelling.levelAtStart();
}
