/** What every file store must do with files that are gone on with. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../src/core/bytes.ts";
import { type FileFixture, readFile, writeFile } from "./file-store.contract.ts";

export function describeAppending(adapter: string, makeFixture: () => Promise<FileFixture>): void {
  describe(`a file that is gone on with: ${adapter}`, () => {
    let fixture: FileFixture;

    beforeEach(async () => {
      fixture = await makeFixture();
    });

    afterEach(async () => {
      await fixture.dispose();
    });

    it("keeps what it has, and gets more behind that", async () => {
      const { store } = fixture;
      await store.makeDirectory("d");
      await writeFile(store, "d/a", "one");
      const inode = (await store.stat("d/a"))?.inode;
      for (const more of [" two", " three"]) {
        const file = await store.append("d/a");
        await file.write(utf8(more));
        await file.write(utf8("!"));
        await file.sync();
        expect((await file.stat()).inode).toBe(inode);
        await file.close();
      }
      expect(await readFile(store, "d/a")).toBe("one two! three!");
    });

    it("must be a file that is there, and is reached by no link", async () => {
      const { store } = fixture;
      await store.makeDirectory("d");
      await writeFile(store, "d/a", "one");
      fixture.plantLink("link", "d/a");
      fixture.plantLink("way", "d");
      fixture.plantOther("fifo");
      const codes = [];
      for (const name of ["nothing", "d/nothing", "d", "link", "way/a", "fifo"]) {
        codes.push(
          await store.append(name).then(
            () => "opened",
            (error: { code: string }) => error.code,
          ),
        );
      }
      expect(codes).toEqual(["missing", "missing", "not-a-file", "symlink", "symlink", "not-a-file"]);
      expect(await readFile(store, "d/a")).toBe("one");
    });
  });
}
