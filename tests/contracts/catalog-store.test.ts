import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { open } from "lmdb";
import { describe, expect, it } from "vitest";
import { openLmdbCatalogStore } from "../../src/adapters/lmdb/catalog-store.ts";
import { MemoryCatalogStore } from "../../src/adapters/memory/catalog-store.ts";
import { utf8 } from "../../src/core/bytes.ts";
import type { Bytes, KeyRange, WriteView } from "../../src/core/catalog/kv.ts";
import type { CatalogStore } from "../../src/ports/catalog-store.ts";
import { type CatalogFixture, describeCatalogStore, everything, pairsOf } from "./catalog-store.contract.ts";

function memoryFixture(): CatalogFixture {
  const store = new MemoryCatalogStore();
  return {
    store,
    reopen() {
      store.kill();
      return store;
    },
    dispose: () => store.close(),
  };
}

function lmdbFixture(mapBytes?: number): CatalogFixture {
  // A dot in the name, as in `.fsdfs/catalog.1`, must not make a file of it.
  const directory = join(mkdtempSync(join(tmpdir(), "fsdfs-catalog-")), "catalog.1");
  const options = mapBytes === undefined ? {} : { mapBytes };
  let store = openLmdbCatalogStore(directory, options);
  return {
    store,
    reopen() {
      store = openLmdbCatalogStore(directory, options);
      return store;
    },
    async dispose() {
      await store.close();
      rmSync(join(directory, ".."), { recursive: true });
    },
  };
}

describeCatalogStore("memory", memoryFixture);
describeCatalogStore("lmdb", lmdbFixture);
describeCatalogStore("lmdb with a map that has to grow", () => lmdbFixture(1024 ** 2));

// Few and short keys, so that operations meet; the order of 127 and 128 counts, and the letters of two tables that follow
// each other, and of one that stands alone.
const firstBytes = fc.constantFrom(0, 127, 128, 255, ...utf8("lmw"));
const laterBytes = fc.array(fc.constantFrom(0, 1, 128, 255), { maxLength: 2 });
const keys = fc.tuple(firstBytes, laterBytes).map(([first, later]) => new Uint8Array([first, ...later]));
const bounds = fc
  .oneof(
    { weight: 1, arbitrary: fc.constant(new Uint8Array(0)) },
    { weight: 9, arbitrary: fc.tuple(fc.constantFrom(0, 127, 255, ...utf8("lmnwx")), laterBytes) },
  )
  .map((bound) => (bound instanceof Uint8Array ? bound : new Uint8Array([bound[0], ...bound[1]])));
const values = fc.uint8Array({ maxLength: 20 });
const ranges: fc.Arbitrary<KeyRange> = fc
  .record({ start: bounds, end: bounds, reverse: fc.boolean(), limit: fc.option(fc.nat(20), { nil: undefined }) })
  .map(({ limit, ...range }) => (limit === undefined ? range : { ...range, limit }));

type Operation =
  | { readonly kind: "put"; readonly key: Bytes; readonly value: Bytes }
  | { readonly kind: "remove"; readonly key: Bytes }
  | { readonly kind: "read"; readonly range: KeyRange }
  | { readonly kind: "remove-range"; readonly range: KeyRange }
  | { readonly kind: "throw" };

const operations: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("put" as const), key: keys, value: values }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), key: keys }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("read" as const), range: ranges }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove-range" as const), range: ranges }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("throw" as const) }) },
);
/** Groups of transactions that are asked for at once. */
const histories = fc.array(fc.array(fc.array(operations, { maxLength: 12 }), { maxLength: 4 }), { maxLength: 6 });

/** Answers what was read. */
function carryOut(view: WriteView, transaction: readonly Operation[]): string[] {
  const read: string[] = [];
  for (const operation of transaction) read.push(...carryOutOne(view, operation));
  return read;
}

function carryOutOne(view: WriteView, operation: Operation): string[] {
  switch (operation.kind) {
    case "put":
      view.put(operation.key, operation.value);
      return [];
    case "remove":
      view.remove(operation.key);
      return [];
    case "read":
      return pairsOf(view, operation.range);
    case "remove-range":
      return Array.from(view.range(operation.range), ({ key }) => {
        view.remove(key);
        return Buffer.from(key).toString("hex");
      });
    case "throw":
      throw new Error("as the history has it");
  }
}

async function replay(
  store: CatalogStore,
  history: readonly (readonly (readonly Operation[])[])[],
): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const group of history) {
    const settled = group.map((transaction) =>
      store.write((view) => carryOut(view, transaction)).catch((error: unknown) => String(error)),
    );
    answers.push(
      await Promise.all(settled),
      pairsOf(store.read()),
      pairsOf(store.read(), everything({ reverse: true })),
    );
  }
  return answers;
}

describe("the catalog store in memory", () => {
  it("answers any history of transactions as LMDB does", async () => {
    const fixture = lmdbFixture();
    const lmdb = fixture.store;
    try {
      await fc.assert(
        fc.asyncProperty(histories, async (history) => {
          await lmdb.write((view) => carryOut(view, [{ kind: "remove-range", range: everything() }]));
          expect(await replay(new MemoryCatalogStore(), history)).toEqual(await replay(lmdb, history));
        }),
        { numRuns: 150 },
      );
    } finally {
      await fixture.dispose();
    }
  });
});

describe("the catalog store on LMDB", () => {
  it("refuses what a full disk does not take, keeps the rest, and goes on when there is room", async () => {
    const directory = mkdtempSync(join(tmpdir(), "fsdfs-catalog-"));
    try {
      // The shell limits the size of files to 2,000 blocks of 512 bytes: no disk needs to be filled.
      const script = join(import.meta.dirname, "catalog-store-full-disk.ts");
      const command = 'ulimit -f 2000 && exec "$0" "$1" "$2"';
      const { stdout } = await promisify(execFile)("sh", ["-c", command, process.execPath, script, directory]);
      expect(JSON.parse(stdout)).toEqual({
        refused: "CatalogStoreError",
        besideItIsAsTold: true,
        kept: true,
        nothingOfRefused: true,
        wentOn: true,
        closed: true,
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("lets a second process read what the first has just written", async () => {
    const directory = mkdtempSync(join(tmpdir(), "fsdfs-catalog-"));
    const store = openLmdbCatalogStore(directory);
    try {
      await store.write((view) => view.put(utf8("a"), utf8("1")));
      const script = `
        const { openLmdbCatalogStore } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/adapters/lmdb/catalog-store.ts"))});
        const store = openLmdbCatalogStore(${JSON.stringify(directory)}, { readOnly: true });
        const refused = await store.write(() => 0).catch((error) => error.name);
        const value = Buffer.from(store.read().get(Buffer.from("a"))).toString();
        await store.close();
        console.log(JSON.stringify([value, refused]));`;
      const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
      expect(JSON.parse(stdout)).toEqual(["1", "CatalogStoreError"]);
      await store.write((view) => view.put(utf8("a"), utf8("2")));
      expect(pairsOf(store.read())).toEqual(["a=2"]);
    } finally {
      await store.close();
      rmSync(directory, { recursive: true });
    }
  });

  it("refuses a catalog in a layout that it does not know, and leaves it as it is", async () => {
    const directory = mkdtempSync(join(tmpdir(), "fsdfs-catalog-"));
    try {
      const before = open({ path: directory, noSubdir: false, keyEncoding: "binary", encoding: "binary" });
      await before.put(utf8("mtime"), Buffer.from("as all keys lay in one tree"));
      await before.close();
      const known = expect.objectContaining({ code: "io", message: expect.stringContaining("layout 1") });
      expect(() => openLmdbCatalogStore(directory)).toThrow(known);
      const after = open({ path: directory, noSubdir: false, keyEncoding: "binary", encoding: "binary" });
      expect([...after.getKeys()]).toHaveLength(1);
      await after.put(Buffer.from("layout"), Buffer.of(77));
      await after.close();
      const later = expect.objectContaining({ code: "io", message: expect.stringContaining("layout 77") });
      expect(() => openLmdbCatalogStore(directory)).toThrow(later);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("tells that a directory cannot be made with an error of the port", () => {
    const inAFile = join(import.meta.filename, "catalog");
    expect(() => openLmdbCatalogStore(inAFile)).toThrow(
      expect.objectContaining({ name: "CatalogStoreError", code: "io" }),
    );
  });
});
