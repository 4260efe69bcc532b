import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ServerId } from "../../core/ids.ts";
import type { ClockOfServer, ClockStatus, ServerInfo } from "../../server/face.ts";
import { rememberDataDirectory } from "../../starting/data-directories.ts";
import { type Check, ok, runChecks, type Subject } from "./check.ts";
import { DISK_CHECKS, judgeFsync, judgePassword, judgeSpace } from "./disk.ts";
import { describeFindings } from "./examine.ts";
import { judgeKind, type Kind } from "./file-systems.ts";
import { judgeNode, judgeOpenFiles } from "./machine.ts";
import { judgeClocks, judgeServer, judgeVersions, type Reached } from "./swarm.ts";

describe("the machine", () => {
  test.each([
    ["20.20.1", "fail"],
    ["24.0.0", "ok"],
    ["25.1.0", "ok"],
  ])("Node.js %s: %s", (version, level) => {
    expect(judgeNode(version).level).toBe(level);
  });

  test.each([
    [256, "fail"],
    [4096, "warn"],
    [65_536, "ok"],
    [Number.POSITIVE_INFINITY, "ok"],
  ])("%d open files: %s", (limit, level) => {
    expect(judgeOpenFiles(limit).level).toBe(level);
  });
});

describe("the disk", () => {
  test.each([
    [50e6, undefined, "fail"],
    [1e9, 2e9, "warn"],
    [3e9, 2e9, "ok"],
    [3e9, undefined, "ok"],
  ])("%d bytes of room, %d promised by the quota: %s", (roomBytes, promisedBytes, level) => {
    expect(judgeSpace({ roomBytes, sizeBytes: 1e12, promisedBytes }).level).toBe(level);
  });

  test.each([
    [0.4, "ok"],
    [80, "warn"],
    [3000, "fail"],
  ])("an fsync of %d ms: %s", (ms, level) => {
    expect(judgeFsync(ms).level).toBe(level);
  });

  test.each<[Kind["nature"], Kind["nature"], readonly string[]]>([
    ["local", "local", ["ok"]],
    ["far", "far", ["fail", "warn"]],
    ["far", "local", ["warn"]],
    ["passing", "passing", ["warn"]],
    ["poor", "local", ["warn"]],
  ])("files on a %s file system and the catalog on a %s one: %s", (data, state, levels) => {
    const kind = (nature: Kind["nature"]) => ({ name: "some", nature });
    const found = judgeKind({ data: "/d", state: "/s", dataKind: kind(data), stateKind: kind(state) });
    expect(found.map(({ level }) => level)).toEqual(levels);
  });

  test("a password of a person's choosing is weak", () => {
    expect(judgePassword("music").level).toBe("warn");
    expect(judgePassword("k7wq2mzx9tbn4hvr3jcp6fyds8").level).toBe("ok");
  });
});

describe("a data directory", () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "fsdfs-doctor-"));
  });

  afterEach(() => rm(root, { recursive: true }));

  const findings = async (data: string) => {
    const environment = { XDG_STATE_HOME: join(root, "xdg") };
    const found = await runChecks(DISK_CHECKS, subjectOn({ data, state: data, environment }));
    const told = (name: string) => found.filter(({ check }) => check === name);
    return { all: found, told };
  };

  test("that is still to be made, or unused, is in order", async () => {
    expect((await findings(join(root, "a/b"))).all.filter(({ level }) => level === "fail")).toEqual([]);
    await mkdir(join(root, "a"));
    const { told } = await findings(join(root, "a"));
    expect(told("data directory")).toMatchObject([{ level: "ok", message: expect.stringContaining("unused") }]);
    expect(told("fsync")).toHaveLength(1);
  });

  test("that is a file, or below one, is refused", async () => {
    await writeFile(join(root, "file"), "");
    expect((await findings(join(root, "file"))).told("data directory")).toMatchObject([
      { level: "fail", message: expect.stringContaining("is no directory") },
    ]);
    expect((await findings(join(root, "file/below"))).told("data directory")[0]?.level).toBe("fail");
  });

  test("that has lost its identity is most likely not mounted (S9)", async () => {
    const data = join(root, "a");
    await mkdir(data);
    await rememberDataDirectory({ XDG_STATE_HOME: join(root, "xdg") }, data);
    expect((await findings(data)).told("data directory")).toMatchObject([
      { level: "fail", hint: expect.stringContaining("Is its disk mounted?") },
    ]);
  });

  test("with links in it, and a password that others can read, is told of", async () => {
    const data = join(root, "a");
    await mkdir(join(data, ".fsdfs"), { recursive: true });
    await mkdir(join(data, "music"));
    await symlink("/", join(data, "music/elsewhere"));
    await writeFile(join(data, ".fsdfs/password"), "k7wq2mzx9tbn4hvr3jcp6fyds8\n");
    await chmod(join(data, ".fsdfs/password"), 0o644);
    const { told } = await findings(data);
    expect(told("data directory").map(({ level }) => level)).toEqual(["ok", "warn"]);
    expect(told("password").map(({ level }) => level)).toEqual(["ok", "warn"]);
    expect(told("password")[1]?.hint).toContain("chmod 600");
  });
});

describe("another server", () => {
  const other = (changed: Partial<ServerInfo>) =>
    ({
      id: "0123456789ab" as ServerId,
      name: "b",
      url: "http://10.0.0.7:4242",
      problem: null,
      ...changed,
    }) as ServerInfo;
  const healthy = { status: "ok", server: "0123456789ab", name: "b", swarmPort: 4243 };
  const reached: Reached = { health: healthy, http: "open", swarm: "open", swarmPort: 4243 };
  const unreached: Reached = { health: undefined, http: "silent", swarm: "silent", swarmPort: 4243 };

  test.each<[Partial<ServerInfo>, Partial<Reached>, string, RegExp]>([
    [{ state: "up" }, reached, "ok", /is up, and reached/],
    [{ state: "up" }, unreached, "warn", /does not answer clients/],
    [
      { state: "up" },
      { ...reached, health: { ...healthy, server: "ffff", name: "x" } },
      "warn",
      /another server answers, x/,
    ],
    [{ state: "down" }, { ...unreached, http: "refused", swarm: "refused" }, "fail", /nothing listens there/],
    [{ state: "absent" }, unreached, "fail", /is absent: nothing comes back from 10\.0\.0\.7, ports 4242 and 4243/],
    [{ state: "down" }, { ...reached, swarm: "silent" }, "fail", /its port 4243 for servers is not reached/],
    [
      { state: "down", problem: "it has another password" },
      reached,
      "fail",
      /The server says: it has another password/,
    ],
    [{ state: "down" }, { ...reached, health: { ...healthy, server: "ffff" } }, "fail", /another server/],
  ])("%j that is reached as %j: %s", (changed, seen, level, message) => {
    const found = judgeServer(other(changed), { ...reached, ...seen });
    expect(found.level).toBe(level);
    expect(found.message).toMatch(message);
    if (level !== "ok") expect(found.hint).toBeTruthy();
  });

  test("of another version, or with another clock, is told of", () => {
    expect(judgeVersions([other({ softwareVersion: "1" }), other({ softwareVersion: "1" })]).level).toBe("ok");
    expect(judgeVersions([other({ softwareVersion: "1" }), other({ softwareVersion: "2" })]).level).toBe("warn");
    const clocks = (skewMs: number, refused = false, aheadMs = 0) =>
      judgeClocks({
        aheadMs,
        advice: "Repair it.",
        servers: [{ self: true }, { name: "b", self: false, skewMs, refused }] as ClockOfServer[],
      } as unknown as ClockStatus).map(({ level }) => level);
    expect(clocks(20)).toEqual(["ok"]);
    expect(clocks(9000)).toEqual(["warn"]);
    expect(clocks(90_000, true)).toEqual(["fail"]);
    expect(clocks(0, false, 100_000)).toEqual(["warn"]);
  });
});

describe("the checks", () => {
  test("that never end or fall are findings themselves", async () => {
    const never: Check = { name: "never", run: () => new Promise(() => undefined) };
    const falls: Check = { name: "falls", run: () => Promise.reject(new Error("oops")) };
    const fine: Check = { name: "fine", run: async () => [ok("yes")] };
    const found = await runChecks([never, falls, fine], subjectOn({}), 20);
    expect(found.map(({ check, level }) => [check, level])).toEqual([
      ["never", "fail"],
      ["falls", "fail"],
      ["fine", "ok"],
    ]);
    expect(found[1]?.message).toContain("oops");
    expect(describeFindings(found, false)).toMatch(
      /^fail {2}never {2}This did not end.*\n {13}-> .*\n[\s\S]*1 ok, 0 to look at, 2 failed\n$/,
    );
  });
});

function subjectOn(changed: Partial<Subject>): Subject {
  return {
    data: "/d",
    state: "/d",
    port: 4242,
    swarmPort: 4243,
    listen: undefined,
    quotaBytes: undefined,
    discovery: false,
    environment: {},
    inUse: false,
    server: undefined,
    client: undefined,
    roster: undefined,
    ...changed,
  };
}
