/**
 * Waiting until the swarm has come to rest, and what it looks like then: every server's answers, and every disk.
 */

import { readCopy } from "../../src/core/catalog/copies.ts";
import { contentStamp } from "../../src/core/catalog/entries.ts";
import { tableRange, versionOfKey } from "../../src/core/catalog/keys.ts";
import { readVersionRow } from "../../src/core/catalog/transaction.ts";
import type { Variables } from "../../src/core/catalog/variables.ts";
import type { VersionId } from "../../src/core/ids.ts";
import { ancestorsOf, type FilePath, parentOf } from "../../src/core/paths.ts";
import { RECONCILE_KEY } from "../../src/server/catalog/catalog.ts";
import type { Listing, Location, ServerInfo, SwarmStatus, TrashedFile } from "../../src/server/face.ts";
import { isMoving, movesFrom } from "../../src/server/storage/moves.ts";
import { sha256Of } from "./content.ts";
import type { History, Operation, Seen } from "./history.ts";
import type { Losses } from "./losses.ts";
import type { Machine } from "./machine.ts";
import { mayBeBroughtBack } from "./oracles/brought-back.ts";
import { equalCatalogs } from "./oracles/equal.ts";
import { exactQuota } from "./oracles/quota.ts";
import type { Swarm } from "./swarm.ts";
import { allTrash, listAll, readFile } from "./workload.ts";

/** One server's answers. */
export interface ServerView {
  readonly machine: Machine;
  readonly entries: ReadonlyMap<
    string,
    {
      readonly type: string;
      readonly version: string | null;
      readonly copies: number | null;
      readonly variables?: Variables;
    }
  >;
  readonly locations: ReadonlyMap<string, Location>;
  readonly contents: ReadonlyMap<string, Seen>;
  readonly status: SwarmStatus;
  readonly servers: readonly ServerInfo[];
  readonly trash: readonly TrashedFile[];
}

export interface DiskView {
  readonly machine: Machine;
  /** The server that it is now: one whose disks were replaced before was another, of the same name. */
  readonly server: string;
  /** Digests of the files outside of fsdfs's own directory, by path; of copies that lie aside (S7), by version. */
  readonly files: ReadonlyMap<string, string>;
  /** Their sizes in bytes, by the same. */
  readonly sizes: ReadonlyMap<string, number>;
  /** What the quota counts in fsdfs's own directory: sizes in bytes by name. */
  readonly own: ReadonlyMap<string, number>;
}

export interface RestView {
  readonly servers: readonly ServerView[];
  readonly disks: readonly DiskView[];
}

const POLL_INTERVAL_MS = 1_000;
const ASK_TIMEOUT_MS = 20_000;
/** At a server whose figures are not those of its disk; at a swarm that changes. */
const LOOKS_MAX = 5;
/** Each page is asked of all servers: one is enough as a rule. */
const TRASH_PAGE = 200;
const STATE = ".fsdfs/";
/** Parts of fsdfs's own directory that the quota counts (S3). */
const COUNTED = [".fsdfs/staged/", ".fsdfs/trash/"];
const ASIDE = ".fsdfs/side/";

/**
 * Polls until all of `machines` agree, nothing is being pulled and the disks stay as they are. Answers why not, when it
 * takes longer than `limitMs`.
 */
export async function comeToRest(
  swarm: Swarm,
  machines: readonly Machine[],
  limitMs: number,
  copiesWanted = 0,
  pollMs = POLL_INTERVAL_MS,
): Promise<string | undefined> {
  const endMs = swarm.world.nowMs + limitMs;
  let before: string | undefined;
  let reason = "nothing was asked yet";
  while (swarm.world.nowMs < endMs) {
    await swarm.world.sleep(pollMs);
    const now = await summary(swarm, machines, copiesWanted, limitMs).catch((error: unknown) => ({
      reason: `asking: ${String(error)}`,
    }));
    if ("reason" in now) {
      reason = now.reason;
      before = undefined;
    } else {
      if (now.text === before) return undefined;
      reason = "it keeps changing";
      before = now.text;
    }
  }
  return reason;
}

/** What rest means, as one text that must not change; or the reason why there is no rest. */
async function summary(
  swarm: Swarm,
  machines: readonly Machine[],
  copiesWanted: number,
  limitMs: number,
): Promise<{ text: string } | { reason: string }> {
  const texts = new Set<string>();
  for (const machine of machines) {
    const health = await machine.ask(async (face) => face.health(), ASK_TIMEOUT_MS);
    if (health.status !== "ok") return { reason: `${machine.name} is ${health.status}` };
    // What it holds is stated anew then, file by file (C6, C7). Alone, it waits for others with that.
    const isLooking = machines.length > 1 && machine.catalog.read().get(RECONCILE_KEY) !== undefined;
    if (isLooking) return { reason: `${machine.name} looks through its disk` };
    // A copy on its way to its path or to the trash counts already, and lies elsewhere or nowhere yet (S3).
    const servers = await machine.ask((face) => face.servers(), ASK_TIMEOUT_MS);
    const unsettled = unsettledCopies(machine, servers);
    if (unsettled > 0) return { reason: `${machine.name} has ${unsettled} copies to settle` };
    const pulling = servers.find((server) => server.state === "up" && server.pulls > 0);
    if (pulling) return { reason: `${pulling.name} has ${pulling.pulls} pulls, ${machine.name} says` };
    const names = new Set(servers.filter((server) => server.state === "up").map((server) => server.name));
    const missing = machines.find((other) => !names.has(other.name));
    if (missing) return { reason: `${machine.name} does not count ${missing.name} as up` };
    // K still changes when it counts as absent.
    const leaving = servers.find((server) => server.state === "down" && swarm.config.graceMs < limitMs);
    if (leaving) return { reason: `${leaving.name} is down and not yet absent, ${machine.name} says` };
    const entries = await machine.ask((face) => listAll(face, "", true), ASK_TIMEOUT_MS);
    const few = [...entries].find(([, { type, copies }]) => type === "file" && (copies ?? 0) < copiesWanted);
    if (few)
      return { reason: `${few[0]} has ${few[1].copies} copies, ${copiesWanted} are possible, ${machine.name} says` };
    texts.add([...entries].map(([path, entry]) => lineOf(path, entry)).join("\n"));
  }
  if (texts.size > 1) return { reason: `the listings differ:\n${[...texts].join("\n--\n")}` };
  return { text: [...texts][0] ?? "" };
}

/**
 * Copies with work left. Not those that a server moved away which has gone with its disk before anybody heard where to: their
 * bytes wait for it for ever (C2).
 */
function unsettledCopies(machine: Machine, servers: readonly ServerInfo[]): number {
  const view = machine.catalog.read();
  const up = new Set<string>(servers.filter(({ state }) => state === "up").map(({ id }) => id));
  const versions = Array.from(view.range(tableRange("todo")), ({ key }) => versionOfKey(key));
  return versions.filter((version) => {
    const path = readCopy(view, version)?.path;
    if (path === undefined || readVersionRow(view, version).paths.length > 0 || !isMoving(view, path)) return true;
    const movers = [path, ...movesFrom(view, path)].map((place) => contentStamp(view, place)?.server);
    return movers.every((mover) => mover === undefined || up.has(mover));
  }).length;
}

function lineOf(path: string, { version, copies, variables }: Listing["entries"][number]): string {
  return `${path} ${version} ${copies}${variables === undefined ? "" : ` ${JSON.stringify(variables)}`}`;
}

/** A copy that an operator touched is noticed by who reads it, and mended then (S8): so everything is read once. */
export async function readEverything(swarm: Swarm, machines: readonly Machine[]): Promise<void> {
  for (const machine of machines) {
    const entries = await machine.ask((face) => listAll(face, "", true), ASK_TIMEOUT_MS).catch(() => new Map());
    for (const [path, entry] of entries) {
      if (entry.type === "file")
        await machine.ask((face) => readFile(face, path, swarm), ASK_TIMEOUT_MS).catch(() => undefined);
    }
  }
}

/**
 * Looks again when a disk has changed meanwhile, a copy is on its way to its path, or servers tell different things, which they do
 * while a change spreads: what one sees then is of two moments.
 */
export async function lookAround(
  swarm: Swarm,
  history: History,
  losses: Losses,
  machines: readonly Machine[],
): Promise<RestView> {
  for (let looks = 1; ; looks++) {
    const before = placesOf(machines);
    const view = await lookOnce(swarm, history, losses, machines);
    // A copy that was too young to go where a policy does not want it goes a while after all seemed to be done (R5, R6).
    const isSettled = view.servers.every(({ machine, servers }) => unsettledCopies(machine, servers) === 0);
    const isOfOneMoment = isSettled && placesOf(machines) === before && equalCatalogs(view).length === 0;
    if (isOfOneMoment || looks === LOOKS_MAX) return view;
    await swarm.world.sleep(POLL_INTERVAL_MS);
  }
}

/** Where files lie on the disks, as one text. */
function placesOf(machines: readonly Machine[]): string {
  return machines.map(({ files }) => Array.from(files.tree(), ({ name }) => name).join("\n")).join("\n\n");
}

async function lookOnce(
  swarm: Swarm,
  history: History,
  losses: Losses,
  machines: readonly Machine[],
): Promise<RestView> {
  const servers: ServerView[] = [];
  const disks: DiskView[] = [];
  for (const machine of machines) {
    const { server, disk } = await viewOf(swarm, history, losses, machine);
    servers.push(server);
    disks.push(disk);
  }
  return { servers, disks };
}

/**
 * Whether one copy at least is promised, and not W of them (P3): of what an attempt stored before the one that was acknowledged, and
 * another client may have moved on; of what was deleted, and came back by a restore that nobody was told of.
 */
function isPromisedToOne(history: History, put: Operation, path: string, version: VersionId | null): boolean {
  const isOfAnotherAttempt = put.doubtful && put.version !== version;
  const isBackUntold = history.operations.some(
    (other) =>
      other.kind === "restore" && other.path === path && other.outcome === "unknown" && other.startMs > put.startMs,
  );
  return isOfAnotherAttempt || isBackUntold;
}

/** Each directory shows what all that is there has in it, and what nobody made is not shown without (C12). */
async function checkDirectories(swarm: Swarm, machine: Machine, paths: readonly FilePath[]): Promise<void> {
  const all = [...new Set(paths.flatMap((path) => [...ancestorsOf(path), path]))];
  for (const directory of new Set(["" as const, ...paths.flatMap(ancestorsOf)])) {
    const shown = await machine.ask((face) => listAll(face, directory), ASK_TIMEOUT_MS);
    const [seen, there] = [[...shown.keys()].sort(), all.filter((path) => parentOf(path) === directory).sort()];
    if (seen.join() !== there.join()) {
      swarm.world.fail(
        "C12",
        `"${directory}" on ${machine.name} shows [${seen.join()}], and there are [${there.join()}]`,
      );
    }
  }
}

async function viewOf(
  swarm: Swarm,
  history: History,
  losses: Losses,
  machine: Machine,
): Promise<{ server: ServerView; disk: DiskView }> {
  const entries = await machine.ask((face) => listAll(face, "", true), ASK_TIMEOUT_MS);
  await checkDirectories(swarm, machine, [...entries.keys()] as FilePath[]);
  const files = [...entries].filter(([, entry]) => entry.type === "file").map(([path]) => path);
  const asked = [...new Set([...files, ...history.paths])];
  const located = await machine.ask((face) => face.locate(asked), ASK_TIMEOUT_MS);
  const contents = new Map<string, Seen>();
  for (const path of files) {
    const { version, sha256 } = entries.get(path)!;
    const put = history.putOf(sha256 ?? "");
    const excused =
      put !== undefined &&
      (losses.excuses(put, isPromisedToOne(history, put, path, version) ? 1 : swarm.config.writeCopies) ||
        mayBeBroughtBack(history, losses.rollBacks, put, path));
    const seen = await machine
      .ask((face) => readFile(face, path, swarm), ASK_TIMEOUT_MS)
      .catch((error: unknown) => {
        if (!excused) swarm.world.fail("P3", `${machine.name} cannot read ${path} at rest: ${String(error)}`);
      });
    if (seen) contents.set(path, seen);
  }
  const trash = await machine.ask((face) => allTrash(face, "", TRASH_PAGE), ASK_TIMEOUT_MS);
  const status = await machine.ask((face) => face.status(), ASK_TIMEOUT_MS);
  const locations = new Map(located.flatMap((location) => (location ? [[location.path, location]] : [])));
  // What it says of its disk and what the disk holds are looked at in the same moment.
  const look = () =>
    machine.ask(async (face) => {
      const servers = await face.servers();
      const disk = diskOf(machine, servers.find(({ self }) => self)?.id ?? "");
      return { server: { machine, entries, locations, contents, status, servers, trash }, disk };
    }, ASK_TIMEOUT_MS);
  for (let looks = 1; ; looks++) {
    const seen = await look();
    // A file that a slow disk has thrown away, and has not said so yet, still counts: what is left of an upload, when the
    // connection ends by which a server sent it that has lost power.
    const isExact = exactQuota({ servers: [seen.server], disks: [seen.disk] }).length === 0;
    if (isExact || looks === LOOKS_MAX) return seen;
    await swarm.world.sleep(POLL_INTERVAL_MS);
  }
}

function diskOf(machine: Machine, server: string): DiskView {
  const files = new Map<string, string>();
  const sizes = new Map<string, number>();
  const own = new Map<string, number>();
  for (const { name, type, stat, content } of machine.files.tree()) {
    if (type !== "file") continue;
    if (COUNTED.some((directory) => name.startsWith(directory))) own.set(name, stat.sizeBytes);
    if (name.startsWith(STATE) && !name.startsWith(ASIDE)) continue;
    const place = name.startsWith(ASIDE) ? name.slice(ASIDE.length) : name;
    files.set(place, sha256Of(content));
    sizes.set(place, stat.sizeBytes);
  }
  return { machine, server, files, sizes, own };
}
