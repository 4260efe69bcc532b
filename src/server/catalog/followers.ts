/**
 * Those who follow the changes of the catalog. What they are told is so already: one that fails makes no change fail, since
 * whoever asked for it would undo what belongs to it, and keeps it from no other.
 */
import { CatalogStoreError } from "../../ports/catalog-store.ts";
import type { Log } from "../../ports/log.ts";
import type { Changed } from "./change.ts";

export class Followers {
  readonly #log: Log;
  readonly #followers: ((changed: Changed) => void)[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  add(follower: (changed: Changed) => void): void {
    this.#followers.push(follower);
  }

  tell(changed: Changed): void {
    for (const follower of this.#followers) {
      try {
        follower(changed);
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  #failed(error: unknown): void {
    if (error instanceof CatalogStoreError && error.code === "closed") return; // The server ends.
    this.#log.error("a change of the catalog could not be followed", { unit: "catalog", error: String(error) });
  }
}
