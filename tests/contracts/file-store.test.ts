import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DiskFileStoreOptions, openDiskFileStore } from "../../src/adapters/disk/file-store.ts";
import { MemoryFileStore } from "../../src/adapters/memory/file-store.ts";
import { DATA_PATH, outsideName } from "../../src/adapters/memory/sources.ts";
import { utf8 } from "../../src/core/bytes.ts";
import { type FileStore, FileStoreError } from "../../src/ports/file-store.ts";
import { describeFileStore, type FileFixture, listed, readFile, writeFile } from "./file-store.contract.ts";
import { describeAppending } from "./file-store-appending.contract.ts";
import { describeSources } from "./file-store-sources.contract.ts";

/** In memory. */
const BESIDE = "/beside";

interface DiskFixture extends FileFixture {
  readonly root: string;
}

async function memoryFixture(): Promise<FileFixture> {
  const store = new MemoryFileStore();
  store.makeDirectoryExternally(outsideName(BESIDE));
  return {
    store,
    plantLink: (name) => store.plantExternally(name, "symlink"),
    plantOther: (name) => store.plantExternally(name, "other"),
    path: DATA_PATH,
    beside: BESIDE,
    writeBeside: (name, content) => store.writeExternally(outsideName(`${BESIDE}/${name}`), utf8(content)),
    linkBeside: (name) => store.plantExternally(outsideName(`${BESIDE}/${name}`), "symlink"),
    contentBeside: (name) => {
      const found = store.treeOutside(BESIDE).find((entry) => entry.name === name);
      return found && Buffer.from(found.content).toString();
    },
    dispose: async () => {},
  };
}

async function diskFixture(options: DiskFileStoreOptions = {}): Promise<DiskFixture> {
  const around = realpathSync(mkdtempSync(join(tmpdir(), "fsdfs-files-")));
  const [root, beside] = [join(around, "data"), join(around, "beside")];
  for (const each of [root, beside]) mkdirSync(each);
  return {
    root,
    path: root,
    beside,
    writeBeside: (name, content) => {
      mkdirSync(dirname(join(beside, name)), { recursive: true });
      writeFileSync(join(beside, name), content);
    },
    linkBeside: (name) => symlinkSync(root, join(beside, name)),
    contentBeside: (name) => (existsSync(join(beside, name)) ? readFileSync(join(beside, name), "utf8") : undefined),
    store: await openDiskFileStore(root, options),
    plantLink: (name, target) => symlinkSync(join(target === "/" ? "" : root, target), join(root, name)),
    plantOther: (name) => execFileSync("mkfifo", [join(root, name)]),
    dispose: async () => rmSync(around, { recursive: true }),
  };
}

describeFileStore("memory", memoryFixture);
describeFileStore("disk", () => diskFixture());
describeFileStore("disk, without /proc", () => diskFixture({ procfs: false }));
describeAppending("memory", memoryFixture);
describeAppending("disk", () => diskFixture());
describeAppending("disk, without /proc", () => diskFixture({ procfs: false }));
describeSources("memory", memoryFixture);
describeSources("disk", () => diskFixture());
describeSources("disk, without /proc", () => diskFixture({ procfs: false }));

const NAMES = ["a", "b", "d", "d/a", "d/e", "d/e/a", "d/e/b", "link", "link/a"];
const names = fc.constantFrom(...NAMES);
const places = fc.constantFrom("", ...NAMES);

type Operation =
  | { readonly kind: "write"; readonly name: string; readonly content: string }
  | { readonly kind: "rename" | "link"; readonly name: string; readonly to: string }
  | {
      readonly kind: "read" | "remove" | "make-directory" | "remove-directory" | "list" | "stat" | "sync" | "plant";
      readonly name: string;
    };

const operations: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant("write" as const), name: names, content: fc.string({ maxLength: 5 }) }),
  fc.record({ kind: fc.constantFrom("rename" as const, "link" as const), name: names, to: names }),
  fc.record({ kind: fc.constantFrom("list" as const, "stat" as const, "sync" as const), name: places }),
  fc.record({ kind: fc.constant("make-directory" as const), name: names }),
  fc.record({ kind: fc.constantFrom("read" as const, "remove" as const, "remove-directory" as const), name: names }),
  fc.record({ kind: fc.constant("plant" as const), name: fc.constant("link") }),
);

/** What a caller is told, but for what differs between disks. */
async function carryOut(fixture: FileFixture, operation: Operation): Promise<unknown> {
  try {
    return await carryOutOn(fixture, operation);
  } catch (error) {
    if (error instanceof FileStoreError) return error.code;
    throw error;
  }
}

async function carryOutOn(fixture: FileFixture, operation: Operation): Promise<unknown> {
  const { store } = fixture;
  switch (operation.kind) {
    case "write":
      return writeFile(store, operation.name, operation.content);
    case "rename":
      return store.rename(operation.name, operation.to);
    case "link":
      return store.link(operation.name, operation.to);
    case "read":
      return readFile(store, operation.name);
    case "remove":
      return store.remove(operation.name);
    case "make-directory":
      return store.makeDirectory(operation.name);
    case "remove-directory":
      return store.removeDirectory(operation.name);
    case "list":
      return listed(store, operation.name);
    case "sync":
      return store.syncDirectory(operation.name);
    case "stat":
      return statToCompare(store, operation.name);
    case "plant":
      return (await store.stat(operation.name)) === undefined ? fixture.plantLink(operation.name, "d") : undefined;
  }
}

async function statToCompare(store: FileStore, name: string): Promise<unknown> {
  const stat = await store.stat(name);
  return stat?.type === "file" ? [stat.type, stat.sizeBytes, stat.links] : stat?.type;
}

async function treeOf(store: FileStore, name: string): Promise<unknown[]> {
  const entries: unknown[] = [];
  for (const entry of (await listed(store, name)).map((text) => text.split(":"))) {
    const path = name === "" ? entry[0]! : `${name}/${entry[0]}`;
    const content = entry[1] === "file" ? await readFile(store, path) : undefined;
    entries.push([path, content, await statToCompare(store, path)]);
    if (entry[1] === "directory") entries.push(...(await treeOf(store, path)));
  }
  return entries;
}

async function replay(fixture: FileFixture, history: readonly Operation[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const operation of history) answers.push(await carryOut(fixture, operation));
  return [...answers, await treeOf(fixture.store, "")];
}

describe("the file store in memory", () => {
  it("answers any history of calls as a disk does", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operations, { maxLength: 40 }), async (history) => {
        const disk = await diskFixture();
        try {
          expect(await replay(await memoryFixture(), history)).toEqual(await replay(disk, history));
        } finally {
          await disk.dispose();
        }
      }),
      { numRuns: 200 },
    );
  });
});

async function turn(count: number): Promise<void> {
  for (let done = 0; done < count; done++) await new Promise((resolve) => setImmediate(resolve));
}

describe("the file store on a disk", () => {
  it("S7 never leaves the data directory while an ancestor changes between directory and link", async () => {
    const outside = mkdtempSync(join(tmpdir(), "fsdfs-outside-"));
    const { root, store, dispose } = await diskFixture();
    try {
      await store.makeDirectory("real");
      symlinkSync(outside, join(root, "link"));
      let isFinished = false;
      const swapping = (async () => {
        // Stays for a changing count of turns, so that no rhythm of the event loop always meets the same state.
        for (let turns = 1; !isFinished; turns = (turns % 7) + 1) {
          renameSync(join(root, "real"), join(root, "d"));
          await turn(turns);
          renameSync(join(root, "d"), join(root, "real"));
          renameSync(join(root, "link"), join(root, "d"));
          await turn(8 - turns);
          renameSync(join(root, "d"), join(root, "link"));
        }
      })();
      let written = 0;
      const refusals: unknown[] = [];
      // Both must have been met often; the bound is some hundred times what that takes.
      for (let index = 0; (written < 50 || refusals.length < 50) && index < 100_000; index++) {
        await writeFile(store, `d/${index}`, "1").then(
          () => written++,
          (error: unknown) => refusals.push(error instanceof FileStoreError ? error.code : error),
        );
      }
      isFinished = true;
      await swapping;
      expect(readdirSync(outside)).toEqual([]);
      expect(await listed(store, "real")).toHaveLength(written);
      expect(written).toBeGreaterThanOrEqual(50);
      expect(refusals.length).toBeGreaterThanOrEqual(50);
      expect(refusals.filter((code) => code !== "symlink" && code !== "missing")).toEqual([]);
    } finally {
      await dispose();
      rmSync(outside, { recursive: true });
    }
  });

  it("goes on in its directory when that gets another name, and does not take another for it", async () => {
    const { root, store, dispose } = await diskFixture();
    try {
      await store.makeDirectory("d");
      renameSync(root, `${root}-moved`);
      await writeFile(store, "d/a", "1");
      expect(readdirSync(join(`${root}-moved`, "d"))).toEqual(["a"]);
      renameSync(`${root}-moved`, root);
    } finally {
      await dispose();
    }
  });

  it("lists what has no UTF-8 name as something that is no file", async () => {
    const { root, store, dispose } = await diskFixture();
    try {
      writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff])]), "1");
      expect(await listed(store, "")).toEqual(["f\ufffd:other"]);
    } finally {
      await dispose();
    }
  });

  it("refuses a data directory that is missing or a file", async () => {
    const { root, dispose } = await diskFixture();
    try {
      writeFileSync(join(root, "file"), "");
      await expect(openDiskFileStore(join(root, "nothing"))).rejects.toMatchObject({ code: "missing" });
      await expect(openDiskFileStore(join(root, "file"))).rejects.toMatchObject({ code: "not-a-directory" });
    } finally {
      await dispose();
    }
  });

  it("leaves no descriptors open but those of some directories that it worked in last", async () => {
    const { store, dispose } = await diskFixture();
    const workIn = async (directory: string) => {
      await store.makeDirectory(directory);
      for (const name of [`${directory}/a`, directory, `${directory}/nothing/a`, "nothing/a"]) {
        await writeFile(store, name, "1").catch(() => {});
        await readFile(store, name).catch(() => {});
        await store.list(name).catch(() => {});
        await store.syncDirectory(name).catch(() => {});
        await store.rename(name, `${name}-renamed`).catch(() => {});
      }
    };
    const open = () => readdirSync("/proc/self/fd").length;
    try {
      const before = open();
      for (let i = 0; i < 40; i++) await workIn(`d${i}`);
      const after = open();
      expect(after - before).toBeLessThanOrEqual(32);
      for (let i = 40; i < 80; i++) await workIn(`d${i}`);
      expect(open()).toBe(after);
    } finally {
      await dispose();
    }
  });
});
