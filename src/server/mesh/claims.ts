/**
 * What other servers say to know, as far as it concerns floors (C7): whether one of them is below this server's catalog,
 * or this one below theirs. A greeting replaces what was said before it, since a catalog may have been put back meanwhile.
 */
import { type Floor, isBelow, type Knowledge } from "../../core/catalog/floors.ts";
import { originName } from "../../core/catalog/origins.ts";
import type { Origin } from "../../core/catalog/types.ts";
import type { ServerId } from "../../core/ids.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { KnownOrigin } from "./messages.ts";

interface Claim extends Knowledge {
  readonly origin: Origin;
}

const NOTHING: Knowledge = { contiguous: 0, floor: 0 };

export class Claims {
  readonly #catalog: Catalog;
  /** What was said to another catalog of this server's says nothing to this one. */
  readonly #said = new Map<ServerId, { readonly generation: number; readonly claims: Map<string, Claim> }>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** A server has greeted, or was greeted. */
  greeted(server: ServerId, known: readonly KnownOrigin[]): void {
    this.#said.set(server, { generation: this.#catalog.generation, claims: new Map() });
    this.learn(server, known);
  }

  /** A server that was met tells more. */
  learn(server: ServerId, known: readonly KnownOrigin[]): void {
    const told = this.#toldBy(server);
    if (told === undefined) return;
    for (const [of, incarnation, number, , , , toldFloor] of known) {
      const origin = { server: of, incarnation };
      const before = told.get(originName(origin)) ?? NOTHING;
      const contiguous = Math.max(before.contiguous, number);
      told.set(originName(origin), { origin, contiguous, floor: Math.max(before.floor, toldFloor) });
    }
  }

  /** Whether a server was met since this one started, or gave up its catalog. */
  hasMet(server: ServerId): boolean {
    return this.#toldBy(server) !== undefined;
  }

  /** Whether a server's catalog may hold what this one has forgotten the deletion of: nothing is taken from it. */
  isBelow(server: ServerId): boolean {
    const told = this.#toldBy(server);
    for (const row of this.#catalog.origins().values()) {
      if (row.floor > 0 && isBelow(told?.get(originName(row)) ?? NOTHING, row.floor)) return true;
    }
    return false;
  }

  /** Whether this catalog may hold what a server has forgotten the deletion of: nothing is told to it. */
  isAbove(server: ServerId): boolean {
    for (const [name, { floor }] of this.#toldBy(server) ?? []) {
      const contiguous = this.#catalog.knownNumber(name);
      if (floor > contiguous && isBelow({ contiguous, floor: this.#ownFloor(name) }, floor)) return true;
    }
    return false;
  }

  /** The floors that anybody told of. */
  floors(): Floor[] {
    return this.#all().flatMap((told) => [...told.values()].filter(({ floor }) => floor > 0));
  }

  /** Up to which number a server knows an origin, as far as it has told. */
  number(server: ServerId, name: string): number {
    return this.#toldBy(server)?.get(name)?.contiguous ?? 0;
  }

  /** Up to which number anybody knows an origin whose catalog stays: who is below a floor is about to forget. */
  greatest(name: string): number {
    const floors = this.floors();
    const stays = (told: Map<string, Claim>) =>
      floors.every(({ origin, floor }) => !isBelow(told.get(originName(origin)) ?? NOTHING, floor));
    return Math.max(0, ...this.#all().map((told) => (stays(told) ? (told.get(name)?.contiguous ?? 0) : 0)));
  }

  #toldBy(server: ServerId): Map<string, Claim> | undefined {
    const said = this.#said.get(server);
    return said?.generation === this.#catalog.generation ? said.claims : undefined;
  }

  #all(): Map<string, Claim>[] {
    return [...this.#said.keys()].flatMap((server) => this.#toldBy(server) ?? []);
  }

  #ownFloor(name: string): number {
    return [...this.#catalog.origins().values()].find((row) => originName(row) === name)?.floor ?? 0;
  }
}

export function floorsOf(known: readonly KnownOrigin[]): Floor[] {
  return known.flatMap(([server, incarnation, , , , , floor]) =>
    floor > 0 ? [{ origin: { server, incarnation }, floor }] : [],
  );
}
