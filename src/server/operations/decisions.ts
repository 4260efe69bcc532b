/**
 * Deciding conditions (C14), at the one server that may: the owner of the path. The check is part of the change that it
 * allows, so that decisions about a path come one after the other, each knowing all before it. What was decided for a
 * request is remembered for a while: whoever did not hear the answer asks again, through whichever server.
 */
import { createHash } from "node:crypto";
import type { Entry } from "../../core/catalog/entries.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { type Conditions, meets, ownerOf } from "../../core/conditions.ts";
import type { ServerId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { rosterIn } from "../catalog/seat.ts";
import type { PutResult } from "../face.ts";
import type { Seat } from "../mesh/seat.ts";
import type { Settings } from "../settings.ts";

/** Decisions that are remembered: some 300 bytes each, and more than a server makes while a client tries again. */
const REMEMBERED_MAX = 10_000;

/** What a PUT with a condition has led to. */
export type DecidedPut = Omit<PutResult, "copies">;

export class Decisions {
  readonly #catalog: Catalog;
  readonly #settings: Settings;
  readonly #seat: Seat;
  readonly #remembered = new Map<string, DecidedPut | "removed">();

  constructor(catalog: Catalog, settings: Settings, seat: Seat) {
    this.#catalog = catalog;
    this.#settings = settings;
    this.#seat = seat;
  }

  /** Who decides about a path, as far as this server knows. @throws FsdfsError `owner-unavailable` */
  ownerOf(path: FilePath): ServerId {
    return this.#ownerIn(this.#settings.roster.keys(), path);
  }

  /**
   * In a change, or before bytes are taken for one: whether this server may make it.
   *
   * @throws FsdfsError `owner-unavailable`, `precondition-failed`
   */
  decide(view: ReadView, path: FilePath, present: Entry | undefined, conditions: Conditions): void {
    if (this.#ownerIn(rosterIn(view), path) !== this.#catalog.self) throw this.disagreement(path);
    if (!this.#seat.isTaken(view)) throw this.unavailable(path, "it has yet to hear from every server of the roster");
    if (!meets(present, conditions)) throw new FsdfsError("precondition-failed");
  }

  disagreement(path: FilePath): FsdfsError {
    return this.unavailable(path, "not all servers know of it yet");
  }

  unavailable(path: FilePath, reason: string): FsdfsError {
    const server = this.#settings.roster.get(this.ownerOf(path))?.name ?? "a server that is not known here";
    return new FsdfsError("owner-unavailable", { server, reason });
  }

  /** As soon as the change that carries a request out is on the disk: before, it may come to nothing yet. */
  remember(path: FilePath, request: string | undefined, decided: DecidedPut | "removed"): void {
    if (request === undefined) return;
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.delete(this.#remembered.keys().next().value!);
    this.#remembered.set(keyOf(path, request), decided);
  }

  decidedPut(path: FilePath, request: string | undefined): DecidedPut | undefined {
    const decided = request === undefined ? undefined : this.#remembered.get(keyOf(path, request));
    return decided === "removed" ? undefined : decided;
  }

  wasRemoved(path: FilePath, request: string | undefined): boolean {
    return request !== undefined && this.#remembered.get(keyOf(path, request)) === "removed";
  }

  #ownerIn(roster: Iterable<ServerId>, path: FilePath): ServerId {
    return ownerOf(path, roster) ?? this.#catalog.self;
  }
}

export function requestDigest(requestId: string): string {
  return createHash("sha256").update(requestId).digest("hex").slice(0, 16);
}

function keyOf(path: FilePath, request: string): string {
  return `${request} ${path}`;
}
