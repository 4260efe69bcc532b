/** `fsdfs sync SRC DEST`: makes a directory of the swarm like one of this machine, or the other way around. */
import { lstat, mkdir, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Client } from "../../client/client.ts";
import { STATE_DIRECTORY_NAME } from "../../config.ts";
import { parseDirectoryPath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import { flagOption } from "../../options.ts";
import type { Location } from "../../server/face.ts";
import { Bulk, JOBS_OPTION } from "../bulk.ts";
import { LocalError, UsageError } from "../command.ts";
import { compareTrees, type Item, type Step } from "../compare-trees.ts";
import { clientCommand } from "../connection.ts";
import { Downloads } from "../downloading.ts";
import { JsonList } from "../json-list.ts";
import { dataDirectoryAround, hasContent, walk } from "../local-files.ts";
import { located } from "../located.ts";
import { count, formatSize, shown } from "../output.ts";
import { joinRemote, remoteKind, withDirectories } from "../remote.ts";
import { removeWholeTree } from "../removing.ts";
import { uploadFile } from "../uploading.ts";

const SWARM_PREFIX = "swarm:";

export const sync = clientCommand({
  name: "sync",
  summary: "Makes one directory like another: of this machine like one of the swarm, or the other way around.",
  usage: "SRC DEST",
  details:
    "One of the two is in the swarm and begins with 'swarm:'. What is in SRC comes to be in DEST; a trailing '/' makes no difference. Files are compared by size and SHA-256; times and modes are neither compared nor kept. What is only in DEST stays, unless --delete is given.\n\nExample: fsdfs sync docs swarm:/documents --delete --dry-run",
  options: {
    delete: flagOption({ flag: "delete", help: "Deletes what is in DEST and not in SRC, unless SRC is empty." }),
    dryRun: flagOption({ flag: "dry-run", short: "n", help: "Only says what would be done." }),
    sizeOnly: flagOption({
      flag: "size-only",
      help: "Takes files of the same size for the same, without reading them.",
    }),
    jobs: JOBS_OPTION,
  },
  positionals: [2, 2],
  run: async ({ client, values, positionals: [source = "", destination = ""], context }) => {
    const bulk = new Bulk(context.err, values.jobs);
    const direction = directionOf(client, bulk, source, destination);
    await direction.check();
    if (values.delete && (await isEmpty(direction.source())) && !(await isEmpty(direction.destination()))) {
      throw emptySource(source, destination);
    }
    const list = values.json ? new JsonList(context.out, "actions") : undefined;
    const totals = { files: 0, bytes: 0, deleted: 0, extra: 0 };
    const { dryRun } = values;
    const act = async (action: string, { name, type, size }: Item, work: () => Promise<void>) => {
      if (!dryRun) await work();
      list?.add(type === "file" ? { action, path: name, type, size } : { action, path: name, type });
      if (list === undefined && dryRun)
        context.out.write(`${action} ${shown(name)}${type === "directory" ? "/" : ""}\n`);
    };
    const remove = async (item: Item) => {
      await act("delete", item, () => direction.remove(item));
      totals.deleted++;
    };
    const carryOut = async (step: Step, location: Location | null) => {
      const { item } = step;
      switch (step.kind) {
        case "fail":
          throw step.error;
        case "leave-out":
          return bulk.leaveOut(
            `${item.name} is ${item.what ?? "neither a file nor a directory (links are not followed)"}`,
          );
        case "extra":
          totals.extra++;
          return;
        case "delete":
          return await remove(item);
        case "make":
          return await act("make", item, () => direction.make(item));
        case "copy": {
          if (step.existing && (await direction.same(item, step.existing, values.sizeOnly))) {
            return bulk.filePresent(item.size, item.name);
          }
          await act(direction.verb, item, () => direction.copy(item, location));
          totals.files++;
          totals.bytes += item.size;
        }
      }
    };
    const { stays } = direction;
    const comparing = { deleting: values.delete, stays, clear: remove };
    const steps = compareTrees(direction.source(), direction.destination(), comparing);
    const counting = bulk.count(() => sizesOf(direction.source()));
    await bulk.run(
      located(client, steps, (step) => (step.kind === "copy" && !dryRun ? direction.located(step.item) : undefined)),
      ({ item: step }) => step.item.name,
      ({ item: step, location }) => carryOut(step, location),
    );
    const code = bulk.finish();
    await counting;
    list?.end({ dryRun, extra: totals.extra, ...bulk.outcome() });
    if (list === undefined) {
      const done = dryRun
        ? `Would ${direction.verb} ${count(totals.files, "file")}, ${formatSize(totals.bytes)}`
        : bulk.summary(direction.verb === "put" ? "put" : "got");
      const deleted = totals.deleted === 0 ? "" : `; ${totals.deleted} ${dryRun ? "to be " : ""}deleted`;
      const extra = totals.extra === 0 ? "" : `; ${totals.extra} only in ${shown(destination)}`;
      context.out.write(`${done}${bulk.presentSummary()}${deleted}${extra}\n`);
    }
    return code;
  },
});

/** One of the two ways, as the steps need it. */
interface Direction {
  readonly verb: "put" | "get";
  /** @throws when SRC is no directory, or DEST is something else */
  check(): Promise<void>;
  source(): AsyncIterable<Item>;
  destination(): AsyncIterable<Item>;
  same(item: Item, existing: Item, sizeOnly: boolean): Promise<boolean>;
  /** The path of the swarm that is to be located before it is copied; undefined: none. */
  located(item: Item): string | undefined;
  copy(item: Item, location: Location | null): Promise<void>;
  make(item: Item): Promise<void>;
  remove(item: Item): Promise<void>;
  /** It is not to be deleted for being in DEST only. */
  stays(item: Item): boolean;
}

function directionOf(client: Client, bulk: Bulk, source: string, destination: string): Direction {
  const [fromSwarm, toSwarm] = [source, destination].map((text) => text.startsWith(SWARM_PREFIX));
  if (fromSwarm === toSwarm) {
    throw new UsageError(
      "One of SRC and DEST must be in the swarm, and the other on this machine.",
      `Write ${SWARM_PREFIX} before the one in the swarm: fsdfs sync docs ${SWARM_PREFIX}/documents`,
    );
  }
  if ([source, destination].includes(SWARM_PREFIX)) {
    throw new UsageError(`Behind ${SWARM_PREFIX} nothing is named.`, `The whole swarm is ${SWARM_PREFIX}/`);
  }
  return fromSwarm
    ? outOfSwarm(client, bulk, source.slice(SWARM_PREFIX.length), resolve(destination))
    : intoSwarm(client, bulk, resolve(source), destination.slice(SWARM_PREFIX.length));
}

function intoSwarm(client: Client, bulk: Bulk, local: string, remote: string): Direction {
  const at = ({ name }: Item) => joinRemote(remote, name);
  return {
    verb: "put",
    check: async () => {
      if (!(await stat(local)).isDirectory()) throw noDirectory(local);
      if ((await remoteKind(client, remote)) === "file") throw new FsdfsError("not-a-directory", { path: remote });
    },
    source: () => localItems(local),
    destination: () => remoteItems(client, remote, { mayBeMissing: true }),
    // Of what nobody has any more only the word is there.
    same: async (item, existing, sizeOnly) =>
      existing.copies !== 0 && (await sameContent(join(local, item.name), item, existing, sizeOnly)),
    located: () => undefined,
    copy: async (item) => {
      const upload = { local: join(local, item.name), remote: at(item), sizeBytes: item.size };
      await uploadFile(client, upload, null, bulk);
    },
    make: (item) => client.makeDirectory(at(item)),
    remove: (item) => (item.type === "directory" ? removeWholeTree(client, at(item)) : client.remove(at(item))),
    // The swarm's policy: without it files would lose copies.
    stays: ({ name }) => parseDirectoryPath(remote) === "" && name.split("/", 1)[0] === STATE_DIRECTORY_NAME,
  };
}

function outOfSwarm(client: Client, bulk: Bulk, remote: string, local: string): Direction {
  const at = ({ name }: Item) => join(local, name);
  const downloads = new Downloads(client, bulk);
  return {
    verb: "get",
    check: async () => {
      const kind = await remoteKind(client, remote);
      if (kind === "missing") throw new FsdfsError("file-not-found", { path: remote });
      if (kind === "file") throw new FsdfsError("not-a-directory", { path: remote });
      const there = await stat(local).catch(() => undefined);
      if (there !== undefined && !there.isDirectory()) throw noDirectory(local);
      const data = await dataDirectoryAround(local);
      if (data !== undefined) throw isServersOwn(data);
    },
    source: () => remoteItems(client, remote),
    destination: () => localItems(local, { mayBeMissing: true }),
    same: (item, existing, sizeOnly) => sameContent(at(existing), existing, item, sizeOnly),
    located: (item) => joinRemote(remote, item.name),
    copy: async (item, location) => {
      if (location === null) throw new FsdfsError("file-not-found", { path: joinRemote(remote, item.name) });
      await downloads.fetch(location, at(item));
    },
    make: async (item) => {
      await mkdir(at(item), { recursive: true });
    },
    remove: async (item) => {
      if (item.type === "directory") await checkHoldsNoServer(at(item));
      // By the name that is shown, it may not be there: then it is not deleted.
      if (item.type === "unreadable") return await rm(at(item)).catch(() => Promise.reject(item.error));
      await rm(at(item), { recursive: item.type === "directory", force: true });
    },
    stays: () => false,
  };
}

/** What cannot be looked at may be one. @throws LocalError */
async function checkHoldsNoServer(directory: string): Promise<void> {
  for await (const { kind, local, error } of walk(directory, "")) {
    if (kind === "unreadable") throw error;
    if (kind === "server") throw isServersOwn(local);
  }
}

function isServersOwn(data: string): LocalError {
  return new LocalError(
    `${data} is the data directory of a server.`,
    "What lies there are the swarm's own copies: they are changed by fsdfs put, mv and rm. Choose another DEST.",
  );
}

/** @param inSwarm the one whose SHA-256 is known */
async function sameContent(local: string, here: Item, inSwarm: Item, sizeOnly: boolean): Promise<boolean> {
  if (here.type !== "file" || inSwarm.type !== "file" || here.size !== inSwarm.size) return false;
  return sizeOnly || (await hasContent(local, inSwarm.size, inSwarm.sha256 ?? ""));
}

async function* localItems(root: string, { mayBeMissing = false } = {}): AsyncGenerator<Item> {
  if (mayBeMissing && (await lstat(root).catch(() => undefined)) === undefined) return;
  for await (const { kind, local, sizeBytes, error } of walk(root, "", { sorted: true })) {
    const name = local === root ? "" : local.slice(root === "/" ? 1 : root.length + 1);
    if (kind !== "server") yield { name, type: kind, size: sizeBytes, error };
    // In DEST it is not there to be deleted.
    else if (!mayBeMissing) yield { name, type: "other", size: 0, what: "the data directory of a server" };
  }
}

/** A source that is gone must not look like an empty one: everything in the destination would be deleted. */
async function* remoteItems(client: Client, root: string, { mayBeMissing = false } = {}): AsyncGenerator<Item> {
  try {
    for await (const entry of withDirectories(client.listAll(root, { recursive: true }))) {
      const { name, type, size, sha256, copies } = entry;
      // A name that a path cannot have must not lead out of the directory.
      if (joinRemote(root, name) !== "") yield { name, type, size, sha256, copies };
    }
  } catch (error) {
    const missing = error instanceof FsdfsError && error.code === "file-not-found";
    if (!missing || !mayBeMissing) throw error;
  }
}

async function* sizesOf(items: AsyncIterable<Item>): AsyncGenerator<number> {
  for await (const { type, size } of items) if (type === "file") yield size;
}

async function isEmpty(items: AsyncIterable<Item>): Promise<boolean> {
  for await (const _ of items) return false;
  return true;
}

/** Of a disk that is not mounted there is an empty directory, and of a swarm that is another a root. */
function emptySource(source: string, destination: string): LocalError {
  return new LocalError(
    `Nothing is in ${source}: with --delete all that is in ${destination} would go.`,
    "Is it the right one, and its disk mounted? What is not wanted any more is deleted by fsdfs rm -r, or by rm here.",
  );
}

function noDirectory(path: string): LocalError {
  return new LocalError(
    `${path} is not a directory.`,
    "fsdfs sync works on directories; for a file there are put and get.",
  );
}
