/**
 * What `start` leaves on its machine for the other commands, and for itself the next time:
 *
 * - `DATA/.fsdfs/local.json`, mode 600: where the running server is, the key that signs requests to it, and which process
 *   it is. Who can read it can read the swarm's password beside it. It is no key of the catalog, so that a server writes
 *   nothing into a swarm by starting.
 * - `$XDG_STATE_HOME/fsdfs/data-directories/`: one small file for each data directory ever used, by which a disk that
 *   is not mounted is told from a new server (S9). One file each, so that servers that start at once do not overwrite
 *   one another's word.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { DATA_DIRECTORY, STATE_DIRECTORY_NAME } from "../config.ts";
import type { Bytes } from "../core/catalog/kv.ts";
import { FsdfsError } from "../errors.ts";
import type { Environment } from "../options.ts";
import { isRunning } from "./process-mark.ts";
import { flag, matching, optional, safeJson, shaped, text, url, whole } from "./shape.ts";

export interface LocalAccess {
  readonly url: string;
  /** Signs requests (section 10). */
  readonly requestKey: Bytes;
  /** Shows the server that a request comes from this file's owner, on its machine. */
  readonly localSecret?: string | undefined;
  /** Of a server that speaks HTTPS: its certificate, which may be replaced while it runs. */
  readonly certificateFile?: string | undefined;
  readonly pid: number;
  /** Tells the process from a later one of the same number. */
  readonly mark?: string | undefined;
  /** It runs in the background, and logs to its file. */
  readonly background?: boolean | undefined;
}

export interface LocalServer extends LocalAccess {
  readonly data: string;
}

const LOCAL_ACCESS = {
  url,
  requestKey: matching(/^[0-9a-f]{64}$/),
  localSecret: optional(matching(/^[0-9a-f]{32}$/)),
  certificateFile: optional(text),
  pid: whole(1, 2 ** 31),
  mark: optional(text),
  background: optional(flag),
};

export async function writeLocalAccess(dataDirectory: string, access: LocalAccess): Promise<void> {
  const json = JSON.stringify({ ...access, requestKey: Buffer.from(access.requestKey).toString("hex") });
  await writeSecretFile(localAccessFile(dataDirectory), `${json}\n`);
}

export async function removeLocalAccess(dataDirectory: string): Promise<void> {
  await rm(localAccessFile(dataDirectory), { force: true });
}

/** undefined when no server runs on that data directory, or it is another user's. */
export async function readLocalAccess(dataDirectory: string): Promise<LocalAccess | undefined> {
  const json = await readFile(localAccessFile(dataDirectory), "utf8").catch(() => "");
  const access = shaped(safeJson(json), LOCAL_ACCESS);
  if (access === undefined || !isRunning(access.pid, access.mark)) return undefined;
  return { ...access, requestKey: new Uint8Array(Buffer.from(access.requestKey, "hex")) };
}

/**
 * The servers that run on this machine for this user: the one on `dataDirectory` if that is given, else those on
 * ./fsdfs-data and on every data directory that was ever used.
 */
export async function findLocalServers(
  environment: Environment,
  dataDirectory: string | undefined,
): Promise<LocalServer[]> {
  const found = new Map<number, LocalServer>();
  for (const data of dataDirectory === undefined ? await knownDataDirectories(environment) : [dataDirectory]) {
    const access = await readLocalAccess(data);
    if (access !== undefined && !found.has(access.pid)) found.set(access.pid, { ...access, data });
  }
  return [...found.values()];
}

/** ./fsdfs-data, then every data directory that was ever used. */
export async function knownDataDirectories(environment: Environment): Promise<string[]> {
  return [resolve(DATA_DIRECTORY), ...(await usedDataDirectories(environment))];
}

/** Remembers that a server has lived there (S9). */
export async function rememberDataDirectory(environment: Environment, dataDirectory: string): Promise<void> {
  const path = await realpath(dataDirectory);
  const directory = rememberedDirectory(environment);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeSecretFile(join(directory, rememberedName(path)), `${JSON.stringify({ path })}\n`);
}

/**
 * S9: a data directory that was used before and has no identity now is most likely a disk that is not mounted.
 *
 * @throws FsdfsError `data-lost-identity`
 */
export async function checkDataDirectory(environment: Environment, dataDirectory: string): Promise<void> {
  const path = await realpath(dataDirectory).catch(() => dataDirectory);
  const remembered = (await usedDataDirectories(environment)).includes(path);
  if (!remembered) return;
  const identity = await stat(join(path, STATE_DIRECTORY_NAME, "identity")).catch(() => undefined);
  if (identity === undefined) throw new FsdfsError("data-lost-identity");
}

async function usedDataDirectories(environment: Environment): Promise<string[]> {
  const directory = rememberedDirectory(environment);
  const names = await readdir(directory).catch(() => []);
  const paths = await Promise.all(
    names
      .filter((name) => name.endsWith(".json"))
      .map(async (name) => shaped(safeJson(await readFile(join(directory, name), "utf8")), { path: text })),
  );
  return paths.flatMap((each) => (each === undefined ? [] : [each.path]));
}

function rememberedDirectory(environment: Environment): string {
  const given = environment.XDG_STATE_HOME;
  // The XDG base directory specification: a relative path is to be ignored.
  const base = given !== undefined && isAbsolute(given) ? given : join(homedir(), ".local", "state");
  return join(base, "fsdfs", "data-directories");
}

function rememberedName(path: string): string {
  return `${createHash("sha256").update(path).digest("hex").slice(0, 32)}.json`;
}

/** Never seen half-written, and by nobody else. */
export async function writeSecretFile(file: string, text: string): Promise<void> {
  const staged = `${file}.${randomUUID()}`;
  await writeFile(staged, text, { mode: 0o600, flag: "wx", flush: true });
  await rename(staged, file);
}

function localAccessFile(dataDirectory: string): string {
  return join(dataDirectory, STATE_DIRECTORY_NAME, "local.json");
}
