/** What a serving process keeps of the catalog (F5 to F7). */
import { expect, test } from "vitest";
import type { KeyRange, ReadView } from "../../core/catalog/kv.ts";
import type { ServerId } from "../../core/ids.ts";
import type { Lease } from "../../core/swarm/lease.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";
import { Snapshots } from "./snapshot.ts";

const KEY = Uint8Array.of(1);

/** A store that another process writes: all reads of one stretch of code are of one snapshot. */
class SharedStore {
  value = 0;
  #snapshot: number | undefined;

  read(): ReadView {
    if (this.#snapshot === undefined) {
      this.#snapshot = this.value;
      queueMicrotask(() => {
        this.#snapshot = undefined;
      });
    }
    const snapshot = this.#snapshot;
    return { get: () => Uint8Array.of(snapshot), range: (_range: KeyRange) => [] };
  }
}

function begin() {
  const store = new SharedStore();
  let written: Lease = { until: 1000, revision: 1, changes: 0 };
  const snapshots = new Snapshots({
    clock: { wall: () => 0, monotonic: () => 0, after: () => () => {} },
    store: store as unknown as CatalogStore,
    register: { now: () => 0, read: () => written, write: () => {} },
    tokenKeys: { link: new Uint8Array(32), request: new Uint8Array(32) },
    publicRead: true,
  });
  snapshots.take({ revision: 1, self: "aaaaaaaaaaaa" as ServerId, servers: [], uncounted: [] });
  /** The control process has made a change visible, and said so. */
  const change = (value: number) => {
    store.value = value;
    written = { ...written, changes: written.changes + 1 };
  };
  const ask = (name: string) => snapshots.kept(snapshots.lease(), name, ({ lookups }) => lookups.read().get(KEY)?.[0]);
  return { change, ask };
}

test("F5: what is found at one state of the catalog is not kept for a later one", async () => {
  const { change, ask } = begin();
  // Of requests that came together the first is answered just before a change, the second just after it.
  expect(ask("first")).toBe(0);
  change(1);
  ask("second");
  await Promise.resolve();
  expect(ask("second")).toBe(1);
});

test("what is kept is found again until the catalog changes", async () => {
  const { change, ask } = begin();
  expect(ask("a")).toBe(0);
  await Promise.resolve();
  expect(ask("a")).toBe(0);
  change(1);
  await Promise.resolve();
  expect(ask("a")).toBe(1);
});
