/** The data directory and its disk: whether it is there, ours, writable, of a sound kind, large and fast enough. */
import { randomUUID } from "node:crypto";
import { access, constants, lstat, open, readdir, realpath, rm, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { STATE_DIRECTORY_NAME } from "../../config.ts";
import { FsdfsError } from "../../errors.ts";
import { checkDataDirectory } from "../../starting/data-directories.ts";
import { isWeak, passwordFile, readKeptPassword } from "../../starting/password.ts";
import { formatSize } from "../output.ts";
import { type Check, type Found, fail, ok, warn } from "./check.ts";
import { judgeKind, kindOf } from "./file-systems.ts";

const CATALOG_DIRECTORY_NAME = "catalog";
const FSYNC_ROUNDS = 5;
const FSYNC_BYTES = 4096;
const FSYNC_SLOW_MS = 60;
const FSYNC_HOPELESS_MS = 1_000;
const ROOM_MIN_BYTES = 100_000_000;
const INODES_MIN_SHARE = 0.02;
/** Names looked at for links: more would take too long. */
const NAMES_MAX = 20_000;
const OTHERS_BITS = 0o077;

const directory: Check = {
  name: "data directory",
  run: async ({ data, environment }) => {
    try {
      await checkDataDirectory(environment, data);
    } catch (error) {
      if (error instanceof FsdfsError) return [fail(`${data}: ${error.message}`, error.hint)];
      throw error;
    }
    const found = await stat(data).catch(() => undefined);
    if (found === undefined) return [await judgeMissing(data)];
    if (!found.isDirectory()) return [fail(`${data} is no directory.`, "Choose another with --data.")];
    const real = await realpath(data);
    const refusal = await writeRefusal(data);
    if (refusal !== undefined) return [notWritable(data, refusal)];
    const used = await stat(join(data, STATE_DIRECTORY_NAME, "identity")).catch(() => undefined);
    const told = `${data}${real === data ? "" : ` (${real})`} is ${used === undefined ? "unused yet" : "a server's"}, and can be written`;
    return [
      ok(told),
      ...(await judgeOwner(data)),
      ...(await judgeMounts(data, found.dev)),
      ...(await judgeLinks(data)),
    ];
  },
};

/** It will be made; there must be something to make it in. */
async function judgeMissing(data: string): Promise<Found> {
  const parent = await nearest(data);
  const refusal = await writeRefusal(parent);
  return refusal === undefined ? ok(`${data} does not exist yet; fsdfs start makes it`) : notWritable(parent, refusal);
}

function notWritable(path: string, refusal: string): Found {
  return fail(
    `${path} cannot be written: ${refusal}.`,
    "Check its owner and mode (chown, chmod), and that its file system is not mounted read-only.",
  );
}

async function writeRefusal(path: string): Promise<string | undefined> {
  return access(path, constants.W_OK | constants.X_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code ?? error.message,
  );
}

/** A start as root leaves files behind that a server of another user cannot write. */
async function judgeOwner(data: string): Promise<Found[]> {
  const state = join(data, STATE_DIRECTORY_NAME);
  const found = await lstat(state).catch(() => undefined);
  if (found === undefined) return [];
  if (found.isSymbolicLink()) {
    return [warn(`${state} is a link.`, "Use --state to have the catalog elsewhere, and keep .fsdfs a directory.")];
  }
  const [own, refusal] = [process.getuid?.(), await writeRefusal(state)];
  if (refusal !== undefined) return [notWritable(state, refusal)];
  if (own === undefined || found.uid === own) return [];
  return [
    warn(
      `${state} belongs to the user ${found.uid}, and this is the user ${own}.`,
      "Run fsdfs as one user always. What another has made: chown -R",
    ),
  ];
}

/** A start refuses it. The catalog may lie elsewhere. */
async function judgeMounts(data: string, device: number): Promise<Found[]> {
  const entries = await readdir(join(data, STATE_DIRECTORY_NAME), { withFileTypes: true }).catch(() => []);
  const found: Found[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name === CATALOG_DIRECTORY_NAME) continue;
    const name = join(STATE_DIRECTORY_NAME, entry.name);
    const { dev } = await stat(join(data, name)).catch(() => ({ dev: device }));
    const { message, hint } = new FsdfsError("data-divided", { name });
    if (dev !== device) found.push(fail(message, hint));
  }
  return found;
}

async function judgeLinks(data: string): Promise<Found[]> {
  let links = 0;
  let left = NAMES_MAX;
  const open = [data];
  for (let next = open.pop(); next !== undefined && left > 0; next = open.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      if (--left <= 0) break;
      if (entry.isSymbolicLink()) links++;
      else if (entry.isDirectory() && entry.name !== STATE_DIRECTORY_NAME) open.push(join(next, entry.name));
    }
  }
  if (links === 0) return [];
  const many = `${links === 1 ? "A symbolic link lies" : `${links} symbolic links lie`} in the data directory.`;
  return [warn(many, "fsdfs follows none of them: what they lead to is not in the swarm. Copy it: fsdfs put")];
}

const fileSystem: Check = {
  name: "file system",
  run: async ({ data, state }) => {
    const [dataKind, stateKind] = await Promise.all([data, state].map(async (path) => kindOf(await nearest(path))));
    return judgeKind({ data, state, dataKind, stateKind });
  },
};

const space: Check = {
  name: "space",
  run: async ({ data, quotaBytes, roster }) => {
    const { bavail, bsize, blocks, files, ffree } = await statfs(await nearest(data));
    const own = roster?.find(({ self }) => self);
    const found = judgeSpace({
      roomBytes: bavail * bsize,
      sizeBytes: blocks * bsize,
      promisedBytes: own?.quota.free ?? quotaBytes,
    });
    // File systems that make inodes as they need them tell none.
    const scarce = files > 0 && ffree < files * INODES_MIN_SHARE;
    const inodes = warn(
      `Only ${ffree.toLocaleString("en-US")} more files can be made on its file system.`,
      "See df -i.",
    );
    return [found, ...(scarce ? [inodes] : [])];
  },
};

export function judgeSpace(found: { roomBytes: number; sizeBytes: number; promisedBytes: number | undefined }): Found {
  const { roomBytes, sizeBytes, promisedBytes } = found;
  const told = `${formatSize(roomBytes)} of ${formatSize(sizeBytes)} are free`;
  if (roomBytes < ROOM_MIN_BYTES) return fail(`Only ${told}.`, "Make room on that disk, or use another with --data.");
  if (promisedBytes !== undefined && promisedBytes > roomBytes) {
    return warn(
      `Only ${told}, and the quota leaves ${formatSize(promisedBytes)} to be filled.`,
      "Make room on that disk, or start with a smaller --quota.",
    );
  }
  return ok(promisedBytes === undefined ? told : `${told}; the quota leaves ${formatSize(promisedBytes)} to be filled`);
}

const fsync: Check = {
  name: "fsync",
  run: async ({ data }) => {
    const place = await fsyncPlace(data);
    if ((await writeRefusal(place)) !== undefined) return [];
    return [judgeFsync(await measureFsync(place))];
  },
};

/** Where no file of a user's is, and none is seen. */
async function fsyncPlace(data: string): Promise<string> {
  return await nearest(join(data, STATE_DIRECTORY_NAME));
}

async function measureFsync(place: string): Promise<number> {
  const file = join(place, `.fsdfs-doctor-${randomUUID()}`);
  const handle = await open(file, "wx", 0o600);
  try {
    const timesMs: number[] = [];
    for (let round = 0; round < FSYNC_ROUNDS; round++) {
      await handle.write(new Uint8Array(FSYNC_BYTES).fill(round));
      const before = performance.now();
      await handle.sync();
      timesMs.push(performance.now() - before);
    }
    return timesMs.sort((a, b) => a - b)[Math.floor(FSYNC_ROUNDS / 2)] ?? 0;
  } finally {
    await handle.close();
    await rm(file, { force: true });
  }
}

export function judgeFsync(medianMs: number): Found {
  const told = `Making 4 KB durable takes ${medianMs < 10 ? medianMs.toFixed(1) : Math.round(medianMs)} ms`;
  if (medianMs < FSYNC_SLOW_MS) return ok(told);
  const hint = "Each upload waits for several of these. Is the disk busy, failing (dmesg, smartctl), or far away?";
  return medianMs < FSYNC_HOPELESS_MS ? warn(`${told}.`, hint) : fail(`${told}.`, hint);
}

const password: Check = {
  name: "password",
  run: async ({ data }) => {
    const kept = await readKeptPassword(data);
    if (kept === undefined) return [];
    const { mode } = await stat(passwordFile(data));
    const open = warn(`Others can read ${passwordFile(data)}.`, `chmod 600 ${passwordFile(data)}`);
    return [judgePassword(kept), ...((mode & OTHERS_BITS) === 0 ? [] : [open])];
  },
};

export function judgePassword(kept: string): Found {
  return isWeak(kept)
    ? warn(
        "The swarm's password is weak: who records the servers' traffic can guess it.",
        "Stop all servers, and start each with a stronger one. The first one makes one when .fsdfs/password is deleted.",
      )
    : ok("The swarm's password is strong");
}

/** The path, or the nearest directory above it that is there. */
async function nearest(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if (at === dirname(at) || (await stat(at).catch(() => undefined)) !== undefined) return at;
  }
}

export const DISK_CHECKS: readonly Check[] = [directory, fileSystem, space, fsync, password];
