/** Deleting a directory of the swarm with all that is in it: some files at once, then the directories, deepest first. */
import type { Client } from "../client/client.ts";
import { FsdfsError } from "../errors.ts";
import { Bulk } from "./bulk.ts";
import { LocalError } from "./command.ts";
import { joinRemote } from "./remote.ts";

/** What fails is told by `bulk`; then no directory is deleted. */
export async function removeTree(
  client: Client,
  root: string,
  bulk: Bulk,
  removeFile: (path: string) => Promise<void>,
): Promise<void> {
  const directories: string[] = [];
  const files = async function* () {
    for await (const entry of client.listAll(root, { recursive: true })) {
      const path = joinRemote(root, entry.name);
      if (entry.type === "directory") directories.push(path);
      else yield path;
    }
  };
  const failedBefore = bulk.failedCount;
  await bulk.run(files(), (path) => path, removeFile);
  if (bulk.failedCount > failedBefore) return;
  // A directory that existed only by what was in it has gone with that.
  for (const directory of [...directories.sort().reverse(), root]) {
    await client.removeDirectory(directory).catch((error: unknown) => {
      if (!(error instanceof FsdfsError) || error.code !== "file-not-found") throw error;
    });
  }
}

/** The same as one thing that works or fails. @throws LocalError */
export async function removeWholeTree(client: Client, root: string): Promise<void> {
  const bulk = new Bulk({ write: () => undefined, terminal: false, columns: 0 });
  await removeTree(client, root, bulk, (path) => client.remove(path));
  const [first] = bulk.failures;
  if (first !== undefined) throw new LocalError(`${first.name}: ${first.message}`, first.hint ?? "Run this again.");
}
