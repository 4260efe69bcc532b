import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import type { Client } from "../client/client.ts";
import type { Location } from "../server/face.ts";
import { Bulk } from "./bulk.ts";
import { Downloads, partOf } from "./downloading.ts";

const CONTENT = "one half another half";
const LOCATION = {
  path: "a",
  size: CONTENT.length,
  sha256: createHash("sha256").update(CONTENT).digest("hex"),
  version: "0123456789abcd-0123456789ab",
} as Location;

/** Downloads of a process of its own, for whom the file is read so. */
function processThatReads(body: () => AsyncGenerator<Uint8Array>, opens: Promise<void> = Promise.resolve()) {
  const asked = Promise.withResolvers<void>();
  const get = async () => {
    asked.resolve();
    await opens;
    return { body: body() };
  };
  const bulk = new Bulk({ write: () => undefined, terminal: false, columns: 80 });
  return { downloads: new Downloads({ get } as unknown as Client, bulk), asked: asked.promise };
}

test("P4: who begins to get a file that another process is getting takes nothing away from it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "fsdfs-downloading-"));
  try {
    const local = join(directory, "a");
    const [halfThere, secondOpens, secondBegun] = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
    const first = processThatReads(async function* () {
      yield Buffer.from(CONTENT.slice(0, 8));
      halfThere!.resolve();
      await secondBegun!.promise;
      yield Buffer.from(CONTENT.slice(8));
    });
    // It stands still, as one does that is killed then.
    const second = processThatReads(async function* () {
      secondBegun!.resolve();
      await new Promise(() => undefined);
    }, secondOpens!.promise);
    void second.downloads.fetch(LOCATION, local);
    await second.asked;
    const fetched = first.downloads.fetch(LOCATION, local);
    await halfThere!.promise;
    secondOpens!.resolve();
    expect(await fetched).toBe(true);
    expect(await readFile(local, "utf8")).toBe(CONTENT);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("a file whose long name begins as another's takes nothing away from that", async () => {
  const directory = await mkdtemp(join(tmpdir(), "fsdfs-downloading-"));
  try {
    const [one, other] = [1, 2].map((track) => join(directory, `${"a long title, ".repeat(16)}${track}`));
    const { first, second, halfThere, firstGoesOn, secondOpens } = twoProcesses();
    const fetched = first.downloads.fetch(LOCATION, one!);
    await halfThere.promise;
    secondOpens.resolve();
    await writeFile(partOf(other!, "0123456789abce-0123456789ab"), CONTENT.slice(0, 8));
    await second.downloads.fetch({ ...LOCATION, version: "0123456789abce-0123456789ab" } as Location, other!);
    firstGoesOn.resolve();
    expect(await fetched).toBe(true);
    expect((await readdir(directory)).sort()).toEqual([basename(one!), basename(other!)]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

/** The first writes the first half before the second begins, and the other half when it is told to. */
function twoProcesses() {
  const [halfThere, firstGoesOn, secondOpens] = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  const first = processThatReads(async function* () {
    yield Buffer.from(CONTENT.slice(0, 8));
    halfThere!.resolve();
    await firstGoesOn!.promise;
    yield Buffer.from(CONTENT.slice(8));
  });
  const second = processThatReads(async function* () {
    yield Buffer.from(CONTENT.slice(8));
  }, secondOpens!.promise);
  return { first, second, halfThere: halfThere!, firstGoesOn: firstGoesOn!, secondOpens: secondOpens! };
}

test("P4: who goes on with a part that another process then gives its place leaves no hole where it was begun", async () => {
  const directory = await mkdtemp(join(tmpdir(), "fsdfs-downloading-"));
  try {
    const local = join(directory, "a");
    const { first, second, halfThere, firstGoesOn, secondOpens } = twoProcesses();
    const firstFetched = first.downloads.fetch(LOCATION, local);
    await halfThere.promise;
    const secondFetched = second.downloads.fetch(LOCATION, local);
    await second.asked;
    firstGoesOn.resolve();
    await firstFetched;
    secondOpens.resolve();
    expect(await secondFetched).toBe(true);
    expect(await readFile(local, "utf8")).toBe(CONTENT);
    expect(await readdir(directory)).toEqual(["a"]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("P4: a part that another process has begun anew is not taken for one that is whole", async () => {
  const directory = await mkdtemp(join(tmpdir(), "fsdfs-downloading-"));
  try {
    const local = join(directory, "a");
    const { first, halfThere, firstGoesOn } = twoProcesses();
    const fetched = first.downloads.fetch(LOCATION, local);
    await halfThere.promise;
    const part = partOf(local, LOCATION.version);
    await rm(part);
    await writeFile(part, "one");
    firstGoesOn.resolve();
    await expect(fetched).rejects.toThrow("taken away");
    expect(await readdir(directory)).toEqual([basename(part)]);
    expect(await readFile(part, "utf8")).toBe("one");
  } finally {
    await rm(directory, { recursive: true });
  }
});
