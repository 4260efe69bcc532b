import { expect, test } from "vitest";
import { MemoryCatalogStore } from "../adapters/memory/catalog-store.ts";
import { MemoryFileStore } from "../adapters/memory/file-store.ts";
import type { FileStore } from "../ports/file-store.ts";
import { Identity } from "./identity.ts";

const RANDOM = { bytes: (length: number) => new Uint8Array(length).fill(7), fraction: () => 0.5 };

/** A directory that is another file system. */
const mountedAt = (disk: FileStore, place: string): FileStore =>
  new Proxy(disk, {
    get(target, member) {
      const value: unknown = Reflect.get(target, member);
      if (typeof value !== "function") return value;
      if (member !== "stat") return value.bind(target) as unknown;
      return async (name: string) => {
        const stat = await target.stat(name);
        return stat && name.startsWith(place) ? { ...stat, device: stat.device + 1 } : stat;
      };
    },
  });

const load = (files: FileStore) => Identity.load(new MemoryCatalogStore(), files, RANDOM, false);

test.each([".fsdfs", ".fsdfs/trash", ".fsdfs/staged", ".fsdfs/side", ".fsdfs/aside"])(
  "S1: a data directory with another file system at %s is refused, since nothing could be renamed to there",
  async (place) => {
    await expect(load(mountedAt(new MemoryFileStore(), place))).rejects.toMatchObject({ code: "data-divided" });
  },
);

test("a data directory with another file system elsewhere is not", async () => {
  await expect(load(mountedAt(new MemoryFileStore(), "music"))).resolves.toBeDefined();
});
