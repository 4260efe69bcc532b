/** What every catalog store must do: one suite, run on each adapter by catalog-store.test.ts. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../src/core/bytes.ts";
import type { Bytes, KeyRange, ReadView } from "../../src/core/catalog/kv.ts";
import { type CatalogStore, KEY_BYTES_MAX } from "../../src/ports/catalog-store.ts";

/** One catalog on its disk. */
export interface CatalogFixture {
  readonly store: CatalogStore;
  /** Opens again what was closed. */
  reopen(): CatalogStore;
  dispose(): Promise<void>;
}

export function everything(options: Partial<KeyRange> = {}): KeyRange {
  return { start: new Uint8Array([0]), end: new Uint8Array(KEY_BYTES_MAX + 1).fill(255), ...options };
}

/** Keys and values as text, in the order they are answered. */
export function pairsOf(view: ReadView, range: KeyRange = everything()): string[] {
  return Array.from(view.range(range), ({ key, value }) => `${text(key)}=${text(value)}`);
}

function text(bytes: Bytes): string {
  return Buffer.from(bytes).toString("latin1");
}

export function describeCatalogStore(adapter: string, makeFixture: () => CatalogFixture): void {
  describe(`the catalog store contract: ${adapter}`, () => {
    let fixture: CatalogFixture;
    let store: CatalogStore;

    beforeEach(() => {
      fixture = makeFixture();
      store = fixture.store;
    });

    afterEach(async () => {
      await fixture.dispose();
    });

    function put(...pairs: [string, string][]): Promise<void> {
      return store.write((view) => {
        for (const [key, value] of pairs) view.put(utf8(key), utf8(value));
      });
    }

    it("shows a write once its promise has resolved, and answers what the change answered", async () => {
      const answer = store.write((view) => {
        view.put(utf8("a"), utf8("1"));
        return 42;
      });
      expect(store.read().get(utf8("a"))).toBeUndefined();
      expect(await answer).toBe(42);
      expect(store.read().get(utf8("a"))).toEqual(utf8("1"));
    });

    it("runs transactions in the order they were asked for, each seeing the one before", async () => {
      const seen: (Bytes | undefined)[] = [];
      const writes = Array.from({ length: 50 }, (_, index) =>
        store.write((view) => {
          seen.push(view.get(utf8("counter")));
          view.put(utf8("counter"), new Uint8Array([index]));
        }),
      );
      await Promise.all(writes);
      const expected = Array.from({ length: 49 }, (_, index) => new Uint8Array([index]));
      expect(seen).toEqual([undefined, ...expected]);
    });

    it("lets a transaction see its own writes", async () => {
      await put(["a", "1"], ["b", "1"]);
      const seen = await store.write((view) => {
        view.put(utf8("c"), utf8("2"));
        view.remove(utf8("a"));
        view.put(utf8("b"), utf8("2"));
        return [pairsOf(view).join(), String(view.get(utf8("a")))];
      });
      expect(seen).toEqual(["b=2,c=2", "undefined"]);
    });

    it("leaves nothing of a change that throws, and all of those beside it", async () => {
      const before = put(["a", "1"], ["b", "1"]);
      const failing = store.write((view) => {
        view.put(utf8("a"), utf8("2"));
        view.remove(utf8("b"));
        view.put(utf8("c"), utf8("2"));
        throw new RangeError("no");
      });
      const after = put(["d", "1"]);
      await expect(failing).rejects.toThrow(new RangeError("no"));
      await Promise.all([before, after]);
      expect(pairsOf(store.read())).toEqual(["a=1", "b=1", "d=1"]);
    });

    it("goes on after a change that throws alone", async () => {
      const failing = store.write(() => {
        throw new Error("no");
      });
      await expect(failing).rejects.toThrow("no");
      await put(["a", "1"]);
      expect(pairsOf(store.read())).toEqual(["a=1"]);
    });

    it("answers a range from its start up to before its end, either way, up to its limit", async () => {
      await put(["a", "1"], ["b", "2"], ["c", "3"], ["d", "4"]);
      const view = store.read();
      const [start, end] = [utf8("b"), utf8("d")];
      expect(pairsOf(view, { start, end })).toEqual(["b=2", "c=3"]);
      expect(pairsOf(view, { start, end, reverse: true })).toEqual(["c=3", "b=2"]);
      expect(pairsOf(view, { start, end, limit: 1 })).toEqual(["b=2"]);
      expect(pairsOf(view, { start, end, limit: 1, reverse: true })).toEqual(["c=3"]);
      expect(pairsOf(view, { start, end, limit: 0 })).toEqual([]);
      expect(pairsOf(view, { start: end, end: start })).toEqual([]);
      expect(pairsOf(view, { start, end: start })).toEqual([]);
      expect(pairsOf(view, { start: new Uint8Array(0), end })).toEqual(["a=1", "b=2", "c=3"]);
      expect(pairsOf(view, { start: new Uint8Array(0), end, reverse: true })).toEqual(["c=3", "b=2", "a=1"]);
      expect(pairsOf(view, { start: utf8("aa"), end: utf8("cc"), reverse: true })).toEqual(["c=3", "b=2"]);
    });

    it("orders keys by unsigned bytes, a prefix first", async () => {
      const keys = [[0], [0, 0], [1], [127], [127, 255], [128], [255], [255, 255]].map((key) => new Uint8Array(key));
      await store.write((view) => {
        for (const key of keys.toReversed()) view.put(key, key);
      });
      const pairs = Array.from(store.read().range(everything()));
      expect(pairs.map((pair) => pair.key)).toEqual(keys);
      expect(Array.from(store.read().range(everything({ reverse: true })), (pair) => pair.key)).toEqual(
        keys.toReversed(),
      );
    });

    it("reads long ranges whole, either way", async () => {
      const keys = Array.from({ length: 2000 }, (_, index) => String(index).padStart(5, "0"));
      await store.write((view) => {
        for (const key of keys) view.put(utf8(key), utf8("v"));
      });
      expect(pairsOf(store.read())).toEqual(keys.map((key) => `${key}=v`));
      expect(pairsOf(store.read(), everything({ reverse: true }))).toEqual(keys.toReversed().map((key) => `${key}=v`));
      expect(pairsOf(store.read(), everything({ limit: 300 }))).toHaveLength(300);
      let count = 0;
      for (const { key } of store.read().range(everything())) {
        // It is the caller's own.
        key.fill(0);
        count++;
      }
      expect(count).toBe(keys.length);
    });

    it("shows a loop over a range what the loop itself puts and removes", async () => {
      await store.write((view) => {
        for (const key of ["a", "b", "c", "d"]) view.put(utf8(key), utf8("1"));
      });
      const seen = await store.write((view) => {
        const keys: string[] = [];
        for (const { key } of view.range(everything())) {
          keys.push(text(key));
          if (text(key) === "a") view.remove(utf8("b"));
          if (text(key) === "d") view.put(utf8("e"), utf8("1"));
          view.remove(key);
        }
        return keys.join();
      });
      expect(seen).toBe("a,c,d,e");
      expect(pairsOf(store.read())).toEqual([]);
    });

    it("gives the caller bytes of its own, and keeps none of the caller's", async () => {
      const [key, value] = [utf8("key"), utf8("value")];
      await store.write((view) => {
        view.put(key, value);
        value.fill(0);
        key.fill(0);
      });
      const read = store.read();
      read.get(utf8("key"))?.fill(0);
      for (const pair of read.range(everything())) {
        pair.key.fill(0);
        pair.value.fill(0);
      }
      expect(pairsOf(store.read())).toEqual(["key=value"]);
      const first = store.read().get(utf8("key"));
      await put(["key", "other"]);
      expect(first).toEqual(utf8("value"));
    });

    it("keeps views of larger arrays apart from what is around them", async () => {
      const around = utf8("xkeyvaluex");
      await store.write((view) => view.put(around.subarray(1, 4), around.subarray(4, 9)));
      expect(pairsOf(store.read())).toEqual(["key=value"]);
      expect(store.read().get(around.subarray(1, 4))).toEqual(utf8("value"));
    });

    it("takes keys of 1 to the longest count of bytes, and refuses others", async () => {
      const longest = new Uint8Array(KEY_BYTES_MAX).fill(7);
      await store.write((view) => view.put(longest, utf8("1")));
      expect(store.read().get(longest)).toEqual(utf8("1"));
      for (const length of [0, KEY_BYTES_MAX + 1]) {
        const key = new Uint8Array(length);
        await expect(store.write((view) => view.put(key, utf8("1")))).rejects.toThrow(RangeError);
        await expect(store.write((view) => view.remove(key))).rejects.toThrow(RangeError);
        expect(store.read().get(key)).toBeUndefined();
      }
      expect(Array.from(store.read().range(everything()))).toHaveLength(1);
    });

    it("keeps empty and large values as they are", async () => {
      const large = new Uint8Array(3_000_000).map((_, index) => index % 251);
      await store.write((view) => {
        view.put(utf8("empty"), new Uint8Array(0));
        view.put(utf8("large"), large);
      });
      expect(store.read().get(utf8("empty"))).toEqual(new Uint8Array(0));
      expect(Buffer.compare(store.read().get(utf8("large")) ?? new Uint8Array(0), large)).toBe(0);
      expect(Array.from(store.read().range(everything()), (pair) => pair.value.length)).toEqual([0, large.length]);
    });

    it("reads one snapshot in one stretch of code, also while a transaction commits", async () => {
      await put(["a", "0"], ["z", "0"]);
      for (let round = 1; round <= 20; round++) {
        let hasRun = false;
        const write = store.write((view) => {
          view.put(utf8("a"), utf8(String(round)));
          view.put(utf8("z"), utf8(String(round)));
          hasRun = true;
        });
        while (!hasRun) await new Promise((resolve) => setImmediate(resolve));
        // The commit may come to its end on another thread at any moment of this loop.
        const first = text(store.read().get(utf8("a")) ?? new Uint8Array(0));
        const untilMs = performance.now() + 3;
        while (performance.now() < untilMs) {
          expect(pairsOf(store.read())).toEqual([`a=${first}`, `z=${first}`]);
        }
        await write;
        expect(pairsOf(store.read())).toEqual([`a=${round}`, `z=${round}`]);
      }
    });

    it("refuses a transaction's view after its end, and read() inside of a transaction", async () => {
      const view = await store.write((inside) => ({ inside }));
      expect(() => view.inside.get(utf8("a"))).toThrow("after its end");
      expect(() => view.inside.put(utf8("a"), utf8("1"))).toThrow("after its end");
      expect(() => view.inside.remove(utf8("a"))).toThrow("after its end");
      await expect(store.write(() => store.read().get(utf8("a")) === undefined)).rejects.toThrow(
        "inside a transaction",
      );
    });

    it("takes a write that a change asks for after it", async () => {
      let inner: Promise<void> | undefined;
      await store.write((view) => {
        inner = put(["b", "2"]);
        view.put(utf8("a"), utf8("1"));
      });
      await inner;
      expect(pairsOf(store.read())).toEqual(["a=1", "b=2"]);
    });

    it("tells that it is flushed, and grows by what it holds", async () => {
      await store.flushed();
      const before = store.sizeBytes();
      await store.write((view) => view.put(utf8("a"), new Uint8Array(1_000_000)));
      await store.flushed();
      expect(store.sizeBytes()).toBeGreaterThan(before + 900_000);
    });

    it("finishes what was asked for when it is closed, and then answers `closed`", async () => {
      const asked = [put(["a", "1"]), put(["b", "2"])];
      await Promise.all([store.close(), store.close()]);
      await Promise.all(asked);
      await expect(put(["c", "3"])).rejects.toMatchObject({ name: "CatalogStoreError", code: "closed" });
      await expect(store.flushed()).rejects.toMatchObject({ code: "closed" });
      expect(() => store.read()).toThrow(expect.objectContaining({ code: "closed" }));
      store = fixture.reopen();
      expect(pairsOf(store.read())).toEqual(["a=1", "b=2"]);
    });
  });
}
