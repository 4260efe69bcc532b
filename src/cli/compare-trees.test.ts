import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareNames, compareTrees, type Item, type Step } from "./compare-trees.ts";

/** Contents of files by their paths; a path that ends in "/" is a directory. */
type Tree = Readonly<Record<string, string>>;

async function* walk(tree: Tree): AsyncGenerator<Item> {
  for (const item of itemsOf(tree)) yield item;
}

function itemsOf(tree: Tree): Item[] {
  const items = new Map<string, Item>();
  for (const [path, content] of Object.entries(tree)) {
    const name = path.replace(/\/$/, "");
    for (let end = name.indexOf("/"); end >= 0; end = name.indexOf("/", end + 1)) {
      items.set(name.slice(0, end), { name: name.slice(0, end), type: "directory", size: 0 });
    }
    const type = content === "?" ? "unreadable" : path.endsWith("/") ? "directory" : content === "@" ? "other" : "file";
    if (!items.has(name)) items.set(name, { name, type, size: content.length, sha256: content });
  }
  return [...items.values()].sort((a, b) => compareNames(a.name, b.name));
}

/** What the destination is after the steps were done. */
async function sync(source: Tree, destination: Tree, deleting: boolean): Promise<{ tree: Tree; steps: Step[] }> {
  const there = new Map(itemsOf(destination).map((item) => [item.name, item]));
  const remove = (name: string) => {
    for (const each of [...there.keys()]) if (each === name || each.startsWith(`${name}/`)) there.delete(each);
  };
  const steps: Step[] = [];
  const clear = async ({ name }: Item) => remove(name);
  for await (const step of compareTrees(walk(source), walk(destination), { deleting, clear })) {
    steps.push(step);
    if (step.kind === "copy" || step.kind === "make") there.set(step.item.name, step.item);
    if (step.kind === "delete") remove(step.item.name);
  }
  const full = [...there.values()].map(({ name, type, sha256 }) => [
    type === "directory" ? `${name}/` : name,
    sha256 ?? "",
  ]);
  return { tree: Object.fromEntries(full) as Tree, steps };
}

const shape = (tree: Tree) =>
  itemsOf(tree).map(({ name, type, sha256 }) => `${name} ${type} ${type === "file" ? sha256 : ""}`);
const kinds = ({ steps }: { steps: readonly Step[] }) => steps.map(({ kind, item }) => `${kind} ${item.name}`);

describe("one tree is made like another", () => {
  const segment = fc.constantFrom("a", "b", "a-b", "a.b", "ü", "A", "\u0001", "💿");
  const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join("/"));
  /** A path is a file or has something below it, never both. */
  const tree = fc
    .uniqueArray(fc.tuple(path, fc.constantFrom("1", "22", "")), { selector: ([each]) => each, maxLength: 12 })
    .map((files) => files.filter(([each]) => !files.some(([other]) => other.startsWith(`${each}/`))))
    .map((files) => Object.fromEntries(files.map(([each, text]) => (text === "" ? [`${each}/`, ""] : [each, text]))));

  test("with deleting it is the same in the end, whatever was there", async () => {
    await fc.assert(
      fc.asyncProperty(tree, tree, async (source, destination) => {
        const { tree: result } = await sync(source, destination, true);
        expect(shape(result)).toEqual(shape(source));
      }),
      { numRuns: 500 },
    );
  });

  test("without deleting nothing goes, and all that does not clash is there", async () => {
    await fc.assert(
      fc.asyncProperty(tree, tree, async (source, destination) => {
        const { tree: result, steps } = await sync(source, destination, false);
        const after = new Set(itemsOf(result).map(({ name, type }) => `${name} ${type}`));
        for (const { name, type } of itemsOf(destination)) expect(after).toContain(`${name} ${type}`);
        const failed = steps.flatMap((step) => (step.kind === "fail" ? [step.item.name] : []));
        const clashes = (name: string) => failed.some((each) => name === each || name.startsWith(`${each}/`));
        for (const { name, type } of itemsOf(source)) if (!clashes(name)) expect(after).toContain(`${name} ${type}`);
      }),
      { numRuns: 500 },
    );
  });
});

test("a directory that is only in the destination goes as one, and what is behind it is compared as before", async () => {
  const result = await sync({ "a-b": "1", c: "1" }, { "a/x": "1", "a/y/z": "1", "a-b": "2", c: "1", d: "1" }, true);
  expect(kinds(result)).toEqual(["delete a", "copy a-b", "copy c", "delete d"]);
});

test("what is only in the destination is told and kept without deleting", async () => {
  const result = await sync({ a: "1" }, { a: "1", b: "1" }, false);
  expect(kinds(result)).toEqual(["copy a", "extra b"]);
});

test("nothing more is deleted once a part of the source could not be read", async () => {
  const result = await sync({ b: "?", d: "1" }, { a: "1", "b/x": "1", c: "1", "d/y": "1" }, true);
  expect(kinds(result)).toEqual(["delete a", "fail b", "extra b/x", "extra c", "fail d"]);
});

test("what is neither a file nor a directory is left out, and what has its name in the destination stays", async () => {
  expect(kinds(await sync({ a: "@", b: "1" }, { a: "1" }, true))).toEqual(["leave-out a", "copy b"]);
});

test("what is left out protects a directory of its name as well, with all that is in it", async () => {
  const result = await sync({ a: "@", "a-b": "1", b: "@" }, { "a/x": "1", "a/y/z": "1", "b/": "", c: "1" }, true);
  expect(kinds(result)).toEqual(["leave-out a", "copy a-b", "leave-out b", "delete c"]);
  expect(Object.keys(result.tree)).toEqual(expect.arrayContaining(["a/x", "a/y/z", "b/"]));
});

test("a file in the way of a directory fails once, not for everything below it", async () => {
  const result = await sync({ "a/x": "1", "a/y": "1", b: "1" }, { a: "1" }, false);
  expect(kinds(result)).toEqual(["fail a", "copy b"]);
});
