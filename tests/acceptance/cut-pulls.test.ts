/**
 * A large file's copying is cut by kill -9, first of the server that copies, then of the one that it copies from: the next
 * attempt asks for the rest only (P4, R-step 2).
 */
import { randomBytes } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type Cluster, createCluster, type RealServer, waitFor } from "./cluster.ts";
import { readPlainFile, sha256Of } from "./disk-tree.ts";

const MIB = 1024 ** 2;
const FILE_BYTES = 64 * MIB;
/** Slow enough to be cut at a place of one's choosing. */
const SLOWLY = ["--pull-rate", "20M/s"];
const CUT_AT_BYTES = 12 * MIB;
const PATH = "large.bin";

let cluster: Cluster | undefined;

afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

/** Bytes of staged files on a server's disk. */
async function stagedBytes({ data }: RealServer): Promise<number> {
  const directory = join(data, ".fsdfs", "staged");
  const sizes = await Promise.all(
    (await readdir(directory)).map((name) =>
      stat(join(directory, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function stagedAtLeast(server: RealServer, bytes: number): Promise<void> {
  await waitFor(`${server.name} has copied ${bytes / MIB} MiB`, async () => (await stagedBytes(server)) >= bytes);
}

/** What a process has written to files, in bytes: proc_pid_io(5), which counts its children's once they have ended. */
async function writtenBytes({ pid }: RealServer): Promise<number> {
  const text = await readFile(`/proc/${pid}/io`, "utf8");
  return Number(/^write_bytes: (\d+)$/m.exec(text)?.[1]);
}

test("a pull goes on where it was cut, after the puller was killed and then its source", {
  timeout: 120_000,
}, async () => {
  cluster = await createCluster();
  const content = randomBytes(FILE_BYTES);
  const first = await cluster.start();
  const open = async function* () {
    for (let at = 0; at < content.length; at += MIB) yield content.subarray(at, at + MIB);
  };
  expect((await first.client.put(PATH, { sizeBytes: FILE_BYTES, open })).copies).toBe(1);

  const second = await cluster.start({ args: SLOWLY });
  await stagedAtLeast(second, CUT_AT_BYTES);
  await second.kill();
  const keptBytes = await stagedBytes(second);
  expect(keptBytes).toBeGreaterThanOrEqual(CUT_AT_BYTES);

  const again = await second.restart();
  await stagedAtLeast(again, keptBytes + CUT_AT_BYTES);
  await first.kill();
  await first.restart();
  await waitFor("all of it is copied", async () => {
    const copy = await stat(join(again.data, PATH)).catch(() => undefined);
    return copy?.size === FILE_BYTES;
  });
  expect((await readPlainFile(join(again.data, PATH))).sha256).toBe(sha256Of(content));
  // The process that came back wrote what was missing, and the catalog.
  expect(await writtenBytes(again)).toBeLessThan(FILE_BYTES - keptBytes + 8 * MIB);
  expect(await stagedBytes(again)).toBe(0);
});
