/**
 * `DATA/.fsdfs/local.json`, mode 600, which `start` leaves on its machine for the other commands: where the running server is,
 * the key that signs requests to it, and which process it is. Who can read it can read the swarm's password beside it. It is
 * no key of the catalog, so that a server writes nothing into a swarm by starting.
 */
import { lstat, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DATA_DIRECTORY, STATE_DIRECTORY_NAME } from "../config.ts";
import type { Bytes } from "../core/catalog/kv.ts";
import type { Environment } from "../options.ts";
import { usedDataDirectories } from "../starting/data-directories.ts";
import { writeSecretFile } from "../starting/secret-file.ts";
import { flag, matching, optional, safeJson, shaped, text, url, whole } from "../starting/shape.ts";
import { isRunning } from "./process-mark.ts";

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
 * ./fsdfs-data and on every data directory that was ever used. There another user may have put a file that leads elsewhere,
 * as into a directory of his that is the present one: it would be sent the key, or say what process is to be ended.
 */
export async function findLocalServers(
  environment: Environment,
  dataDirectory: string | undefined,
  user = process.getuid?.(),
): Promise<LocalServer[]> {
  const found = new Map<number, LocalServer>();
  for (const data of dataDirectory === undefined ? await knownDataDirectories(environment) : [dataDirectory]) {
    if (dataDirectory === undefined && !(await isOf(user, data))) continue;
    const access = await readLocalAccess(data);
    if (access !== undefined && !found.has(access.pid)) found.set(access.pid, { ...access, data });
  }
  return [...found.values()];
}

const ROOT = 0;

async function isOf(user: number | undefined, dataDirectory: string): Promise<boolean> {
  if (user === undefined) return true; // A system without such users.
  try {
    const [directory, file] = [await lstat(dataDirectory), await stat(localAccessFile(dataDirectory))];
    return file.uid === user && (directory.uid === user || directory.uid === ROOT);
  } catch {
    return false;
  }
}

/** ./fsdfs-data, then every data directory that was ever used. */
export async function knownDataDirectories(environment: Environment): Promise<string[]> {
  return [resolve(DATA_DIRECTORY), ...(await usedDataDirectories(environment))];
}

function localAccessFile(dataDirectory: string): string {
  return join(dataDirectory, STATE_DIRECTORY_NAME, "local.json");
}
