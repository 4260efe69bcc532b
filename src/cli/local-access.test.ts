import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkDataDirectory, rememberDataDirectory } from "../starting/data-directories.ts";
import { findLocalServers, readLocalAccess, removeLocalAccess, writeLocalAccess } from "./local-access.ts";

const HERE = process.cwd();
let root: string;
const environment = () => ({ XDG_STATE_HOME: join(root, "state") });
const access = (pid = process.pid) => ({ url: "http://127.0.0.1:4242", requestKey: new Uint8Array(32).fill(7), pid });

async function dataDirectory(name: string): Promise<string> {
  await mkdir(join(root, name, ".fsdfs"), { recursive: true });
  await writeFile(join(root, name, ".fsdfs/identity"), "x");
  return join(root, name);
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fsdfs-access-"));
  // Who has started a server in the checkout has a ./fsdfs-data there, which is the first that is looked at.
  process.chdir(root);
});

afterEach(async () => {
  process.chdir(HERE);
  await rm(root, { recursive: true });
});

describe("the way to the server of this machine", () => {
  test("is read as it was written, by its owner only, until it is removed", async () => {
    const data = await dataDirectory("a");
    await writeLocalAccess(data, access());
    expect(await readLocalAccess(data)).toEqual(access());
    expect((await stat(join(data, ".fsdfs/local.json"))).mode & 0o777).toBe(0o600);
    await removeLocalAccess(data);
    expect(await readLocalAccess(data)).toBeUndefined();
  });

  test("is not taken from a server that has gone, nor from a file that is broken", async () => {
    const data = await dataDirectory("a");
    // Beyond any system's highest process id.
    await writeLocalAccess(data, access(2 ** 30));
    expect(await readLocalAccess(data)).toBeUndefined();
    // The number of a process that runs, which was not it.
    await writeLocalAccess(data, { ...access(), mark: "11111111-2222-3333-4444-555555555555:1" });
    expect(await readLocalAccess(data)).toBeUndefined();
    await writeFile(join(data, ".fsdfs/local.json"), '{"url": ');
    expect(await readLocalAccess(data)).toBeUndefined();
  });

  test("is found on every data directory that was ever used, and only there when one is named", async () => {
    const [a, b] = [await dataDirectory("a"), await dataDirectory("b")];
    await writeLocalAccess(b, access());
    await rememberDataDirectory(environment(), a);
    await rememberDataDirectory(environment(), b);
    expect(await findLocalServers(environment(), undefined)).toEqual([{ ...access(), data: b }]);
    expect(await findLocalServers(environment(), a)).toEqual([]);
    expect(await findLocalServers(environment(), b)).toEqual([{ ...access(), data: b }]);
  });

  test("is not taken from where another user has put it, unless that directory is named", async () => {
    const planted = await dataDirectory("fsdfs-data");
    await writeLocalAccess(planted, access());
    const user = process.getuid?.() ?? 0;
    expect(await findLocalServers(environment(), undefined, user)).toMatchObject([access()]);
    expect(await findLocalServers(environment(), undefined, user + 1)).toEqual([]);
    expect(await findLocalServers(environment(), planted, user + 1)).toMatchObject([access()]);
  });
});

describe("data directories once used (S9)", () => {
  test("are refused without their identity, and nothing else is", async () => {
    const data = await dataDirectory("a");
    await checkDataDirectory(environment(), join(root, "never-used"));
    await checkDataDirectory(environment(), data);
    await rememberDataDirectory(environment(), data);
    await checkDataDirectory(environment(), data);
    await rm(join(data, ".fsdfs/identity"));
    await expect(checkDataDirectory(environment(), data)).rejects.toMatchObject({ code: "data-lost-identity" });
    await rm(data, { recursive: true });
    await expect(checkDataDirectory(environment(), data)).rejects.toMatchObject({ code: "data-lost-identity" });
  });

  test("are all remembered when many are told at once", async () => {
    const directories = await Promise.all(Array.from({ length: 20 }, (_, at) => dataDirectory(`d${at}`)));
    await Promise.all(directories.map((each) => rememberDataDirectory(environment(), each)));
    for (const each of directories) {
      await rm(join(each, ".fsdfs/identity"));
      await expect(checkDataDirectory(environment(), each)).rejects.toMatchObject({ code: "data-lost-identity" });
    }
  });

  test("keep no secret", async () => {
    const data = await dataDirectory("a");
    await rememberDataDirectory(environment(), data);
    const directory = join(root, "state/fsdfs/data-directories");
    const { readdir } = await import("node:fs/promises");
    const [name = ""] = await readdir(directory);
    expect(JSON.parse(await readFile(join(directory, name), "utf8"))).toEqual({ path: data });
  });
});
