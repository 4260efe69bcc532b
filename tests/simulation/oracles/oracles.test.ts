/** Each oracle is shown a history or a swarm that is wrong, and one like it that is right. */
import { beforeEach, describe, expect, it } from "vitest";
import type { VersionId } from "../../../src/core/ids.ts";
import type { HolderInfo, Location } from "../../../src/server/face.ts";
import { History, type Operation, type OperationKind, type Outcome, type Seen, type VariableSet } from "../history.ts";
import { Losses } from "../losses.ts";
import type { Machine } from "../machine.ts";
import type { RestView, ServerView } from "../rest.ts";
import type { Swarm } from "../swarm.ts";
import { EPOCH_MS, World } from "../world.ts";
import { acknowledgedCopies } from "./acknowledged.ts";
import { mayBeBroughtBack } from "./brought-back.ts";
import { copies } from "./copies.ts";
import { equalCatalogs } from "./equal.ts";
import { namesGivenOnce } from "./names.ts";
import { exactQuota } from "./quota.ts";
import { readAfterWrite, rightContents } from "./reads.ts";
import { restorable } from "./restorable.ts";
import { lastWriters } from "./variables.ts";
import { winners } from "./winners.ts";

const CALM = [{ fromMs: 0, toMs: 1_000_000 }];

describe("the oracles", () => {
  let nowMs: number;
  let history: History;

  beforeEach(() => {
    nowMs = 0;
    const world = new World(1);
    Object.defineProperty(world, "nowMs", { get: () => nowMs });
    const clock = () => EPOCH_MS + nowMs;
    const swarm = { world, wallMinMs: clock, wallMaxMs: clock, wallSetMinMs: () => Number.POSITIVE_INFINITY };
    history = new History(swarm as unknown as Swarm);
  });

  /** An operation that takes a second, a minute after the one before. */
  function did(
    kind: OperationKind,
    path: string,
    outcome: Exclude<Outcome, "pending">,
    more: { to?: string; sha256?: string; variable?: VariableSet } = {},
  ): Operation {
    nowMs += 60_000;
    const operation = history.begin("c", kind, path, more);
    if (kind === "put" && outcome === "acknowledged") {
      operation.version = version(nowMs);
      operation.copies = 2;
    }
    nowMs += 1_000;
    history.end(operation, outcome);
    return operation;
  }

  const put = (path: string, sha256: string, outcome: Exclude<Outcome, "pending"> = "acknowledged") =>
    did("put", path, outcome, { sha256 });
  const got = (path: string, seen: Seen) => did("get", path, "acknowledged").seen.set(path, seen);
  const judged = (locations: Location[]) => winners(history, viewOf(serverOf("s1", locations)), new Losses(history), 2);

  describe("last writers of variables (V1)", () => {
    const set = (value: number | null, outcome: Exclude<Outcome, "pending"> = "acknowledged") =>
      did("set", "a", outcome, { variable: { name: "x", value } });
    const judgedWith = (variables?: Record<string, number>) => {
      const server = serverOf("s1", [location("a", "one", ["s1"])]);
      const entry = { ...server.entries.get("a")!, ...(variables && { variables }) };
      return lastWriters(history, viewOf({ ...server, entries: new Map([["a", entry]]) }), new Losses(history), 2);
    };

    it("are those who were acknowledged last, or may have been", () => {
      set(1);
      set(2);
      set(3, "unknown");
      expect(judgedWith({ x: 2 })).toEqual([]);
      expect(judgedWith({ x: 3 })).toEqual([]);
      expect(judgedWith({ x: 1 })).toHaveLength(1);
      expect(judgedWith({ x: 4 })).toHaveLength(1);
      expect(judgedWith()).toHaveLength(1);
      set(null);
      expect(judgedWith()).toEqual([]);
      expect(judgedWith({ x: 2 })).toHaveLength(1);
    });
  });

  describe("names given once (P4)", () => {
    it("miss a version that two contents have, and not a retry that has its own again", () => {
      const first = put("a", "one");
      put("a", "two");
      expect(namesGivenOnce(history)).toEqual([]);
      put("a", "one").version = first.version!;
      expect(namesGivenOnce(history)).toEqual([]);
      put("b", "three").version = first.version!;
      expect(namesGivenOnce(history)).toHaveLength(1);
    });
  });

  describe("what can be restored (P5)", () => {
    it("misses a put that is at no path and in no trash", () => {
      const [lost, kept] = [put("a", "one"), put("a", "two")];
      const server = serverOf("s1", [{ ...location("a", "two"), version: kept.version! }]);
      const trashed = { version: lost.version! } as ServerView["trash"][number];
      expect(restorable(history, viewOf({ ...server, trash: [trashed] }))).toEqual([]);
      expect(restorable(history, viewOf(server))).toHaveLength(1);
      const current = { ...location("a", "two"), version: kept.version! };
      const passedOn = serverOf("s1", [current, location("b", "one")]);
      expect(restorable(history, viewOf(passedOn))).toEqual([]);
    });
  });

  describe("winners (P3)", () => {
    it("let the other attempt of a put win while it lasts, and not after it", () => {
      const slow = put("a", "slow");
      const within = put("a", "within");
      Object.assign(slow, { clockHighMs: within.clockHighMs });
      expect(judged([location("a", "slow")])).toHaveLength(1);
      slow.doubtful = true;
      expect(judged([location("a", "slow")])).toEqual([]);
      put("a", "after");
      expect(judged([location("a", "slow")])).toHaveLength(1);
    });

    it("take what a restore was told to bring, and nothing else, for what it left", () => {
      put("a", "one");
      put("a", "two");
      const restore = did("restore", "b", "acknowledged");
      restore.restored = "one";
      const b = (sha256: string) => judged([location("a", "two"), location("b", sha256)]);
      expect(b("one")).toEqual([]);
      expect(b("two")).toHaveLength(1);
      expect(judged([location("a", "two")])).toHaveLength(1);
      restore.doubtful = true; // It was tried twice, and told of once.
      expect(b("two")).toEqual([]);
      expect(judged([location("a", "two")])).toHaveLength(1);
    });

    it("miss an acknowledged put that is gone, and not one that was deleted", () => {
      put("a", "one");
      expect(judged([])).toHaveLength(1);
      did("remove", "a", "acknowledged");
      expect(judged([])).toEqual([]);
    });

    it("allow a put of unknown outcome to be there or not", () => {
      put("a", "one", "unknown");
      expect(judged([])).toEqual([]);
      expect(judged([location("a", "one")])).toEqual([]);
    });

    it("see an older version in the place of a newer, and what was deleted returned", () => {
      put("a", "one");
      put("a", "two");
      expect(judged([location("a", "one")])).toHaveLength(1);
      expect(judged([location("a", "two")])).toEqual([]);
      did("remove", "a", "acknowledged");
      expect(judged([location("a", "two")])).toHaveLength(1);
    });

    it("allow what may have been overtaken by an unknown deletion, and follow moves", () => {
      put("a", "one");
      did("move", "a", "acknowledged", { to: "b" });
      expect(judged([location("b", "one")])).toEqual([]);
      expect(judged([location("a", "one"), location("b", "one")])).toHaveLength(1);
      expect(judged([])).toHaveLength(1);
      did("remove", "b", "unknown");
      expect(judged([])).toEqual([]);
    });

    it("excuse what the simulator destroyed on as many disks as it was acknowledged on", () => {
      put("a", "one");
      const losses = new Losses(history);
      const view = viewOf(serverOf("s1", []));
      losses.copy("one");
      expect(winners(history, view, losses, 2)).toHaveLength(1);
      losses.copy("one");
      expect(winners(history, view, losses, 2)).toEqual([]);
    });

    it("see a content that nobody put there", () => {
      put("a", "one");
      expect(judged([location("a", "strange")])).toHaveLength(1);
    });
  });

  describe("what an old catalog brings back (S2)", () => {
    const isExcused = (of: Operation, path: string, ofMs: number, atMs: number) =>
      mayBeBroughtBack(history, [{ machine: machine("s1"), ofMs, atMs }], of, path);

    it("is what was overwritten or deleted after that catalog, and moved when it had been put back", () => {
      const one = put("a", "one");
      const ofMs = nowMs;
      did("move", "a", "acknowledged", { to: "b" });
      const two = put("b", "two");
      const atMs = nowMs;
      expect(isExcused(one, "b", ofMs, atMs)).toBe(false);
      did("move", "b", "acknowledged", { to: "c" });
      expect(isExcused(one, "c", ofMs, atMs)).toBe(true);
      expect(isExcused(two, "c", ofMs, atMs)).toBe(false);
      expect(isExcused(one, "c", atMs + 1, atMs + 1)).toBe(false);
      expect(isExcused(one, "c", ofMs, nowMs + 1)).toBe(false);
      did("move", "c", "unknown", { to: "music" });
      expect(isExcused(one, "music", ofMs, atMs)).toBe(true);
      expect(isExcused(one, "music/c", ofMs, atMs)).toBe(false);
    });

    it("is nothing that was put where something else had gone before", () => {
      did("move", "x", "acknowledged", { to: "a" });
      const ofMs = nowMs;
      did("remove", "a", "acknowledged");
      const atMs = nowMs;
      const one = put("a", "one");
      did("move", "a", "acknowledged", { to: "b" });
      expect(isExcused(one, "b", ofMs, atMs)).toBe(false);
    });
  });

  it("reads (P4): a content of another path is wrong, unless it was moved", () => {
    put("a", "one");
    got("b", file("one"));
    expect(rightContents(history)).toHaveLength(1);
    did("move", "a", "unknown", { to: "b" });
    expect(rightContents(history)).toEqual([]);
    got("a", file("never put"));
    expect(rightContents(history)).toHaveLength(1);
  });

  it("reads (P5): an acknowledged write is seen by the reads after it", () => {
    put("a", "one");
    put("a", "two");
    got("a", file("two"));
    expect(readAfterWrite(history, CALM)).toEqual([]);
    got("a", file("one"));
    got("a", { kind: "absent" });
    expect(readAfterWrite(history, CALM)).toHaveLength(2);
    expect(readAfterWrite(history, [])).toEqual([]);
  });

  it("reads (P5): what was deleted is not seen any more, in a list either", () => {
    put("music/a", "one");
    did("remove", "music/a", "acknowledged");
    const list = did("list", "music", "acknowledged");
    expect(readAfterWrite(history, CALM)).toEqual([]);
    list.seen.set("music/a", file("one"));
    expect(readAfterWrite(history, CALM)).toHaveLength(1);
  });

  it("acknowledged (P3): a put that nothing contested reached too few servers", () => {
    const first = put("a", "one");
    put("b", "two");
    expect(acknowledgedCopies(history, CALM, 2)).toEqual([]);
    expect(acknowledgedCopies(history, CALM, 3)).toHaveLength(2);
    expect(acknowledgedCopies(history, [], 3)).toEqual([]);
    const rival = put("a", "three");
    Object.assign(rival, { startMs: first.startMs, copies: 3 });
    expect(acknowledgedCopies(history, CALM, 3)).toHaveLength(1);
  });

  it("copies: too few, and K that is not what the disks hold", () => {
    const right = location("a", "one", ["s1", "s2"]);
    const disks = { s1: { a: "one" }, s2: { a: "one" } };
    expect(copies(viewOf(serverOf("s1", [right]), disks), new Losses(history), 2)).toEqual([]);
    expect(copies(viewOf(serverOf("s1", [right]), disks), new Losses(history), 3)).toHaveLength(1);
    expect(
      copies(viewOf(serverOf("s1", [right]), { ...disks, s2: { a: "rotten" } }), new Losses(history), 2),
    ).toHaveLength(1);
    expect(
      copies(viewOf(serverOf("s1", [right]), { ...disks, s3: { a: "one" } }), new Losses(history), 2),
    ).toHaveLength(1);
    expect(
      copies(viewOf(serverOf("s1", [{ ...right, copies: 3, surplus: 0 }]), disks), new Losses(history), 2),
    ).toHaveLength(1);
  });

  it("equal catalogs: one server that tells anything else is found", () => {
    const one = serverOf("s1", [location("a", "one", ["s1"])]);
    expect(equalCatalogs(viewOf(one, {}, serverOf("s2", [location("a", "one", ["s1"])])))).toEqual([]);
    expect(equalCatalogs(viewOf(one, {}, serverOf("s2", [location("a", "one", ["s2"])])))).toHaveLength(1);
    expect(equalCatalogs(viewOf(one, {}, serverOf("s2", [])))).toHaveLength(2);
  });

  it("quota (S3): a byte too much or too little is found", () => {
    const disks = { s1: { a: "one" } };
    const server = serverOf("s1", [location("a", "one", ["s1"])]);
    expect(exactQuota(viewOf({ ...server, servers: [self(3 + 100)] }, disks))).toEqual([]);
    expect(exactQuota(viewOf({ ...server, servers: [self(3 + 101)] }, disks))).toHaveLength(1);
  });

  it("quota (S3): of a version at two paths one copy counts, and not what a stranger has put at the other", () => {
    const server = serverOf("s1", [location("a", "one", ["s1"]), location("b", "one", ["s1"])]);
    const told = { ...server, servers: [self(3 + 100)] };
    expect(exactQuota(viewOf(told, { s1: { a: "one", b: "another's" } }))).toEqual([]);
    expect(exactQuota(viewOf(told, { s1: { a: "another's", b: "one" } }))).toEqual([]);
  });

  it("copies (C9): what a put that was tried again left on a disk is forgotten with its catalog", () => {
    const one = put("a", "one");
    const losses = new Losses(history);
    const uncounted = () =>
      copies(viewOf(serverOf("s1", [location("a", "one", ["s1"])]), { s1: { a: "one" }, s2: { a: "one" } }), losses, 1);
    losses.rolledBack(machine("s2"), nowMs - 1, nowMs);
    expect(uncounted()).toHaveLength(1);
    one.doubtful = true;
    expect(uncounted()).toEqual([]);
  });
});

function version(atMs: number): VersionId {
  return `${((EPOCH_MS + atMs) * 1_024).toString(16).padStart(14, "0")}-000000000001` as VersionId;
}

function file(sha256: string): Seen {
  return { kind: "file", version: version(0), sha256 };
}

function location(path: string, sha256: string, names: readonly string[] = ["s1"]): Location {
  const servers = names.map((name) => ({ id: name, name, state: "up" }) as unknown as HolderInfo);
  const copies = servers.length;
  return { path, sha256, version: version(0), size: 3, target: 3, copies, surplus: copies - 3, servers };
}

const machines = new Map<string, Machine>();

function machine(name: string): Machine {
  const known = machines.get(name) ?? ({ name } as Machine);
  machines.set(name, known);
  return known;
}

function self(used: number): ServerView["servers"][number] {
  return { self: true, quota: { total: 0, used, free: 0 } } as ServerView["servers"][number];
}

function serverOf(name: string, locations: readonly Location[]): ServerView {
  return {
    machine: machine(name),
    entries: new Map(locations.map(({ path, version, copies }) => [path, { type: "file", version, copies }])),
    locations: new Map(locations.map((found) => [found.path, found])),
    contents: new Map(),
    status: { files: locations.length, bytes: 0 } as ServerView["status"],
    servers: [],
    trash: [],
  };
}

/** Each file on a disk has the three bytes of its digest's name; fsdfs's own directory has 100. */
function viewOf(
  server: ServerView,
  disks: Record<string, Record<string, string>> = {},
  ...others: ServerView[]
): RestView {
  return {
    servers: [server, ...others],
    disks: Object.entries(disks).map(([name, files]) => ({
      machine: machine(name),
      server: name,
      files: new Map(Object.entries(files)),
      sizes: new Map(Object.keys(files).map((path) => [path, 3])),
      own: new Map([[".fsdfs/trash/x", 100]]),
    })),
  };
}
