/**
 * Who is absent (M3), as this server's catalog has it: a restart counts nobody back in. What follows absences (C13) is told of
 * each change, and told again when the disk failed or this process ended before all had been told.
 */
import { fromUtf8, utf8 } from "../../core/bytes.ts";
import { metaKey } from "../../core/catalog/keys.ts";
import type { Bytes, WriteView } from "../../core/catalog/kv.ts";
import type { ServerId } from "../../core/ids.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";

const ABSENT_KEY = metaKey("absent");
/** Who has become absent or come back, until all have been told. */
const UNTOLD_KEY = metaKey("absent-untold");

export class Absences {
  readonly #store: CatalogStore;
  readonly #untold: Set<ServerId>;
  readonly #listeners: ((server: ServerId) => Promise<void>)[] = [];
  #absent: ReadonlySet<ServerId>;

  constructor(store: CatalogStore) {
    this.#store = store;
    this.#absent = readServers(store, ABSENT_KEY);
    this.#untold = readServers(store, UNTOLD_KEY);
  }

  has(server: ServerId): boolean {
    return this.#absent.has(server);
  }

  /** Called for each server that has become absent, or has come back. */
  onChange(listener: (server: ServerId) => Promise<void>): void {
    this.#listeners.push(listener);
  }

  /** From now on these are. To be called again, even with the same, when it rejects. */
  async note(absent: ReadonlySet<ServerId>): Promise<void> {
    for (const server of absent.symmetricDifference(this.#absent)) this.#untold.add(server);
    this.#absent = absent;
    if (this.#untold.size === 0) return;
    await this.#store.write((view) => {
      writeServers(view, ABSENT_KEY, absent);
      writeServers(view, UNTOLD_KEY, this.#untold);
    });
    for (const server of this.#untold) for (const listener of this.#listeners) await listener(server);
    this.#untold.clear();
    await this.#store.write((view) => writeServers(view, UNTOLD_KEY, this.#untold));
  }
}

function readServers(store: CatalogStore, key: Bytes): Set<ServerId> {
  const row = store.read().get(key);
  return new Set(row === undefined ? [] : (JSON.parse(fromUtf8(row)) as ServerId[]));
}

function writeServers(view: WriteView, key: Bytes, servers: Iterable<ServerId>): void {
  view.put(key, utf8(JSON.stringify([...servers])));
}
