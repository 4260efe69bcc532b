/** What lies on a disk, as a person with `find`, `stat` and `sha256sum` sees it: without asking fsdfs. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Client } from "../../src/client/client.ts";

export interface PlainFile {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly inode: bigint;
  readonly modifiedNs: bigint;
}

/** fsdfs's own directory, at the root of a data directory. */
const OWN_DIRECTORY = ".fsdfs";

/** The names of all that is below a directory, fsdfs's own and directories excepted, in order. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .filter((name) => !name.startsWith(`${OWN_DIRECTORY}/`))
    .sort();
}

/** Every file below a directory by its name. @throws when something there is no regular file */
export async function readPlainFiles(directory: string): Promise<Map<string, PlainFile>> {
  const files = new Map<string, PlainFile>();
  for (const name of await filesBelow(directory)) files.set(name, await readPlainFile(join(directory, name)));
  return files;
}

export async function readPlainFile(path: string): Promise<PlainFile> {
  const stats = await lstat(path, { bigint: true });
  if (!stats.isFile()) throw new Error(`${path} is no regular file`);
  const sha256 = await sha256OfFile(path);
  return { sha256, sizeBytes: Number(stats.size), inode: stats.ino, modifiedNs: stats.mtimeNs };
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

export function sha256Of(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Name and digest, in order, of what readPlainFiles found: what two servers that are level have in common. */
export function digests(files: ReadonlyMap<string, PlainFile>): [name: string, sha256: string][] {
  return Array.from(files, ([name, { sha256 }]): [string, string] => [name, sha256]).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
}

/** The file as a client gets it through this server, checked for wholeness by the client's own means. */
export async function read(client: Client, path: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await client.get(path)).body) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}
