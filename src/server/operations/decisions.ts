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
  /** Of changes that the disk has yet to take: those behind them in the same transaction know of them, and share their end. */
  readonly #underWay = new Map<string, DecidedPut | "removed">();

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

  /** In the change that carries a request out. It is to be told of with `settled` whether the disk has taken that. */
  remember(path: FilePath, request: string | undefined, decided: DecidedPut | "removed"): void {
    if (request !== undefined) this.#underWay.set(keyOf(path, request), decided);
  }

  settled(path: FilePath, request: string | undefined, isDone: boolean): void {
    const key = keyOf(path, request ?? "");
    const decided = this.#underWay.get(key);
    this.#underWay.delete(key);
    if (!isDone || decided === undefined) return;
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.delete(this.#remembered.keys().next().value!);
    this.#remembered.set(key, decided);
  }

  /** What an earlier request with this id has led to, once the disk has taken it: before, it may come to nothing yet. */
  decidedPut(path: FilePath, request: string | undefined): DecidedPut | undefined {
    return putOf(this.#remembered.get(keyOf(path, request ?? "")));
  }

  /** The same in a change, which comes to nothing as well if what it rests on does. */
  decidedPutInChange(path: FilePath, request: string | undefined): DecidedPut | undefined {
    return putOf(this.#decidedInChange(path, request));
  }

  wasRemovedInChange(path: FilePath, request: string | undefined): boolean {
    return this.#decidedInChange(path, request) === "removed";
  }

  #decidedInChange(path: FilePath, request: string | undefined): DecidedPut | "removed" | undefined {
    const key = keyOf(path, request ?? "");
    return this.#underWay.get(key) ?? this.#remembered.get(key);
  }

  #ownerIn(roster: Iterable<ServerId>, path: FilePath): ServerId {
    return ownerOf(path, roster) ?? this.#catalog.self;
  }
}

export function requestDigest(requestId: string): string {
  return createHash("sha256").update(requestId).digest("hex").slice(0, 16);
}

function putOf(decided: DecidedPut | "removed" | undefined): DecidedPut | undefined {
  return decided === "removed" ? undefined : decided;
}

function keyOf(path: FilePath, request: string): string {
  return `${request} ${path}`;
}
