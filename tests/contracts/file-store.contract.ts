/** What every file store must do: one suite, run on each adapter by file-store.test.ts. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../src/core/bytes.ts";
import type { Bytes } from "../../src/core/catalog/kv.ts";
import { type FileStore, type FileStoreErrorCode, LIST_BATCH } from "../../src/ports/file-store.ts";

/** One data directory, and an operator's hands in it. */
export interface FileFixture {
  readonly store: FileStore;
  /** Makes a symbolic link; `target` is relative to the data directory. */
  plantLink(name: string, target: string): void;
  /** Makes something that is neither file, directory nor link: a FIFO that nobody reads. */
  plantOther(name: string): void;
  /** The data directory's path on its machine. */
  readonly path: string;
  /** A directory beside it, on the same file system. */
  readonly beside: string;
  /** Writes a file below `beside`, and its directories. */
  writeBeside(name: string, content: string): void;
  linkBeside(name: string): void;
  contentBeside(name: string): string | undefined;
  dispose(): Promise<void>;
}

export async function writeFile(store: FileStore, name: string, content: string | Bytes): Promise<void> {
  const file = await store.create(name);
  try {
    await file.write(typeof content === "string" ? utf8(content) : content);
  } finally {
    await file.close();
  }
}

export async function readFile(store: FileStore, name: string): Promise<string> {
  const file = await store.open(name);
  try {
    const buffer = new Uint8Array((await file.stat()).sizeBytes + 10);
    const count = await file.read(buffer, 0);
    return Buffer.from(buffer.subarray(0, count)).toString();
  } finally {
    await file.close();
  }
}

export async function listed(store: FileStore, name: string): Promise<string[]> {
  const entries = await store.list(name);
  return entries.map((entry) => `${entry.name}:${entry.type}`).sort();
}

async function batchesOf(store: FileStore, name: string): Promise<string[][]> {
  const batches: string[][] = [];
  for await (const batch of store.listInBatches(name))
    batches.push(batch.map((entry) => `${entry.name}:${entry.type}`));
  return batches;
}

const SEGMENT_TOO_LONG = "ä".repeat(128);

export function describeFileStore(adapter: string, makeFixture: () => Promise<FileFixture>): void {
  describe(`the file store contract: ${adapter}`, () => {
    let fixture: FileFixture;
    let store: FileStore;

    beforeEach(async () => {
      fixture = await makeFixture();
      store = fixture.store;
    });

    afterEach(async () => {
      await fixture.dispose();
    });

    async function expectFailure(code: FileStoreErrorCode, call: Promise<unknown>): Promise<void> {
      await expect(call).rejects.toMatchObject({ name: "FileStoreError", code });
    }

    /** Makes each call that takes a name on `name`, there being a file `file`. */
    async function expectAllFail(code: FileStoreErrorCode, name: string): Promise<void> {
      await expectFailure(code, store.create(name));
      await expectFailure(code, store.open(name));
      await expectFailure(code, store.list(name));
      await expectFailure(code, store.makeDirectory(name));
      await expectFailure(code, store.removeDirectory(name));
      await expectFailure(code, store.syncDirectory(name));
      await expectFailure(code, store.rename(name, "elsewhere"));
      await expectFailure(code, store.rename("file", name));
      await expectFailure(code, store.link(name, "elsewhere"));
      await expectFailure(code, store.link("file", name));
      await expectFailure(code, store.remove(name));
    }

    it("writes a file by appending, and reads it from any position", async () => {
      const file = await store.create("a");
      const chunk = utf8("hello ");
      await file.write(chunk);
      chunk.fill(0);
      await file.write(new Uint8Array(0));
      await file.write(utf8("xworld").subarray(1));
      await file.sync();
      expect((await file.stat()).sizeBytes).toBe(11);
      await file.close();
      expect(await readFile(store, "a")).toBe("hello world");
      const reading = await store.open("a");
      const buffer = new Uint8Array(5);
      expect(await reading.read(buffer, 6)).toBe(5);
      expect(buffer).toEqual(utf8("world"));
      expect(await reading.read(buffer, 9)).toBe(2);
      expect(buffer).toEqual(utf8("ldrld"));
      expect(await reading.read(buffer, 11)).toBe(0);
      expect(await reading.read(buffer, 1000)).toBe(0);
      await reading.close();
    });

    it("fills a large buffer whole", async () => {
      const content = new Uint8Array(3_000_000).map((_, index) => index % 251);
      await writeFile(store, "a", content);
      const file = await store.open("a");
      const buffer = new Uint8Array(content.length);
      expect(await file.read(buffer, 0)).toBe(content.length);
      expect(Buffer.compare(buffer, content)).toBe(0);
      await file.close();
    });

    it("refuses to use a file that is closed, and closes it twice without harm", async () => {
      const file = await store.create("a");
      await file.close();
      await file.close();
      await expectFailure("io", file.write(utf8("x")));
      await expectFailure("io", file.sync());
      await expectFailure("io", file.stat());
    });

    it("tells by stat what is there, and undefined when nothing is", async () => {
      await store.makeDirectory("d");
      await writeFile(store, "d/a", "12345");
      expect(await store.stat("d/a")).toMatchObject({ type: "file", sizeBytes: 5, links: 1 });
      expect(await store.stat("d")).toMatchObject({ type: "directory" });
      expect(await store.stat("")).toMatchObject({ type: "directory" });
      expect(await store.stat("nothing")).toBeUndefined();
      expect(await store.stat("nothing/below")).toBeUndefined();
      expect(await store.stat("d/a/below")).toBeUndefined();
      const file = await store.open("d/a");
      expect(await file.stat()).toEqual(await store.stat("d/a"));
      await file.close();
    });

    it("tells another inode or time of a file that was written again", async () => {
      await writeFile(store, "a", "one");
      const before = await store.stat("a");
      await writeFile(store, "b", "two");
      await store.rename("b", "a");
      const after = await store.stat("a");
      expect(after?.inode).not.toBe(before?.inode);
      expect(typeof after?.modifiedNs).toBe("bigint");
    });

    it("refuses to create over what is there", async () => {
      await writeFile(store, "file", "1");
      await store.makeDirectory("d");
      await expectFailure("exists", store.create("file"));
      await expectFailure("exists", store.create("d"));
      await expectFailure("exists", store.makeDirectory("file"));
      await expectFailure("exists", store.makeDirectory("d"));
      expect(await readFile(store, "file")).toBe("1");
    });

    it("refuses what is missing, or lies below what is missing", async () => {
      await writeFile(store, "file", "1");
      await expectFailure("missing", store.open("nothing"));
      await expectFailure("missing", store.list("nothing"));
      await expectFailure("missing", store.removeDirectory("nothing"));
      await expectFailure("missing", store.syncDirectory("nothing"));
      await expectFailure("missing", store.rename("nothing", "elsewhere"));
      await expectFailure("missing", store.link("nothing", "elsewhere"));
      await expectFailure("missing", store.remove("nothing"));
      await expectAllFail("missing", "nothing/below");
    });

    it("refuses what lies below a file", async () => {
      await writeFile(store, "file", "1");
      await expectAllFail("not-a-directory", "file/below");
      await expectAllFail("not-a-directory", "file/far/below");
      expect(await readFile(store, "file")).toBe("1");
    });

    it("tells files from directories", async () => {
      await writeFile(store, "file", "1");
      await store.makeDirectory("d");
      await expectFailure("not-a-file", store.open("d"));
      await expectFailure("not-a-file", store.open(""));
      await expectFailure("not-a-file", store.remove("d"));
      await expectFailure("not-a-file", store.link("d", "elsewhere"));
      await expectFailure("not-a-directory", store.list("file"));
      await expectFailure("not-a-directory", store.removeDirectory("file"));
      await expectFailure("not-a-directory", store.syncDirectory("file"));
      expect(await listed(store, "")).toEqual(["d:directory", "file:file"]);
    });

    it("lists a directory of any size in batches, every name once", async () => {
      await store.makeDirectory("d");
      expect(await batchesOf(store, "d")).toEqual([]);
      const names = Array.from({ length: 2 * LIST_BATCH + 3 }, (_, i) => `ü ${i}`);
      for (const name of names) await store.makeDirectory(`d/${name}`);
      await writeFile(store, "d/a file", "1");
      const batches = await batchesOf(store, "d");
      expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(LIST_BATCH);
      expect(batches.flat().sort()).toEqual(["a file:file", ...names.map((name) => `${name}:directory`)].sort());
    });

    it("lists in batches no more than is asked for, and what is no directory not at all", async () => {
      await writeFile(store, "file", "1");
      await expectFailure("missing", batchesOf(store, "nothing"));
      await expectFailure("not-a-directory", batchesOf(store, "file"));
      for (let i = 0; i <= LIST_BATCH; i++) await store.makeDirectory(`d${i}`);
      for await (const batch of store.listInBatches("")) {
        expect(batch.length).toBe(LIST_BATCH);
        break;
      }
    });

    it("lists the names in a directory", async () => {
      await store.makeDirectory("d");
      expect(await listed(store, "d")).toEqual([]);
      await store.makeDirectory("d/e");
      await writeFile(store, 'd/ü \n"%.ogg', "1");
      expect(await listed(store, "d")).toEqual(["e:directory", 'ü \n"%.ogg:file']);
      expect(await readFile(store, 'd/ü \n"%.ogg')).toBe("1");
    });

    it("removes directories that are empty only", async () => {
      await store.makeDirectory("d");
      await writeFile(store, "d/a", "1");
      await expectFailure("not-empty", store.removeDirectory("d"));
      await store.remove("d/a");
      await store.removeDirectory("d");
      expect(await listed(store, "")).toEqual([]);
    });

    it("syncs directories", async () => {
      await store.makeDirectory("d");
      await store.syncDirectory("");
      await store.syncDirectory("d");
    });

    it("renames a file over a file, keeping its inode", async () => {
      await writeFile(store, "a", "one");
      await writeFile(store, "b", "two");
      const inode = (await store.stat("a"))?.inode;
      await store.rename("a", "b");
      expect(await readFile(store, "b")).toBe("one");
      expect((await store.stat("b"))?.inode).toBe(inode);
      expect(await listed(store, "")).toEqual(["b:file"]);
    });

    it("lets who has a file open go on reading it when another takes its name", async () => {
      await writeFile(store, "a", "old");
      await writeFile(store, "b", "new");
      const file = await store.open("a");
      await store.rename("b", "a");
      const buffer = new Uint8Array(3);
      await file.read(buffer, 0);
      expect(buffer).toEqual(utf8("old"));
      expect((await file.stat()).links).toBe(0);
      await file.close();
      expect(await readFile(store, "a")).toBe("new");
    });

    it("never moves a file into a directory whose name it is to take", async () => {
      await writeFile(store, "a", "1");
      await store.makeDirectory("d");
      await store.makeDirectory("full");
      await writeFile(store, "full/b", "1");
      await expectFailure("not-a-file", store.rename("a", "d"));
      await expectFailure("not-a-file", store.rename("a", "full"));
      await expectFailure("not-a-directory", store.rename("d", "a"));
      await expectFailure("not-empty", store.rename("d", "full"));
      await expectFailure("not-empty", store.rename("full/b", "full"));
      await expectFailure("io", store.rename("full", "full/below"));
      expect(await listed(store, "")).toEqual(["a:file", "d:directory", "full:directory"]);
      await store.rename("full", "d");
      expect(await listed(store, "")).toEqual(["a:file", "d:directory"]);
      expect(await readFile(store, "d/b")).toBe("1");
    });

    it("leaves both names of one file when one is renamed to the other, as POSIX has it", async () => {
      await writeFile(store, "a", "1");
      await store.link("a", "b");
      await store.rename("a", "b");
      await store.rename("a", "a");
      expect(await listed(store, "")).toEqual(["a:file", "b:file"]);
    });

    it("gives a file a second name, and keeps it until the last is removed", async () => {
      await writeFile(store, "a", "1");
      await store.makeDirectory("d");
      await store.link("a", "d/b");
      expect((await store.stat("a"))?.links).toBe(2);
      expect((await store.stat("d/b"))?.inode).toBe((await store.stat("a"))?.inode);
      await expectFailure("exists", store.link("a", "d/b"));
      await expectFailure("exists", store.link("a", "d"));
      await store.remove("a");
      expect(await store.stat("a")).toBeUndefined();
      expect((await store.stat("d/b"))?.links).toBe(1);
      expect(await readFile(store, "d/b")).toBe("1");
    });

    it("S7 follows no symbolic link in the last segment", async () => {
      await writeFile(store, "file", "1");
      fixture.plantLink("link", "file");
      fixture.plantLink("dangling", "nowhere");
      for (const name of ["link", "dangling"]) {
        await expectAllFail("symlink", name);
        expect((await store.stat(name))?.type).toBe("symlink");
      }
      expect(await listed(store, "")).toEqual(["dangling:symlink", "file:file", "link:symlink"]);
      expect(await readFile(store, "file")).toBe("1");
    });

    it("S7 follows no symbolic link to a directory, as the last segment or an ancestor", async () => {
      await writeFile(store, "file", "1");
      await store.makeDirectory("d");
      await store.makeDirectory("d/e");
      await writeFile(store, "d/e/a", "1");
      fixture.plantLink("link", "d");
      fixture.plantLink("outside", "/");
      fixture.plantLink("loop", "loop");
      fixture.plantLink("d/here", "d/e");
      for (const name of [
        "link",
        "link/e",
        "link/e/a",
        "outside/tmp",
        "loop/a",
        "d/here",
        "d/here/a",
        "link/nothing",
      ]) {
        await expectAllFail("symlink", name);
      }
      for (const name of ["link/e", "link/nothing", "loop/a", "d/here/a"])
        await expectFailure("symlink", store.stat(name));
      expect(await listed(store, "d")).toEqual(["e:directory", "here:symlink"]);
      expect(await readFile(store, "d/e/a")).toBe("1");
    });

    it("hangs on nothing that is no file", async () => {
      fixture.plantOther("fifo");
      await expectFailure("not-a-file", store.open("fifo"));
      await expectFailure("exists", store.create("fifo"));
      await expectFailure("not-a-directory", store.list("fifo"));
      await expectFailure("not-a-file", store.link("fifo", "elsewhere"));
      expect((await store.stat("fifo"))?.type).toBe("other");
      expect(await listed(store, "")).toEqual(["fifo:other"]);
      await store.remove("fifo");
      expect(await listed(store, "")).toEqual([]);
    });

    it("refuses segments of more than 255 bytes", async () => {
      await writeFile(store, "file", "1");
      const name = `${SEGMENT_TOO_LONG.slice(1)}x`;
      await writeFile(store, name, "1");
      expect(await readFile(store, name)).toBe("1");
      await expectAllFail("too-long", SEGMENT_TOO_LONG);
      await expectAllFail("too-long", `${SEGMENT_TOO_LONG}/below`);
      await expectFailure("too-long", store.stat(SEGMENT_TOO_LONG));
    });

    it("takes paths of 1,800 bytes", async () => {
      const directories = ["a", "b", "c", "d", "e", "f", "g"].map((letter) => letter.repeat(249));
      for (let depth = 1; depth <= directories.length; depth++) {
        await store.makeDirectory(directories.slice(0, depth).join("/"));
      }
      const name = `${directories.join("/")}/${"x".repeat(50)}`;
      expect(name).toHaveLength(1800);
      await writeFile(store, name, "1");
      await store.rename(name, `${name.slice(0, -1)}y`);
      expect(await readFile(store, `${name.slice(0, -1)}y`)).toBe("1");
    });

    it("S7 refuses names that would leave the data directory, as the bug they are", async () => {
      for (const name of ["..", "../a", "a/../b", ".", "a/./b", "a//b", "/a", "a/", "a\0b"]) {
        await expect(store.create(name)).rejects.toThrow(RangeError);
        await expect(store.stat(name)).rejects.toThrow(RangeError);
        await expect(store.list(name)).rejects.toThrow(RangeError);
      }
      await expect(store.create("")).rejects.toThrow(RangeError);
      await expect(store.remove("")).rejects.toThrow(RangeError);
      await expect(store.makeDirectory("")).rejects.toThrow(RangeError);
      await expect(store.removeDirectory("")).rejects.toThrow(RangeError);
    });

    it("tells the size and the free space of its disk", async () => {
      const { totalBytes, freeBytes } = await store.capacity();
      expect(totalBytes).toBeGreaterThan(1_000_000);
      expect(freeBytes).toBeGreaterThan(0);
      expect(freeBytes).toBeLessThanOrEqual(totalBytes);
    });
  });
}
