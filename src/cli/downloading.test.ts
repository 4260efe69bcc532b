import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Client } from "../client/client.ts";
import type { Location } from "../server/face.ts";
import { Bulk } from "./bulk.ts";
import { Downloads } from "./downloading.ts";

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
