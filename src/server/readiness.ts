/**
 * When this server may answer from its own catalog, and when a write may be acknowledged (M2, P5): the waiting around
 * what core/swarm/liveness.ts decides.
 */
import { originName } from "../core/catalog/origins.ts";
import type { ServerId } from "../core/ids.ts";
import type { Liveness } from "../core/swarm/liveness.ts";
import { FsdfsError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import { Acknowledgements, type IsSettled } from "./acknowledgements.ts";
import type { Catalog } from "./catalog/catalog.ts";
import type { Change } from "./catalog/change.ts";
import type { Membership } from "./mesh/membership.ts";
import type { Mesh } from "./mesh/mesh.ts";
import type { Removal } from "./mesh/removal.ts";
import type { Settings } from "./settings.ts";
import { checkNotJoining } from "./swarms/messages.ts";
import { Wakeup } from "./timers.ts";

/** Longer than a silent server stays up, so that a wait ends one way or the other. */
const FRESH_WAIT_MS = 4000;
const POLL_MS = 100;
/** A disk that is asked for much may take half of it; clients and proxies are patient for a minute. */
const WAITED_MS_MAX = 30_000;

/** Throws when whoever asked for a change may have asked another server since. */
export type StillWanted = (change: Pick<Change, "view" | "waitedMs">) => void;

export class Readiness {
  readonly #clock: Clock;
  readonly #catalog: Catalog;
  readonly #liveness: Liveness;
  readonly #mesh: Mesh;
  readonly #membership: Membership;
  readonly #settings: Settings;
  readonly #removal: Removal;
  readonly #ending: AbortSignal;
  readonly #waiting = new Set<Wakeup>();
  readonly #acknowledgements: Acknowledgements;

  constructor(
    clock: Clock,
    catalog: Catalog,
    liveness: Liveness,
    mesh: Mesh,
    membership: Membership,
    settings: Settings,
    removal: Removal,
    ending: AbortSignal,
  ) {
    this.#clock = clock;
    this.#catalog = catalog;
    this.#liveness = liveness;
    this.#mesh = mesh;
    this.#membership = membership;
    this.#settings = settings;
    this.#removal = removal;
    this.#ending = ending;
    const wakeAll = () => {
      for (const waiting of this.#waiting) waiting.wake();
    };
    this.#acknowledgements = new Acknowledgements({ clock, ending, others: (origin) => this.#othersOn(origin) });
    mesh.onProgress(wakeAll);
    mesh.onProgress(() => this.#acknowledgements.look());
    catalog.onChange(wakeAll);
  }

  get isBehind(): boolean {
    return this.#membership.isBehind;
  }

  /** Whether this server may answer readers from its own catalog at this moment. */
  get isFresh(): boolean {
    if (this.#ending.aborted || this.isBehind) return false; // Others may have been told so (F4).
    return this.#liveness.isFresh(this.#clock.monotonic(), (origin) => this.#catalog.knownNumber(origin));
  }

  /** Until when that holds if nothing more is heard (F5); in the past when it does not hold. */
  freshUntil(now: number): number {
    if (this.#ending.aborted || this.isBehind) return Number.NEGATIVE_INFINITY;
    return this.#liveness.freshUntil(now, (origin) => this.#catalog.knownNumber(origin));
  }

  /**
   * Waits until this server is fresh, or something else will do; false when it does not come to that.
   * @throws FsdfsError `server-removed`
   */
  async becomesFresh(orElse: () => boolean = () => false): Promise<boolean> {
    this.#removal.checkSelf();
    const deadline = this.#clock.monotonic() + FRESH_WAIT_MS;
    return await this.#until(() => this.isFresh || orElse(), deadline);
  }

  /**
   * A change was asked for now. Answers a check for the moment in which it is made: when this process has stood still
   * for long meanwhile, or the catalog's disk has, whoever asked may have asked another server, and what came after that
   * must not be undone.
   *
   * @throws FsdfsError `behind`, `merging` by the check
   */
  stillWanted(): StillWanted {
    const askedAt = this.#clock.monotonic();
    return ({ view, waitedMs }) => {
      checkNotJoining(view);
      const isLate = waitedMs > WAITED_MS_MAX || this.#membership.stoodStillSince(askedAt);
      if (isLate) throw new FsdfsError("behind");
    };
  }

  /** @throws FsdfsError `clock-wrong` */
  checkClock(): void {
    const seconds = this.#membership.clockErrorSeconds;
    if (seconds !== undefined) throw new FsdfsError("clock-wrong", { seconds });
  }

  /**
   * Waits until every server that may answer readers knows this server's records up to `number` (F3 of liveness.ts).
   * Those that have taken them in have them durably. Once this server is removed nobody takes them in any more (X2).
   *
   * @throws FsdfsError `behind`, `stopping`, `server-removed`: the records may be known to nobody else
   */
  async known(number: number): Promise<void> {
    const origin = this.#catalog.origin;
    if (origin === undefined) throw new FsdfsError("behind");
    if (!(await this.#acknowledgements.settled(originName(origin), number))) throw new FsdfsError("stopping");
    this.#removal.checkSelf();
  }

  /** Whether each of the others knows records of an origin, or answers no reader before it does. */
  #othersOn(origin: string): IsSettled[] {
    const now = this.#clock.monotonic();
    return this.#others().map((server) => {
      const known = this.#mesh.link(server)?.knownNumber(origin) ?? 0;
      return (number) => known >= number || now >= this.#liveness.waitsUntil(server, number);
    });
  }

  #others(): ServerId[] {
    const servers = new Set(this.#settings.roster.keys());
    for (const { server } of this.#mesh.links()) servers.add(server);
    for (const server of this.#liveness.answeredServers()) servers.add(server);
    servers.delete(this.#catalog.self);
    return [...servers];
  }

  async #until(condition: () => boolean, deadline: number): Promise<boolean> {
    const wakeup = new Wakeup();
    this.#waiting.add(wakeup);
    try {
      while (!this.#ending.aborted) {
        if (condition()) return true;
        if (this.#clock.monotonic() >= deadline) return false;
        await wakeup.wait(this.#clock, POLL_MS, this.#ending);
      }
      return false;
    } finally {
      this.#waiting.delete(wakeup);
    }
  }
}
