/**
 * Notices that this server's catalog is below the floor of another's (C7), as only one from an old backup is, and gives
 * it up then. Until it has all that the others knew, this server is behind (C10).
 */
import type { Log } from "../../ports/log.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { readMoved, readTaken } from "../swarms/messages.ts";
import type { Greeting } from "./greeting.ts";
import type { Link } from "./link.ts";
import type { Membership } from "./membership.ts";
import type { Mesh } from "./mesh.ts";

const REST_MS = 500;

export class Floors {
  readonly unit: BackgroundUnit;
  readonly #catalog: Catalog;
  readonly #mesh: Mesh;
  readonly #membership: Membership;
  readonly #greeting: Greeting;
  readonly #log: Log;

  constructor(catalog: Catalog, mesh: Mesh, membership: Membership, greeting: Greeting, log: Log) {
    this.#catalog = catalog;
    this.#mesh = mesh;
    this.#membership = membership;
    this.#greeting = greeting;
    this.#log = log;
    this.unit = new BackgroundUnit("mind floors", () => this.#step());
  }

  async #step(): Promise<NextStep> {
    if (!this.#membership.isSettled) return { restMs: REST_MS };
    // One that is behind may itself be about to give up its catalog.
    const { claims } = this.#greeting;
    const sound = this.#mesh.upLinks().filter(({ server, report }) => !report.behind && !claims.isBelow(server));
    const above = sound.find(({ server }) => claims.isAbove(server));
    if (above !== undefined) await this.#giveUp(above);
    else if (
      this.#catalog.isTaking &&
      sound.some(({ server }) => this.#greeting.isLevelWith(server)) &&
      this.#isWhole()
    ) {
      await this.#catalog.endTaking();
      this.#log.info("the swarm's catalog is here");
    }
    return { restMs: REST_MS };
  }

  /** After a move: what this server's swarm offered is here, too, or files of it would be taken for deleted (C11). */
  #isWhole(): boolean {
    const moved = readMoved(this.#catalog.read());
    return moved === undefined || readTaken(this.#catalog.read(), moved.from).done;
  }

  async #giveUp(above: Link): Promise<void> {
    this.#log.warn("this catalog is older than deletions that the swarm has forgotten; the swarm's takes its place", {
      through: above.server,
    });
    await this.#membership.discardCatalog(this.#greeting.claims.floors());
  }
}
