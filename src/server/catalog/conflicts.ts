/** Moves files out of the way of directories (C12): core/catalog/conflicts.ts says where and why. */
import { resolution } from "../../core/catalog/conflicts.ts";
import { conflictKey, conflictsRange, pathOfConflictKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import type { FilePath } from "../../core/paths.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Readiness } from "../readiness.ts";
import { checkNotJoining, readJoining } from "../swarms/messages.ts";
import type { Catalog } from "./catalog.ts";

/**
 * When a cut heals, what was sent before it may come first: a file that was overwritten since must not be moved, and stay
 * as one more conflict file. After so long the newer version is here as well.
 */
const SETTLE_MS = 2000;
/** While this server may not coordinate (C10), does not know what others have written, or is about to join another swarm. */
const WAIT_MS = 500;
const IDLE_MS = 60_000;
/** Looked at together: of ten thousand that a merge leaves the last is resolved after some minutes. */
const LOOK_AT_MAX = 100;

export class Conflicts {
  readonly unit = new BackgroundUnit("conflicts", () => this.#step());
  readonly #catalog: Catalog;
  readonly #readiness: Readiness;
  readonly #clock: Clock;
  readonly #log: Log;
  #seenAt = new Map<FilePath, number>();

  constructor(catalog: Catalog, readiness: Readiness, clock: Clock, log: Log) {
    this.#catalog = catalog;
    this.#readiness = readiness;
    this.#clock = clock;
    this.#log = log;
    catalog.onChange(({ conflicts }) => {
      if (conflicts) this.unit.wake();
    });
  }

  async #step(): Promise<NextStep> {
    const now = this.#clock.monotonic();
    this.#seenAt = this.#look(this.#catalog.read(), now);
    if (this.#seenAt.size === 0) return { restMs: IDLE_MS };
    const ripe = [...this.#seenAt].filter(([, seenAt]) => now - seenAt >= SETTLE_MS);
    if (ripe.length === 0) return { restMs: WAIT_MS };
    const failures: unknown[] = [];
    for (const [path] of ripe) {
      if (!this.#mayWrite()) return { restMs: WAIT_MS };
      await this.#resolve(path).catch((error: unknown) => failures.push(error));
      this.#seenAt.delete(path);
    }
    if (failures.length > 0) throw failures[0]; // The others are resolved all the same.
    return { restMs: 0 };
  }

  /** The first paths that are noted, with when each was seen first. */
  #look(view: ReadView, now: number): Map<FilePath, number> {
    const seenAt = new Map<FilePath, number>();
    for (const { key } of view.range({ ...conflictsRange(), limit: LOOK_AT_MAX })) {
      const path = pathOfConflictKey(key);
      seenAt.set(path, this.#seenAt.get(path) ?? now);
    }
    return seenAt;
  }

  #mayWrite(): boolean {
    return this.#readiness.isFresh && readJoining(this.#catalog.read()) === undefined;
  }

  async #resolve(path: FilePath): Promise<void> {
    const to = await this.#catalog.change((change) => {
      checkNotJoining(change.view);
      change.transaction.view.remove(conflictKey(path));
      const written = resolution(change.transaction, path) ?? [];
      for (const register of written) change.writePath(register.path, register.field, register.value, register.stamp);
      return written[0]?.path;
    });
    if (to !== undefined) this.#log.warn("a path became a file and a directory; the file was moved", { path, to });
  }
}
