/**
 * What two servers say on meeting, and whether they may work together: same protocol, clocks within a minute (C8), the
 * same swarm or one that may silently join the other's (C11). Also what this server must know before it is level with
 * those it met (C10), and whether they confirm the number of its last record (C6).
 */

import { originName } from "../../core/catalog/origins.ts";
import { hasLiveDescendant } from "../../core/catalog/tree.ts";
import { type HybridTime, isServerId, type ServerId, type SwarmId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { RemoteError } from "../../ports/network.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Identity } from "../identity.ts";
import type { Settings } from "../settings.ts";
import { addressOf } from "./address.ts";
import { Claims, floorsOf } from "./claims.ts";
import { type Hello, type KnownOrigin, NO_SWARM, PROTOCOL, type ServerReport } from "./messages.ts";
import type { Removal } from "./removal.ts";
import { CLOCK_SKEW_MAX_MS, Skews } from "./skews.ts";

export interface GreetingParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly settings: Pick<Settings, "keys">;
  readonly identity: Identity;
  readonly log: Log;
  readonly removal: Removal;
  readonly name: string;
  readonly softwareVersion: string;
  report(): ServerReport;
  /** This server, being empty or new, is to belong to `swarm` from now on. Answers whether it does. */
  adopt(swarm: SwarmId): Promise<boolean>;
}

export class Greeting {
  swarmPort = 0;
  readonly skews: Skews;
  readonly claims: Claims;
  readonly #parts: GreetingParts;
  #cached: { revision: number; known: readonly KnownOrigin[]; digest: number } | undefined;
  readonly #self = new Set<string>();
  readonly #seenAs = new Set<string>();
  /** Whose clocks were too far away when they called last. */
  readonly #refused = new Set<ServerId>();
  readonly #goals = new Map<ServerId, readonly KnownOrigin[]>();
  readonly #verdicts: ((known: readonly KnownOrigin[]) => void)[] = [];

  constructor(parts: GreetingParts) {
    this.#parts = parts;
    this.skews = new Skews(parts.clock);
    this.claims = new Claims(parts.catalog);
  }

  hello(): Hello {
    const { clock, name, softwareVersion } = this.#parts;
    return {
      protocol: PROTOCOL,
      name,
      swarmPort: this.swarmPort,
      wallMs: clock.wall(),
      empty: this.#isEmpty(),
      known: this.known(),
      generation: this.#parts.catalog.generation,
      softwareVersion,
      state: this.#parts.report(),
    };
  }

  known(): readonly KnownOrigin[] {
    return this.#derived().known;
  }

  knownDigest(): number {
    return this.#derived().digest;
  }

  #derived(): { known: readonly KnownOrigin[]; digest: number } {
    const { catalog } = this.#parts;
    if (this.#cached?.revision === catalog.revision) return this.#cached;
    const known = Array.from(catalog.origins(), ([index, row]): KnownOrigin => {
      const { server, incarnation, contiguous, seen, chain, floor } = row;
      return [server, incarnation, contiguous, seen, chain, catalog.tailOf(index), floor];
    });
    this.#cached = { revision: catalog.revision, known, digest: digestOf(known) };
    return this.#cached;
  }

  isSelf(address: string): boolean {
    return this.#self.has(address);
  }

  /** Addresses "host:port" at which others have seen this server. */
  get seenAs(): readonly string[] {
    return [...this.#seenAs];
  }

  /** Called with what each server that is met knows of origins. */
  onKnown(listener: (known: readonly KnownOrigin[]) => void): void {
    this.#verdicts.push(listener);
  }

  /** The answering side of a greeting. @throws FsdfsError `clocks-differ`, `catalog-version`, `server-removed` */
  checkCaller(address: string, from: ServerId, hello: Hello): void {
    if (hello.protocol !== PROTOCOL) throw new FsdfsError("catalog-version", { version: hello.protocol });
    if (from === this.#parts.identity.server) return;
    this.#parts.removal.check(from);
    const skewMs = hello.wallMs - this.#parts.clock.wall();
    this.skews.met(from, skewMs, hello.name, address);
    if (Math.abs(skewMs) <= CLOCK_SKEW_MAX_MS) return void this.#refused.delete(from);
    // It calls every two seconds.
    if (!this.#refused.has(from))
      this.#parts.log.warn("a server was refused, its clock is too far away", { address, skewMs: Math.round(skewMs) });
    this.#refused.add(from);
    throw this.#clocksDiffer(hello.name, skewMs);
  }

  /** In words that are true on either side. */
  #clocksDiffer(other: string, skewMs: number): FsdfsError {
    const { name } = this.#parts;
    const [ahead, behind] = skewMs > 0 ? [other, name] : [name, other];
    const seconds = Math.round(Math.abs(skewMs) / 1000);
    return new FsdfsError("clocks-differ", { ahead, behind, seconds, id: this.#parts.identity.server, skewMs });
  }

  /** Nothing came of a greeting. Who was refused for its clock is to know how far away it is, as who refused it does. */
  failed(address: string, error: unknown): void {
    this.#parts.log.debug("a server could not be greeted", { address, error: String(error) });
    if (!(error instanceof RemoteError) || error.code !== "clocks-differ") return;
    const { id, skewMs, ahead, behind } = error.params;
    if (typeof id !== "string" || !isServerId(id) || typeof skewMs !== "number") return;
    this.skews.met(id, -skewMs, String(skewMs > 0 ? behind : ahead), address);
  }

  /** The calling side: whether the server that answered is one to link with, after this one has joined it if need be. */
  async accept(address: string, from: ServerId, swarm: SwarmId, hello: Hello, skewMs: number): Promise<boolean> {
    const { identity, log } = this.#parts;
    if (from === identity.server) {
      this.#self.add(address);
      return false;
    }
    if (hello.protocol !== PROTOCOL) throw new FsdfsError("catalog-version", { version: hello.protocol });
    this.#parts.removal.check(from);
    this.skews.met(from, skewMs, hello.name, address);
    if (Math.abs(skewMs) > CLOCK_SKEW_MAX_MS) throw this.#clocksDiffer(hello.name, skewMs);
    if (hello.seenAs !== undefined) this.#seenAs.add(addressOf(hello.seenAs, this.swarmPort));
    if (swarm === identity.swarm) return true;
    if (swarm === NO_SWARM) return false; // It will come to us.
    if (identity.swarm === undefined || this.#yieldsTo(swarm, hello)) {
      log.info("joining a swarm", { swarm, through: address });
      return await this.#parts.adopt(swarm);
    }
    if (!hello.empty && !this.#isEmpty()) throw new FsdfsError("swarm-foreign", { address });
    return false; // The other one is empty, and will join us.
  }

  /** A server of this swarm has said what it knows: nothing of it is taken in before this has resolved. */
  async met(server: ServerId, hello: Hello): Promise<void> {
    await this.#parts.catalog.adoptFloors(floorsOf(hello.known));
    this.claims.greeted(server, hello.known);
  }

  linked(server: ServerId, hello: Hello): void {
    if (!this.claims.isBelow(server)) this.#goals.set(server, hello.known); // What is not taken is not waited for.
    for (const listener of this.#verdicts) listener(hello.known);
  }

  unlinked(server: ServerId): void {
    this.#goals.delete(server);
  }

  /** The catalog was given up: everybody is to be met anew. */
  forget(): void {
    this.#goals.clear();
  }

  /** Whether everything is known here that a linked server knew when it was met. */
  isLevelWith(server: ServerId): boolean {
    return this.isLevel && !this.#goals.has(server);
  }

  /** Whether everything is known here that the linked servers knew when they were met (C10). */
  get isLevel(): boolean {
    const { catalog, identity } = this.#parts;
    for (const [server, known] of this.#goals) {
      const missing = known.some(
        ([origin, incarnation, number]) =>
          catalog.knownNumber(originName({ server: origin, incarnation })) < number &&
          !(origin === identity.server && incarnation === catalog.origin?.incarnation),
      );
      if (missing) return false;
      this.#goals.delete(server);
    }
    return true;
  }

  /** The greatest incarnation of this server that anybody told of. */
  greatestIncarnation(known: readonly KnownOrigin[]): HybridTime {
    const own = known.filter(([server]) => server === this.#parts.identity.server);
    return Math.max(0, ...own.map(([, incarnation]) => incarnation)) as HybridTime;
  }

  /** C11: of two swarms the empty one joins; of two empty ones that with the greater id. */
  #yieldsTo(swarm: SwarmId, hello: Hello): boolean {
    if (!this.#isEmpty()) return false;
    return !hello.empty || swarm < this.#parts.identity.swarm!;
  }

  /** Nothing is lost that somebody was told is there: no file, no directory, no key that counts. */
  #isEmpty(): boolean {
    const { catalog, settings } = this.#parts;
    const { files, copies, trashFiles } = catalog.stats();
    const hasFiles = files > 0 || copies > 0 || trashFiles > 0;
    const hasKeys = [...settings.keys.values()].some(({ revoked }) => !revoked);
    return !hasFiles && !hasKeys && !hasLiveDescendant(catalog.read(), "");
  }
}

/** The same for all who know the same: a sum, since each server has its origins in an order of its own. */
function digestOf(known: readonly KnownOrigin[]): number {
  let digest = 0;
  for (const [server, incarnation, number, , , tail, floor] of known) {
    let hash = (number ^ incarnation ^ tail ^ Math.imul(floor, 0x9e3779b1)) >>> 0;
    for (let i = 0; i < server.length; i++) hash = Math.imul(hash ^ server.charCodeAt(i), 0x01000193) >>> 0;
    digest = (digest + hash) >>> 0;
  }
  return digest;
}
