import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../core/bytes.ts";
import { MemoryCatalogStore } from "./catalog-store.ts";

const EVERYTHING = { start: new Uint8Array([0]), end: new Uint8Array([255]) };

function pairs(store: MemoryCatalogStore): string[] {
  return Array.from(
    store.read().range(EVERYTHING),
    ({ key, value }) => `${Buffer.from(key).toString()}=${Buffer.from(value).toString()}`,
  );
}

function put(store: MemoryCatalogStore, key: string, value: string): Promise<void> {
  return store.write((view) => view.put(utf8(key), utf8(value)));
}

describe("a power cut of the catalog store in memory", () => {
  it("takes back what was not flushed, and nothing that was", async () => {
    const store = new MemoryCatalogStore();
    await put(store, "a", "1");
    await store.flushed();
    await put(store, "a", "2");
    await put(store, "b", "2");
    expect(store.unflushedTransactions).toBe(2);
    store.powerCut();
    expect(pairs(store)).toEqual(["a=1"]);
    expect(store.unflushedTransactions).toBe(0);
  });

  it("leaves, of any history, the state after as many transactions as survive", async () => {
    const transaction = fc.array(
      fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.option(fc.constantFrom("1", "2", "3"))),
    );
    const histories = fc.array(fc.record({ transaction, isFlushed: fc.boolean(), throws: fc.boolean() }));
    await fc.assert(
      fc.asyncProperty(histories, fc.nat(10), async (history, keepTransactions) => {
        const store = new MemoryCatalogStore();
        const states = [{ pairs: pairs(store), sizeBytes: store.sizeBytes() }];
        let flushed = 0;
        for (const { transaction, isFlushed, throws } of history) {
          const unflushedBefore = store.unflushedTransactions;
          const written = store.write((view) => {
            for (const [key, value] of transaction) {
              if (value === null) view.remove(utf8(key));
              else view.put(utf8(key), utf8(value));
            }
            if (throws) throw new Error("no");
          });
          await written.catch(() => {});
          if (store.unflushedTransactions > unflushedBefore) {
            states.push({ pairs: pairs(store), sizeBytes: store.sizeBytes() });
          }
          if (isFlushed) {
            await store.flushed();
            flushed = states.length - 1;
          }
        }
        store.powerCut(keepTransactions);
        const expected = states[Math.min(flushed + keepTransactions, states.length - 1)];
        expect({ pairs: pairs(store), sizeBytes: store.sizeBytes() }).toEqual(expected);
      }),
    );
  });

  it("takes back what a held flush was asked for, and never settles that flush", async () => {
    const store = new MemoryCatalogStore();
    await put(store, "a", "1");
    store.holdFlushes();
    let hasSettled = false;
    void store.flushed().finally(() => {
      hasSettled = true;
    });
    await put(store, "b", "1");
    expect(store.unflushedTransactions).toBe(2);
    store.powerCut(1);
    store.releaseFlushes();
    await store.flushed();
    expect(pairs(store)).toEqual(["a=1"]);
    expect(hasSettled).toBe(false);
  });
});

describe("the catalog store in memory, for the simulator", () => {
  it("flushes with a held flush only what was visible when it was asked for", async () => {
    const store = new MemoryCatalogStore();
    await put(store, "a", "1");
    store.holdFlushes();
    const flushed = store.flushed();
    await put(store, "b", "1");
    store.releaseFlushes();
    await flushed;
    expect(store.unflushedTransactions).toBe(1);
  });

  it("loses by a kill what was only asked for, and nothing that was visible", async () => {
    const store = new MemoryCatalogStore();
    await put(store, "a", "1");
    let hasSettled = false;
    void put(store, "b", "1").finally(() => {
      hasSettled = true;
    });
    store.kill();
    await put(store, "c", "1");
    expect(pairs(store)).toEqual(["a=1", "c=1"]);
    expect(hasSettled).toBe(false);
  });

  it("goes back to a snapshot, again and again, also in another store", async () => {
    const store = new MemoryCatalogStore();
    await put(store, "a", "1");
    const snapshot = store.snapshot();
    await put(store, "a", "2");
    await put(store, "b", "2");
    store.restore(snapshot);
    expect(pairs(store)).toEqual(["a=1"]);
    expect(store.sizeBytes()).toBe(snapshot.sizeBytes);
    await put(store, "a", "3");
    store.powerCut();
    expect(pairs(store)).toEqual(["a=1"]);
    const other = new MemoryCatalogStore();
    other.restore(snapshot);
    await put(other, "c", "3");
    expect(pairs(other)).toEqual(["a=1", "c=3"]);
    store.restore(snapshot);
    expect(pairs(store)).toEqual(["a=1"]);
  });

  it("refuses what its disk has no room for, but not what makes room", async () => {
    const store = new MemoryCatalogStore();
    await put(store, "a", "12345");
    store.setCapacityBytes(store.sizeBytes() - 1);
    await expect(put(store, "b", "1")).rejects.toMatchObject({ name: "CatalogStoreError", code: "no-space" });
    expect(pairs(store)).toEqual(["a=12345"]);
    await put(store, "a", "1234");
    expect(pairs(store)).toEqual(["a=1234"]);
  });

  it("tells of a view that was kept over an await while something was written", async () => {
    const store = new MemoryCatalogStore();
    const view = store.read();
    expect(view.get(utf8("a"))).toBeUndefined();
    await put(store, "a", "1");
    expect(() => view.get(utf8("a"))).toThrow("kept over an await");
    expect(() => [...view.range(EVERYTHING)]).toThrow("kept over an await");
  });
});
