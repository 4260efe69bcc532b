import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyPath, serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { MemoryView } from "../../../tests/catalog/memory-view.ts";
import { compareBytes, utf8 } from "../bytes.ts";
import { type HybridTime, versionId } from "../ids.ts";
import { ancestorsOf, type FilePath, parentOf } from "../paths.ts";
import { encodeContent } from "./content.ts";
import { children, descendants, type Entry, type Passed, readEntry } from "./entries.ts";
import { descendantsRange, entryKey, keyAfter, keyAfterSubtree, pathOfEntryKey } from "./keys.ts";
import type { ReadView } from "./kv.ts";
import { CONTENT_FIELD } from "./merge.ts";
import { encodeRegisters } from "./rows.ts";
import { countTree, hasLiveDescendant } from "./tree.ts";
import type { Content } from "./types.ts";

type Kind = "file" | "directory" | "deleted";
type Tree = ReadonlyMap<FilePath, Kind>;

const anyTree: fc.Arbitrary<Tree> = fc
  .array(fc.tuple(anyPath, fc.constantFrom<Kind>("file", "file", "directory", "deleted")), { maxLength: 25 })
  .map((entries) => new Map(entries));

const stamp = { rank: 0, time: 5 as HybridTime, server: serverNumbered(1) };

function contentOf(kind: Kind): Content {
  if (kind === "directory") return { type: "directory" };
  if (kind === "deleted") return { type: "deleted", movedTo: undefined };
  const version = versionId(5 as HybridTime, serverNumbered(1));
  return { type: "file", version, sizeBytes: 1, sha256: "0".repeat(64), request: undefined };
}

function viewOf(tree: Tree): MemoryView {
  const view = new MemoryView();
  for (const [path, kind] of tree) {
    const value = encodeContent(contentOf(kind));
    view.put(entryKey(path), encodeRegisters([{ field: CONTENT_FIELD, stamp, value, marks: [] }]));
  }
  countTree(view);
  return view;
}

function there(found: Iterable<Entry | Passed>): Entry[] {
  return [...found].filter((each) => each.type !== "nothing");
}

/** The order of listings: name by name, each by its bytes, a directory before what is in it. */
function comparePaths(a: string, b: string): number {
  const [left, right] = [a.split("/"), b.split("/")];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareBytes(utf8(left[i]!), utf8(right[i]!));
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

const isBelow = (path: string, directory: string) => directory === "" || path.startsWith(`${directory}/`);

/** What a listing should show, by brute force. */
function childrenOf(tree: Tree, directory: FilePath | ""): string[] {
  const live = [...tree].filter(([, kind]) => kind !== "deleted").map(([path]) => path);
  const all = new Set(live.flatMap((path) => [...ancestorsOf(path), path]));
  return [...all].filter((path) => parentOf(path) === directory).sort(comparePaths);
}

const directoriesOf = (tree: Tree): (FilePath | "")[] => [
  "",
  ...new Set([...tree.keys()].flatMap((path) => [...ancestorsOf(path), path])),
];

describe("entry keys", () => {
  it("come back as paths, and keep the order of listings", () => {
    fc.assert(
      fc.property(anyPath, anyPath, (a, b) => {
        expect(pathOfEntryKey(entryKey(a))).toBe(a);
        expect(Math.sign(compareBytes(entryKey(a), entryKey(b)))).toBe(Math.sign(comparePaths(a, b)));
      }),
      { numRuns: 1000 },
    );
  });

  it("have everything below a directory in one range, and nothing else", () => {
    fc.assert(
      fc.property(anyPath, anyPath, (directory, path) => {
        for (const each of ["" as const, directory, ...ancestorsOf(path)]) {
          const { start, end } = descendantsRange(each);
          const key = entryKey(path);
          expect(compareBytes(key, start) >= 0 && compareBytes(key, end) < 0).toBe(isBelow(path, each));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("leave nothing between an entry and the key behind it, nor between its subtree and the key behind that", () => {
    fc.assert(
      fc.property(anyPath, anyPath, (entry, other) => {
        const isBehind = compareBytes(entryKey(other), keyAfter(entryKey(entry))) >= 0;
        expect(isBehind).toBe(comparePaths(other, entry) > 0);
        const isBehindSubtree = compareBytes(entryKey(other), keyAfterSubtree(entryKey(entry))) >= 0;
        expect(isBehindSubtree).toBe(comparePaths(other, entry) > 0 && !isBelow(other, entry));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("listings", () => {
  it("of a directory show each child once, in order, as brute force finds them", () => {
    fc.assert(
      fc.property(anyTree, (tree) => {
        const view = viewOf(tree);
        for (const directory of directoriesOf(tree)) {
          const shown = there(children(view, directory));
          expect(shown.map(({ path }) => path)).toEqual(childrenOf(tree, directory));
          for (const { path, type } of shown) {
            expect(type).toBe(tree.get(path as FilePath) === "file" ? "file" : "directory");
          }
        }
      }),
    );
  });

  it("in pages of any size are the whole listing", () => {
    fc.assert(
      fc.property(anyTree, fc.integer({ min: 1, max: 4 }), (tree, limit) => {
        const view = viewOf(tree);
        const paged: string[] = [];
        for (let after: FilePath | undefined; ; ) {
          const page: string[] = [];
          for (const { path } of there(children(view, "", after))) if (page.push(path) === limit) break;
          paged.push(...page);
          after = page.at(-1) as FilePath | undefined;
          if (page.length < limit) break;
        }
        expect(paged).toEqual(childrenOf(tree, ""));
      }),
    );
  });

  it("of everything below a directory are complete and in order, from any place on", () => {
    fc.assert(
      fc.property(anyTree, anyPath, (tree, after) => {
        const view = viewOf(tree);
        const live = [...tree].filter(([, kind]) => kind !== "deleted").map(([path]) => path);
        for (const directory of directoriesOf(tree)) {
          const below = live.filter((path) => isBelow(path, directory)).sort(comparePaths);
          expect(there(descendants(view, directory)).map(({ path }) => path)).toEqual(below);
          if (!isBelow(after, directory)) continue;
          expect(there(descendants(view, directory, after)).map(({ path }) => path)).toEqual(
            below.filter((path) => comparePaths(path, after) > 0),
          );
        }
      }),
    );
  });

  it("C12: a directory exists while it was made or has a live descendant", () => {
    fc.assert(
      fc.property(anyTree, (tree) => {
        const view = viewOf(tree);
        for (const path of directoriesOf(tree)) {
          if (path === "") continue;
          const own = tree.get(path);
          const hasBelow = [...tree].some(([other, kind]) => kind !== "deleted" && isBelow(other, path));
          expect(hasLiveDescendant(view, path)).toBe(hasBelow);
          const exists = hasBelow || (own !== undefined && own !== "deleted");
          expect(readEntry(view, path) !== undefined).toBe(exists);
        }
      }),
    );
    expect(readEntry(new MemoryView(), "")).toEqual({ type: "directory", path: "", stamp: undefined });
  });

  it("go past what was deleted: a directory of it without a look at its rows, others with rests", () => {
    const numbers = Array.from({ length: 2000 }, (_, i) => String(i).padStart(4, "0"));
    const gone = (directory: string) =>
      numbers.map((name): [FilePath, Kind] => [`${directory}/${name}` as FilePath, "deleted"]);
    const tree: Tree = new Map<FilePath, Kind>([
      ...gone("all/gone/long ago"),
      ...gone("most"),
      ["most/last" as FilePath, "file"],
      ["z" as FilePath, "file"],
    ]);
    const view = viewOf(tree);
    let rows = 0;
    const counting: ReadView = {
      get: (key) => view.get(key),
      *range(range) {
        for (const row of view.range(range)) {
          rows += 1;
          yield row;
        }
      },
    };
    expect(there(children(counting, "")).map(({ path }) => path)).toEqual(["most", "z"]);
    expect(readEntry(counting, "all" as FilePath)).toBeUndefined();
    expect(rows).toBeLessThan(10);
    const all = [...descendants(counting, "")];
    expect(there(all).map(({ path }) => path)).toEqual(["most/last", "z"]);
    expect(rows).toBeLessThan(numbers.length + 20);
    expect(all.length).toBeGreaterThan(numbers.length / 20);
  });

  it("show a directory at whose path something was deleted, wherever a stretch of deleted rows before it ends", () => {
    for (let gone = 0; gone < 40; gone++) {
      const before = Array.from({ length: gone }, (_, i): [FilePath, Kind] => [`a${i}` as FilePath, "deleted"]);
      const view = viewOf(new Map([...before, ["z" as FilePath, "deleted"], ["z/file" as FilePath, "file"]]));
      let at = children(view, "").next().value as Entry | Passed | undefined;
      while (at?.type === "nothing") at = children(view, "", at.path).next().value as Entry | Passed | undefined;
      expect(at?.path).toBe("z");
    }
  });

  it("end where a name begins with a byte order mark, instead of finding it for ever", () => {
    const path = "\uFEFFsong.ogg" as FilePath;
    const shown: string[] = [];
    for (const entry of children(viewOf(new Map([[path, "file"]])), "")) if (shown.push(entry.path) > 3) break;
    expect(shown).toEqual([path]);
  });
});
