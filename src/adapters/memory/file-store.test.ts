import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../core/bytes.ts";
import type { Random } from "../../ports/random.ts";
import { MemoryFileStore } from "./file-store.ts";

/** Always the same fraction: 0 loses everything that was not synced. */
function constantRandom(fraction: number): Random {
  return { bytes: (length) => new Uint8Array(length), fraction: () => fraction };
}

function randomOf(fractions: readonly number[]): Random {
  let index = 0;
  return { bytes: (length) => new Uint8Array(length), fraction: () => fractions[index++ % fractions.length]! };
}

async function write(files: MemoryFileStore, name: string, text: string, sync: boolean): Promise<void> {
  const file = await files.create(name);
  await file.write(utf8(text));
  if (sync) await file.sync();
  await file.close();
}

function names(files: MemoryFileStore): string[] {
  return files.tree().map((entry) => entry.name);
}

function textOf(files: MemoryFileStore, name: string): string | undefined {
  const entry = files.tree().find((each) => each.name === name);
  return entry === undefined ? undefined : Buffer.from(entry.content).toString();
}

const LOSES_ALL = constantRandom(0);

describe("a power cut of the file store in memory", () => {
  it("loses a file whose directory was not synced", async () => {
    const files = new MemoryFileStore();
    await write(files, "a", "content", true);
    files.powerCut(LOSES_ALL);
    expect(names(files)).toEqual([]);
  });

  it("loses the content of a file that was not synced, and keeps its name", async () => {
    const files = new MemoryFileStore();
    await write(files, "a", "content", false);
    await files.syncDirectory("");
    files.powerCut(LOSES_ALL);
    expect(textOf(files, "a")).toBe("");
  });

  it("keeps a synced file in a synced directory", async () => {
    const files = new MemoryFileStore();
    await write(files, "a", "content", true);
    await files.syncDirectory("");
    files.powerCut(LOSES_ALL);
    expect(textOf(files, "a")).toBe("content");
  });

  it("loses a synced directory whose own name was not synced", async () => {
    const files = new MemoryFileStore();
    await files.makeDirectory("d");
    await write(files, "d/a", "content", true);
    await files.syncDirectory("d");
    files.powerCut(LOSES_ALL);
    expect(names(files)).toEqual([]);
  });

  it("leaves a renamed file under one of its two names", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 8 }),
        async (fractions) => {
          const files = new MemoryFileStore();
          await files.makeDirectory("d");
          await write(files, "a", "content", true);
          await files.syncDirectory("");
          await files.rename("a", "d/a");
          files.powerCut(randomOf(fractions));
          expect(["a", "d/a"].filter((name) => textOf(files, name) === "content")).toHaveLength(1);
        },
      ),
    );
  });

  it("leaves a file that was renamed again and again under one of its names", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 8 }),
        async (fractions) => {
          const files = new MemoryFileStore();
          await write(files, "a", "content", true);
          await files.syncDirectory("");
          await files.rename("a", "b");
          await files.rename("b", "c");
          await files.rename("c", "d");
          files.powerCut(randomOf(fractions));
          expect(names(files)).toHaveLength(1);
          expect(files.tree()[0]?.stat.links).toBe(1);
        },
      ),
    );
  });

  it("loses no file by directories that were renamed into one another", async () => {
    const paths = ["x", "y", "z", "x/y", "y/x", "y/z", "z/x", "x/y/z", "z/x/y"];
    const renames = fc.array(fc.tuple(fc.constantFrom(...paths), fc.constantFrom(...paths)), { maxLength: 12 });
    const fractions = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 8, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(renames, fc.option(fc.constantFrom("", ...paths)), fractions, async (pairs, synced, chances) => {
        const files = new MemoryFileStore();
        for (const name of ["x", "y", "z"]) files.writeExternally(`${name}/in-${name}`, utf8(name));
        for (const [from, to] of pairs) await files.rename(from, to).catch(() => {});
        if (synced !== null) await files.syncDirectory(synced).catch(() => {});
        files.powerCut(randomOf(chances));
        const left = files.tree().filter((entry) => entry.type === "file");
        expect(left.map((entry) => Buffer.from(entry.content).toString()).sort()).toEqual(["x", "y", "z"]);
      }),
      { numRuns: 1000 },
    );
  });

  it("leaves a file where it was when the directory it was renamed into is lost", async () => {
    const files = new MemoryFileStore();
    await write(files, "a", "content", true);
    await files.syncDirectory("");
    await files.makeDirectory("d");
    await files.rename("a", "d/a");
    await files.syncDirectory("d");
    files.powerCut(LOSES_ALL);
    expect(names(files)).toEqual(["a"]);
    expect(textOf(files, "a")).toBe("content");
  });

  it("keeps a rename once the directory it went to is synced", async () => {
    const files = new MemoryFileStore();
    await files.makeDirectory("d");
    await files.syncDirectory("");
    await write(files, "a", "content", true);
    await files.rename("a", "d/a");
    await files.syncDirectory("d");
    files.powerCut(LOSES_ALL);
    expect(names(files)).toEqual(["d", "d/a"]);
  });

  it("brings a file back whose removal was not synced", async () => {
    const files = new MemoryFileStore();
    await write(files, "a", "content", true);
    await files.syncDirectory("");
    await files.remove("a");
    expect((await files.capacity()).freeBytes).toBe((await files.capacity()).totalBytes);
    files.powerCut(LOSES_ALL);
    expect(textOf(files, "a")).toBe("content");
    const { totalBytes, freeBytes } = await files.capacity();
    expect(totalBytes - freeBytes).toBe("content".length);
  });

  it("leaves of content that was not synced a prefix with zeros at most", async () => {
    const fractions = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 8 });
    await fc.assert(
      fc.asyncProperty(fractions, fc.integer({ min: 0, max: 3000 }), async (chances, unsyncedBytes) => {
        const files = new MemoryFileStore();
        const file = await files.create("a");
        await file.write(new Uint8Array(1000).fill(1));
        await file.sync();
        await file.write(new Uint8Array(unsyncedBytes).fill(2));
        await files.syncDirectory("");
        files.powerCut(randomOf(chances));
        const content = files.tree()[0]!.content;
        expect(content.length).toBeLessThanOrEqual(1000 + unsyncedBytes);
        expect(content.subarray(0, 1000)).toEqual(new Uint8Array(1000).fill(1));
        expect(content.subarray(1000).every((byte) => byte === 0 || byte === 2)).toBe(true);
      }),
    );
  });

  it("closes the files that were open", async () => {
    const files = new MemoryFileStore();
    const file = await files.create("a");
    files.kill();
    await expect(file.write(utf8("x"))).rejects.toMatchObject({ code: "io" });
    expect(names(files)).toEqual(["a"]);
  });
});

describe("the file store in memory as a full disk", () => {
  it("takes what fits and then tells no-space, and has room again when a file is removed", async () => {
    const files = new MemoryFileStore({ totalBytes: 10 });
    await write(files, "a", "12345678", true);
    const file = await files.create("b");
    await expect(file.write(utf8("abc"))).rejects.toMatchObject({ code: "no-space" });
    expect(textOf(files, "b")).toBe("ab");
    expect(await files.capacity()).toEqual({ totalBytes: 10, freeBytes: 0 });
    await files.remove("a");
    expect(await files.capacity()).toEqual({ totalBytes: 10, freeBytes: 8 });
    await files.remove("b");
    expect(await files.capacity()).toEqual({ totalBytes: 10, freeBytes: 8 });
    await file.close();
    expect(await files.capacity()).toEqual({ totalBytes: 10, freeBytes: 10 });
  });
});

describe("the operator's hands and bad disks in the file store in memory", () => {
  it("survive a power cut", async () => {
    const files = new MemoryFileStore();
    files.writeExternally("d/e/a", utf8("one"));
    const before = await files.stat("d/e/a");
    files.writeExternally("d/e/a", utf8("two"), { inPlace: true });
    files.renameExternally("d/e/a", "f/a");
    files.powerCut(LOSES_ALL);
    const after = await files.stat("f/a");
    expect(textOf(files, "f/a")).toBe("two");
    expect(after?.inode).toBe(before?.inode);
    expect(after?.modifiedNs).not.toBe(before?.modifiedNs);
  });

  it("remove whole directories, and give back the room of what has no other name", async () => {
    const files = new MemoryFileStore();
    files.writeExternally("d/a", utf8("one"));
    files.writeExternally("d/e/b", utf8("two"));
    await files.link("d/a", "kept");
    expect(files.removeExternally("d")).toBe(true);
    expect(files.removeExternally("d")).toBe(false);
    files.powerCut(LOSES_ALL);
    expect(names(files)).toEqual(["kept"]);
    const { totalBytes, freeBytes } = await files.capacity();
    expect(totalBytes - freeBytes).toBe("one".length);
  });

  it("flip a bit without a trace in the file's times", async () => {
    const files = new MemoryFileStore();
    files.writeExternally("a", utf8("a"));
    const before = await files.stat("a");
    expect(files.corrupt("a", 1)).toBe(true);
    expect(files.corrupt("a", 8)).toBe(false);
    expect(textOf(files, "a")).toBe("c");
    expect(await files.stat("a")).toEqual(before);
  });
});
