/**
 * After a catalog was found to be older than what others know of this server (C6), what it says about this server's own
 * disk cannot be trusted: every copy is looked at, and every statement about a copy is made true again. A file that lies
 * at its path, or aside, with the right bytes counts (C9); one that the catalog does not know stays where it is.
 */
import { readCopy } from "../../core/catalog/copies.ts";
import { keyAfter, logKey, numberOfLogKey, tableRange, versionOfKey } from "../../core/catalog/keys.ts";
import { decodePointer } from "../../core/catalog/log.ts";
import { holdersOf } from "../../core/catalog/surplus.ts";
import { remindTodo } from "../../core/catalog/todo.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { VersionId } from "../../core/ids.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import { type Catalog, RECONCILE_KEY } from "../catalog/catalog.ts";
import type { Membership } from "../mesh/membership.ts";
import { type Copies, contentOfVersion } from "./copies.ts";
import type { Trash } from "./trash.ts";

const BATCH = 200;
const WANTED = 1;
/** A crash now has it begin again. What asks for it meanwhile writes WANTED over this. */
const UNDER_WAY = 2;
const IDLE_MS = 60_000;
const BEHIND_MS = 500;

export class Reconciler {
  readonly unit: BackgroundUnit;
  readonly #catalog: Catalog;
  readonly #store: CatalogStore;
  readonly #membership: Membership;
  readonly #copies: Copies;
  readonly #trash: Trash;

  constructor(catalog: Catalog, store: CatalogStore, membership: Membership, copies: Copies, trash: Trash) {
    this.#trash = trash;
    this.#catalog = catalog;
    this.#store = store;
    this.#membership = membership;
    this.#copies = copies;
    this.unit = new BackgroundUnit("reconcile", (signal) => this.#step(signal));
    catalog.onChange(({ own }) => {
      if (!own && this.isWanted) this.unit.wake();
    });
  }

  /** Asks for it, durably: it is done once this server is level. */
  async request(): Promise<void> {
    await this.#store.write((view) => view.put(RECONCILE_KEY, Uint8Array.of(WANTED)));
    this.unit.wake();
  }

  get isWanted(): boolean {
    return this.#store.read().get(RECONCILE_KEY) !== undefined;
  }

  async #step(signal: AbortSignal): Promise<NextStep> {
    if (!this.isWanted) return { restMs: IDLE_MS };
    // Alone, it would take for lost what was moved since.
    if (this.#membership.isBehind || this.#membership.isApart) return { restMs: BEHIND_MS };
    await this.#store.write((view) => view.put(RECONCILE_KEY, Uint8Array.of(UNDER_WAY)));
    try {
      await this.#checkCopies(signal);
      await this.#checkStatements(signal);
      await this.#trash.levelling.level();
      if (!signal.aborted) await this.#end();
    } catch (error) {
      await this.request();
      throw error;
    }
    return { restMs: this.isWanted ? BEHIND_MS : IDLE_MS };
  }

  async #end(): Promise<void> {
    await this.#store.write((view) => {
      if (view.get(RECONCILE_KEY)?.[0] === UNDER_WAY) view.remove(RECONCILE_KEY);
    });
  }

  /** Each copy's file is the one that was recorded, or is hashed, or the copy is none. */
  async #checkCopies(signal: AbortSignal): Promise<void> {
    const { start: first, end } = tableRange("copies");
    for (let start = first; !signal.aborted; ) {
      const keys = Array.from(this.#catalog.read().range({ start, end, limit: BATCH }), ({ key }) => key);
      for (const key of keys) await this.#checkCopy(versionOfKey(key));
      const last = keys.at(-1);
      if (last === undefined) return;
      start = keyAfter(last);
    }
  }

  async #checkCopy(version: VersionId): Promise<void> {
    if (contentOfVersion(this.#catalog.read(), version) === undefined) return await this.#haveSettled(version);
    if (!(await this.#copies.check(version))) return;
    if (this.#isStated(version)) return;
    await this.#catalog.change((change) => {
      if (readCopy(change.view, version) !== undefined) change.writeHolding(version, true);
    });
  }

  /** A copy of what is at no path any more is to go, whether or not its file is still there. */
  async #haveSettled(version: VersionId): Promise<void> {
    await this.#catalog.change(({ transaction }) => {
      if (readCopy(transaction.view, version) !== undefined) remindTodo(transaction.view, version);
    });
  }

  /**
   * Each statement of an earlier incarnation that there is a copy is borne out by the disk, or withdrawn. One that was withdrawn may
   * have been so because it was not known yet where the file had been moved to.
   */
  async #checkStatements(signal: AbortSignal): Promise<void> {
    for (const [origin, row] of this.#catalog.origins()) {
      if (row.server !== this.#catalog.self) continue;
      for (let after = -1; !signal.aborted; ) {
        const versions: VersionId[] = [];
        const before = after;
        // What is stated meanwhile is true.
        const range = { start: logKey(origin, after + 1), end: logKey(origin, row.seen + 1), limit: BATCH };
        for (const { key, value } of this.#catalog.read().range(range)) {
          after = numberOfLogKey(key);
          const pointer = decodePointer(value);
          if (pointer.kind === "holding") versions.push(pointer.version);
        }
        for (const version of versions) await this.#checkStatement(version);
        if (after === before) break;
      }
    }
  }

  async #checkStatement(version: VersionId): Promise<void> {
    if (this.#copies.has(version)) return;
    const view = this.#catalog.read();
    const content = contentOfVersion(view, version);
    const path = readVersionRow(view, version).paths[0];
    if (content !== undefined && path !== undefined && (await this.#copies.adopt(version, path, content, true))) return;
    if (this.#isStated(version) && !this.#copies.has(version)) await this.#copies.withdraw(version);
  }

  #isStated(version: VersionId): boolean {
    const row = readVersionRow(this.#catalog.read(), version);
    return holdersOf(row, (origin) => this.#catalog.serverOf(origin)).includes(this.#catalog.self);
  }
}
