/**
 * Whether this server knows the swarm that it joined (C10). One that was killed when it had just joined, and is started again
 * with nobody there, would else be the swarm by what it knows: it would take a write for safe that it alone has, and find no
 * file that others have. It has been introduced when it has known all that another knew which was itself introduced; who
 * begins a swarm is. That is remembered.
 */
import { fromUtf8, utf8 } from "../../core/bytes.ts";
import { metaKey } from "../../core/catalog/keys.ts";
import type { SwarmId } from "../../core/ids.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { readSeat } from "../catalog/seat.ts";
import type { Identity } from "../identity.ts";
import type { Greeting } from "./greeting.ts";
import type { Mesh } from "./mesh.ts";

const KEY = metaKey("introduced");

export interface IntroductionParts {
  readonly store: CatalogStore;
  readonly catalog: Catalog;
  readonly identity: Identity;
  readonly greeting: Greeting;
  readonly mesh: Mesh;
}

export class Introduction {
  readonly #parts: IntroductionParts;
  /** The swarm that this server knows. */
  #swarm: SwarmId | undefined;

  constructor(parts: IntroductionParts) {
    this.#parts = parts;
  }

  get isMade(): boolean {
    const { swarm } = this.#parts.identity;
    if (swarm === undefined) return false;
    if (this.#swarm !== swarm && (this.#isKept(swarm) || this.#isLevelWithOne)) this.#swarm = swarm;
    return this.#swarm === swarm;
  }

  /** Has it remembered. */
  async keep(): Promise<void> {
    const { catalog, identity, store } = this.#parts;
    const { swarm } = identity;
    if (swarm === undefined || !this.isMade || this.#isKept(swarm)) return;
    await catalog.flushed(); // What is known must not be forgotten before this is.
    await store.write((view) => view.put(KEY, utf8(swarm)));
  }

  get #isLevelWithOne(): boolean {
    const { catalog, greeting, mesh } = this.#parts;
    return mesh.links().some(({ report }) => !report.behind) && greeting.isLevel && !catalog.isTaking;
  }

  /** Who has a seat (C14), or has begun the swarm, knows who else is in it. */
  #isKept(swarm: SwarmId): boolean {
    const view = this.#parts.catalog.read();
    const row = view.get(KEY);
    return (row !== undefined && fromUtf8(row) === swarm) || readSeat(view)?.swarm === swarm;
  }
}
