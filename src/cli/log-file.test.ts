import { appendFile, mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { boundLogFile, earlierLogFile, openLogFile } from "./log-file.ts";
import { followLines, lastLines } from "./log-reader.ts";

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "fsdfs-log-"));
  file = join(directory, "log/server.log");
  await openLogFile(file);
});

afterEach(() => rm(directory, { recursive: true }));

describe("the log file of a server in the background", () => {
  test("is for its owner only", async () => {
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test("is begun anew when it is full, and what was in it is kept once", async () => {
    await appendFile(file, "one\ntwo\n");
    await boundLogFile(file, 8);
    expect(await readFile(file, "utf8")).toBe("one\ntwo\n");
    await boundLogFile(file, 7);
    expect(await readFile(file, "utf8")).toBe("");
    expect(await readFile(earlierLogFile(file), "utf8")).toBe("one\ntwo\n");
    await appendFile(file, "three\nfour\n");
    await boundLogFile(file, 7);
    expect(await readFile(earlierLogFile(file), "utf8")).toBe("three\nfour\n");
  });

  test("is emptied even when what was in it cannot be kept", async () => {
    await appendFile(file, "one\n");
    // Nothing can be copied to a directory.
    await mkdir(`${earlierLogFile(file)}.new`);
    await boundLogFile(file, 1).catch(() => undefined);
    expect(await readFile(file, "utf8")).toBe("");
  });
});

describe("reading it", () => {
  test("gives the last lines, from the file before as well, and no line that is being written", async () => {
    await appendFile(file, "1\n2\n");
    await boundLogFile(file, 1);
    await appendFile(file, "3\n4\nhal");
    expect((await lastLines(file, 3))?.lines).toEqual(["2", "3", "4"]);
    expect((await lastLines(file, 1))?.lines).toEqual(["4"]);
    expect((await lastLines(file, 0))?.lines).toEqual([]);
    expect((await lastLines(file, 100))?.lines).toEqual(["1", "2", "3", "4"]);
    expect(await lastLines(join(directory, "none"), 100)).toBeUndefined();
  });

  test("goes on through a new beginning, without losing or repeating a line", async () => {
    await appendFile(file, "1\n2\n");
    const last = await lastLines(file, 10);
    const interrupted = new AbortController();
    const coming = followLines(file, last!.place, interrupted.signal);
    await appendFile(file, "3\nü");
    expect((await coming.next()).value).toBe("3");
    await appendFile(file, "4\n5\n");
    await boundLogFile(file, 1);
    await appendFile(file, "6\n");
    const lines: unknown[] = [];
    while (lines.length < 3) lines.push((await coming.next()).value);
    expect(lines).toEqual(["ü4", "5", "6"]);
    interrupted.abort();
    expect((await coming.next()).done).toBe(true);
  });
});
