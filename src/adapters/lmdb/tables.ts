/**
 * The catalog's tables as databases of one LMDB environment. The port is one ordered map, whose keys begin with the
 * letter of their table; each table is a tree of its own here, with keys that lack the letter.
 *
 * One tree for all took a fifth more room. LMDB fills a page when keys are added behind its last one, and splits it in
 * halves when they are added before: of tables in one tree only the last ever ended at the end of a page.
 *
 * What belongs to no table, the letters alone included, lies in a tree of its own ("rest"). So the map is a chain of
 * stretches: what comes before the first table's keys, the first table, what lies between it and the second, and so on.
 */
import { type Database, open, type RootDatabase } from "lmdb";
import { TABLE_LETTERS } from "../../core/catalog/keys.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { CatalogStoreError } from "../../ports/catalog-store.ts";

export type Root = RootDatabase<Buffer, Uint8Array>;
export type Tree = Database<Buffer, Uint8Array>;

export interface TreeSize {
  /** The table's letter, or "rest". */
  readonly name: string;
  readonly entries: number;
  readonly bytes: number;
}

/** A run of the map's keys that lie in one tree. */
export interface Stretch {
  readonly tree: Tree;
  /** Its first possible key. */
  readonly low: Bytes;
  /** The first key behind it; undefined where the tree ends with it. */
  readonly high: Bytes | undefined;
}

/** Rises when the bytes on the disk mean something else than before: other tables, or other rows in one of them. */
const LAYOUT = 3;
const LAYOUT_KEY = Buffer.from("layout");
const REST = "rest";
/** Large enough that remapping is rare, small enough for any address space. */
const MAP_BYTES = 1024 ** 3;

export interface TablesOptions {
  readonly readOnly?: boolean;
  readonly mapBytes?: number;
}

export class Tables {
  readonly root: Root;
  /** In the order of their keys, without gaps. */
  readonly stretches: readonly Stretch[];
  readonly #trees = new Map<string, Tree>();
  /** By the first byte of a key that has more: the place in `stretches`. */
  readonly #places: number[] = [];

  /** @throws CatalogStoreError when the directory holds a catalog in a layout that this version does not know */
  constructor(directory: string, options: TablesOptions) {
    this.root = openRoot(directory, options);
    try {
      checkLayout(this.root, directory, options.readOnly === true);
      this.stretches = this.#openTrees();
    } catch (error) {
      void this.root.close();
      throw error;
    }
  }

  /** Where a key lies. */
  treeOf(key: Bytes): Tree {
    return this.stretches[this.placeOf(key)]!.tree;
  }

  /** In which of the stretches a key lies. */
  placeOf(key: Bytes): number {
    if (key.length > 1) return this.#places[key[0]!]!;
    // A letter alone comes before its table.
    return key.length === 0 ? 0 : (this.#places[key[0]! - 1] ?? 0);
  }

  sizes(): TreeSize[] {
    return [...this.#trees].map(([name, tree]) => {
      const stats = tree.getStats() as TreeStats;
      const pages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
      return { name, entries: stats.entryCount, bytes: pages * stats.pageSize };
    });
  }

  async close(): Promise<void> {
    await this.root.close();
  }

  #openTrees(): Stretch[] {
    const rest = this.#openTree(REST, {});
    const stretches: Stretch[] = [];
    let low: Bytes = new Uint8Array(0);
    for (const letter of [...TABLE_LETTERS].sort((a, b) => a - b)) {
      const first = Uint8Array.of(letter, 0);
      const tree = this.#openTree(String.fromCharCode(letter), { keyEncoder: behindLetter(letter) });
      while (this.#places.length < letter) this.#places.push(stretches.length);
      stretches.push({ tree: rest, low, high: first });
      this.#places.push(stretches.length);
      stretches.push({ tree, low: first, high: undefined });
      low = Uint8Array.of(letter + 1);
    }
    while (this.#places.length < 256) this.#places.push(stretches.length);
    return [...stretches, { tree: rest, low, high: undefined }];
  }

  #openTree(name: string, options: { keyEncoder?: unknown }): Tree {
    const tree: Tree | undefined = this.root.openDB({ name, encoding: "binary", keyEncoding: "binary", ...options });
    if (tree === undefined) throw new CatalogStoreError("io", `the catalog lacks its table "${name}"`);
    this.#trees.set(name, tree);
    return tree;
  }
}

interface TreeStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
  readonly entryCount: number;
}

function openRoot(directory: string, options: TablesOptions): Root {
  return open<Buffer, Uint8Array>({
    path: directory,
    // Otherwise a directory with a dot in its name would be taken for a file.
    noSubdir: false,
    maxDbs: TABLE_LETTERS.length + 1,
    keyEncoding: "binary",
    encoding: "binary",
    compression: false,
    overlappingSync: false,
    // Batching by event turns leaves a promise behind that rejects unheard when a commit fails.
    eventTurnBatching: false,
    // With noMemInit, what the process had in memory (the password, keys) would get into the file's unused bytes.
    noMemInit: false,
    mapSize: options.mapBytes ?? MAP_BYTES,
    readOnly: options.readOnly === true,
  });
}

/** The root names the trees, and has the layout. It is written first, so that a catalog without is none of ours. */
function checkLayout(root: Root, directory: string, readOnly: boolean): void {
  const found = root.get(LAYOUT_KEY);
  if (found?.length === 1 && found[0] === LAYOUT) return;
  if (found !== undefined || [...root.getKeys({ limit: 1 })].length > 0) {
    const layout = found?.[0] ?? 1;
    const reason = `${directory} has a catalog in layout ${layout}, and this version of fsdfs reads layout ${LAYOUT}`;
    throw new CatalogStoreError("io", reason);
  }
  if (readOnly) throw new CatalogStoreError("io", `${directory} has no catalog yet`);
  root.putSync(LAYOUT_KEY, Buffer.of(LAYOUT));
}

/** Keys of one table, which in the tree lack their first byte. */
function behindLetter(letter: number) {
  return {
    writeKey(key: Bytes, target: Bytes, start: number): number {
      const offset = start - 1;
      for (let i = 1; i < key.length; i++) target[offset + i] = key[i]!;
      return offset + key.length;
    },
    readKey(source: Bytes, start: number, end: number): Bytes {
      const key = new Uint8Array(1 + end - start);
      key[0] = letter;
      for (let i = start; i < end; i++) key[1 + i - start] = source[i]!;
      return key;
    },
  };
}
