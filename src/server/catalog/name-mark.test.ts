/** The mark that is kept of names outside of the catalog, on a disk that fails (P4). */
import { describe, expect, it } from "vitest";
import { MemoryFileStore } from "../../adapters/memory/file-store.ts";
import { hybridTimeOf } from "../../core/hybrid-clock.ts";
import { FileStoreError } from "../../ports/file-store.ts";
import { STATE_DIRECTORY } from "../storage/layout.ts";
import { NameMark } from "./name-mark.ts";

const START_MS = 1_790_000_000_000;
const at = (ms: number) => hybridTimeOf(START_MS + ms);

describe("the mark of names", () => {
  it.each(["was renamed all the same", "was removed by somebody"])("is moved on when its file %s", async (how) => {
    const files = new MemoryFileStore();
    files.makeDirectoryExternally(STATE_DIRECTORY);
    const mark = await NameMark.load(files);
    await mark.reach(at(0), at(0));
    const rename = files.rename.bind(files);
    files.rename = async (from, to) => {
      if (how === "was removed by somebody") await files.remove(from);
      else await rename(from, to);
      throw new FileStoreError("io", "an error that comes late");
    };
    await expect(mark.reach(at(5_000), at(5_000))).rejects.toThrow("late");
    files.rename = rename;
    await mark.reach(at(6_000), at(6_000));
    expect(mark.limit).toBeGreaterThan(at(6_000));
    expect((await NameMark.load(files)).limit).toBe(mark.limit);
  });
});
