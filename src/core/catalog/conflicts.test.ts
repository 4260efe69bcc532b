import { describe, expect, it } from "vitest";
import type { VersionId } from "../ids.ts";
import { isFilePath, parsePath } from "../paths.ts";
import { conflictPath } from "./conflicts.ts";

const version = "066ddb6af64800-d4b38bccc6ec" as VersionId;
const named = (path: string) => conflictPath(parsePath(path), version);

describe("C12: a conflict name", () => {
  it("has the version before the extension", () => {
    expect(named("music/song.ogg")).toBe(`music/song (conflict ${version}).ogg`);
    expect(named("a")).toBe(`a (conflict ${version})`);
    expect(named("x/.profile")).toBe(`x/.profile (conflict ${version})`);
    expect(named(`x/a.${"no extension".repeat(3)}`)).toBe(`x/a.${"no extension".repeat(3)} (conflict ${version})`);
  });

  it("is a valid path, however long and in whatever letters the file's own is", () => {
    const deep = Array.from({ length: 7 }, () => "d".repeat(255)).join("/");
    const long = [
      "n".repeat(255),
      "ü".repeat(127),
      `${"😀".repeat(60)}.ogg`,
      `${deep}/x.ogg`,
      `${deep.slice(0, 1_780)}/x.ogg`,
      `${deep.slice(0, 1_750)}/${"y".repeat(40)}.ogg`,
    ];
    for (const path of long) {
      const name = named(path);
      expect(isFilePath(name), name).toBe(true);
      expect(name).toContain(version);
    }
  });

  it("is another one for a conflict file that is in the way in its turn: moved to where it is, it would be gone", () => {
    for (const path of ["a", `${"n".repeat(250)}.ogg`, "n".repeat(255), "😀".repeat(63)]) {
      const again = named(named(path));
      expect(again).not.toBe(named(path));
      expect(isFilePath(again), again).toBe(true);
    }
  });

  it("is another one for each path in a directory, and for each version of it", () => {
    expect(named("a/b")).not.toBe(named("a/c"));
    expect(conflictPath(parsePath("a"), "066ddb6af64801-d4b38bccc6ec" as VersionId)).not.toBe(named("a"));
  });
});
