/** What every file store must do with directories that files are taken over from (adoption). */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FileStore, FileStoreErrorCode } from "../../src/ports/file-store.ts";
import { type FileFixture, listed, readFile, writeFile } from "./file-store.contract.ts";

const MARKER = ".fsdfs/identity";

export function describeSources(adapter: string, makeFixture: () => Promise<FileFixture>): void {
  describe(`a directory that files are taken over from: ${adapter}`, () => {
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

    it("is told by where it lies", async () => {
      const { path, beside } = fixture;
      await store.makeDirectory("d");
      fixture.writeBeside("server/.fsdfs/identity", "x");
      fixture.writeBeside("server/deep/er/a", "1");
      const placeOf = async (directory: string) => {
        const source = await store.openSource(directory, MARKER);
        source.close();
        return source.place;
      };
      expect(await placeOf(path)).toEqual({ kind: "inside", name: "" });
      expect(await placeOf(`${path}/d`)).toEqual({ kind: "inside", name: "d" });
      expect(await placeOf(beside)).toEqual({ kind: "outside" });
      expect(await placeOf(`${beside}/server`)).toEqual({ kind: "foreign" });
      expect(await placeOf(`${beside}/server/deep/er`)).toEqual({ kind: "foreign" });
      expect(await placeOf("/")).toEqual({ kind: "around" });
    });

    it("is none when it is missing, a file or a link", async () => {
      await writeFile(store, "file", "1");
      fixture.writeBeside("file", "1");
      fixture.linkBeside("link");
      const { path, beside } = fixture;
      for (const each of [`${path}/file`, `${beside}/file`]) {
        await expectFailure("not-a-directory", store.openSource(each, MARKER));
      }
      for (const each of [`${path}/nothing`, `${beside}/nothing`]) {
        await expectFailure("missing", store.openSource(each, MARKER));
      }
      await expectFailure("symlink", store.openSource(`${beside}/link`, MARKER));
    });

    it("shows its files, which get a second name in the data directory and lose their first", async () => {
      fixture.writeBeside("from/deep/a", "12345");
      fixture.linkBeside("from/link");
      await store.makeDirectory("to");
      const source = await store.openSource(`${fixture.beside}/from`, MARKER);
      const batches: string[] = [];
      for await (const batch of source.listInBatches(""))
        batches.push(...batch.map(({ name, type }) => `${name}:${type}`));
      expect(batches.sort()).toEqual(["deep:directory", "link:symlink"]);
      const file = await source.open("deep/a");
      const stat = await source.stat("deep/a");
      expect(await file.stat()).toEqual(stat);
      expect(stat).toMatchObject({ type: "file", sizeBytes: 5, links: 1, device: (await store.stat(""))?.device });
      await file.close();
      await expectFailure("symlink", source.open("link"));
      await expectFailure("missing", source.linkTo("deep/none", "to/a"));
      await expectFailure("missing", source.linkTo("deep/a", "none/a"));
      await source.linkTo("deep/a", "to/a");
      await expectFailure("exists", source.linkTo("deep/a", "to/a"));
      expect(await store.stat("to/a")).toMatchObject({ inode: stat?.inode, modifiedNs: stat?.modifiedNs, links: 2 });
      expect(await readFile(store, "to/a")).toBe("12345");
      await source.remove("deep/a");
      source.close();
      expect(fixture.contentBeside("from/deep/a")).toBeUndefined();
      expect(await store.stat("to/a")).toMatchObject({ links: 1 });
    });

    it("is no part of what the data directory shows", async () => {
      fixture.writeBeside("a", "1");
      expect(await listed(store, "")).toEqual([]);
    });
  });
}
