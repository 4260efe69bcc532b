/** What commands ask about paths in the swarm before they act on them. */
import type { Client } from "../client/client.ts";
import { nameOf, parseDirectoryPath, parsePath } from "../core/paths.ts";
import { FsdfsError } from "../errors.ts";
import type { Listing } from "../server/face.ts";

export type RemoteKind = "file" | "directory" | "missing";

/** The root is a directory even when nothing is in it. */
export async function remoteKind(client: Client, path: string): Promise<RemoteKind> {
  if (parseDirectoryPath(path) === "") return "directory";
  try {
    await client.list(path, { limit: 1 });
    return "directory";
  } catch (error) {
    if (!(error instanceof FsdfsError)) throw error;
    if (error.code === "not-a-directory") return "file";
    if (error.code === "file-not-found") return "missing";
    throw error;
  }
}

/**
 * As cp and mv choose: into DEST when it is a directory (or is said to be one by a trailing "/", or takes several),
 * else DEST itself.
 *
 * @throws FsdfsError `not-a-directory`
 */
export async function isTargetDirectory(client: Client, destination: string, sources: number): Promise<boolean> {
  const kind = await remoteKind(client, destination);
  const wanted = sources > 1 || destination.endsWith("/");
  if (wanted && kind === "file") throw new FsdfsError("not-a-directory", { path: destination });
  return wanted || kind === "directory";
}

/** "music" and "a.ogg" make "music/a.ogg"; a directory "" is the root. */
export function joinRemote(directory: string, name: string): string {
  const parent = parseDirectoryPath(directory);
  return parsePath(parent === "" ? name : name === "" ? parent : `${parent}/${name}`);
}

export function remoteName(path: string): string {
  const parsed = parseDirectoryPath(path);
  return parsed === "" ? "" : nameOf(parsed);
}

type Entry = Listing["entries"][number];

const BARE_DIRECTORY = { type: "directory", size: 0, modified: null, sha256: null } as const;

/** A recursive listing names only directories that were made; this adds, in order, those that exist by what is in them. */
export async function* withDirectories(entries: AsyncIterable<Entry>): AsyncGenerator<Entry> {
  let inside: readonly string[] = [];
  for await (const entry of entries) {
    const segments = entry.name.split("/");
    const parents = segments.slice(0, -1);
    let common = 0;
    while (common < parents.length && parents[common] === inside[common]) common++;
    for (let depth = common + 1; depth <= parents.length; depth++) {
      yield { name: parents.slice(0, depth).join("/"), ...BARE_DIRECTORY, version: null, target: null, copies: null };
    }
    inside = entry.type === "directory" ? segments : parents;
    yield entry;
  }
}
