/** Heat among servers (core/heat.ts): counts what this one sends to readers, and tells the others of what has risen. */
import { Heat, type ToldReads } from "../core/heat.ts";
import type { VersionId } from "../core/ids.ts";
import type { CatalogStore } from "../ports/catalog-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { OutgoingResponse } from "../ports/network.ts";
import { BackgroundUnit, type NextStep } from "./background.ts";
import { readHeat, writeHeat } from "./heat-kept.ts";
import type { Link } from "./mesh/link.ts";
import type { Mesh, ServerRequest } from "./mesh/mesh.ts";
import { decodeJson, encodeJson } from "./mesh/messages.ts";
import { sleep } from "./timers.ts";

/** A figure that halves in hours need not travel sooner. */
const TELL_MS = 10_000;
/** In one message, of some 45 bytes each. */
const TOLD_MAX = 1000;
const TIMEOUT_MS = 10_000;
/** What was counted since is forgotten when the server is killed. */
const KEEP_EVERY_MS = 10 * 60_000;
/** Files of which what was sent is kept: some 75 KB, written at once. */
const KEPT_MAX = 5_000;
const NEVER = new AbortController().signal;

export class SwarmHeat {
  readonly unit = new BackgroundUnit("heat", () => this.#step());
  readonly #clock: Clock;
  readonly #store: CatalogStore;
  readonly #mesh: Mesh;
  readonly #heat = new Heat();
  /** Links over which all is known that was told before. */
  readonly #complete = new WeakSet<Link>();
  readonly #listeners: ((risen: readonly VersionId[]) => void)[] = [];

  #keptAt: number;
  #countedSince = false;

  constructor(clock: Clock, store: CatalogStore, mesh: Mesh) {
    this.#clock = clock;
    this.#store = store;
    this.#mesh = mesh;
    this.#keptAt = clock.monotonic();
    for (const [version, reads] of readHeat(store.read(), clock.wall())) {
      this.#heat.count(version, reads, clock.monotonic());
    }
    mesh.handle("heat", (request) => this.#take(request));
  }

  /** This server, its serving processes included, has sent a version to readers so many times. */
  count(version: VersionId, reads = 1): void {
    this.#countedSince = true;
    this.#heat.count(version, reads, this.#clock.monotonic());
  }

  /** Writes down what this server has sent of the hottest, for its next start. */
  async keep(): Promise<void> {
    this.#keptAt = this.#clock.monotonic();
    if (!this.#countedSince) return;
    this.#countedSince = false;
    const walk = this.#heat.ownHottest(KEPT_MAX, this.#clock.monotonic());
    let step = walk.next();
    for (; !step.done; step = walk.next()) await sleep(this.#clock, 0, NEVER);
    const hottest = step.value;
    await this.#store.write((view) => writeHeat(view, hottest, this.#clock.wall()));
  }

  readsPerHour(version: VersionId): number {
    return this.#heat.readsPerHour(version, this.#clock.monotonic());
  }

  /** Called with versions whose heat has become greater by half here, or was told to be so by another server. */
  onRise(listener: (risen: readonly VersionId[]) => void): void {
    this.#listeners.push(listener);
  }

  async #step(): Promise<NextStep> {
    const risen = this.#heat.takeRisen(TOLD_MAX, this.#clock.monotonic());
    this.#notify(risen);
    await Promise.all(this.#mesh.upLinks().map((link) => this.#tell(link, risen)));
    if (this.#clock.monotonic() >= this.#keptAt + KEEP_EVERY_MS) await this.keep();
    return { restMs: TELL_MS };
  }

  /** What does not arrive is told again with all the rest. */
  async #tell(link: Link, risen: ToldReads): Promise<void> {
    const isComplete = this.#complete.has(link);
    this.#complete.add(link);
    const pieces = isComplete ? [risen] : this.#heat.toldInPieces(TOLD_MAX, () => this.#clock.monotonic());
    try {
      for (const piece of pieces) {
        if (piece.length > 0) await link.call("heat", encodeJson(piece), TIMEOUT_MS);
      }
    } catch {
      this.#complete.delete(link);
    }
  }

  async #take({ from, message }: ServerRequest): Promise<OutgoingResponse> {
    const told = decodeJson<ToldReads>(message).slice(0, TOLD_MAX);
    const sound = told.filter(isSound);
    this.#heat.take(from, sound, this.#clock.monotonic());
    this.#notify(sound);
    return { head: new Uint8Array() };
  }

  #notify(told: ToldReads): void {
    if (told.length === 0) return;
    const versions = told.map(([version]) => version);
    for (const listener of this.#listeners) listener(versions);
  }
}

function isSound([version, reads]: ToldReads[number]): boolean {
  return typeof version === "string" && Number.isFinite(reads) && reads >= 0;
}
