/** Moves files out of the way of directories (C12): core/catalog/conflicts.ts says where and why. */
import { resolution } from "../../core/catalog/conflicts.ts";
import { conflictKey, conflictsRange, pathOfConflictKey } from "../../core/catalog/keys.ts";
import type { FilePath } from "../../core/paths.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Readiness } from "../readiness.ts";
import { checkNotJoining } from "../swarms/messages.ts";
import type { Catalog } from "./catalog.ts";

/**
 * When a cut heals, what was sent before it may come first: a file that was overwritten since must not be moved, and stay
 * as one more conflict file. After so long the newer version is here as well.
 */
const SETTLE_MS = 2000;
/** While this server may not coordinate (C10), or does not know what others have written. */
const WAIT_MS = 500;
const IDLE_MS = 60_000;

export class Conflicts {
  readonly unit = new BackgroundUnit("conflicts", () => this.#step());
  readonly #catalog: Catalog;
  readonly #readiness: Readiness;
  readonly #clock: Clock;
  readonly #log: Log;
  #next: { readonly path: FilePath; readonly since: number } | undefined;

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
    const path = this.#first();
    if (path === undefined) return { restMs: IDLE_MS };
    const now = this.#clock.monotonic();
    if (this.#next?.path !== path) this.#next = { path, since: now };
    if (now - this.#next.since < SETTLE_MS || !this.#readiness.isFresh) return { restMs: WAIT_MS };
    await this.#resolve(path);
    return { restMs: 0 };
  }

  #first(): FilePath | undefined {
    for (const { key } of this.#catalog.read().range(conflictsRange())) return pathOfConflictKey(key);
    return undefined;
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
