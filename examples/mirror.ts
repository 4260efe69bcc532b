/**
 * A mirror, one way: what is in a directory of this machine is put into the swarm, and what has gone from it is removed there,
 * now and whenever something changes.
 *
 *   FSDFS_KEY=… npm run example examples/mirror.ts ./music http://localhost:4242 /music
 */
import { createHash } from "node:crypto";
import { createReadStream, watch } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { createClient } from "fsdfs";

const [local = "./music", url = "http://localhost:4242", remote = "/music"] = process.argv.slice(2);
const client = createClient({ url, key: process.env.FSDFS_KEY ?? "" });

let changed = Promise.withResolvers<void>();
watch(local, { recursive: true }, () => changed.resolve());

for (;;) {
  changed = Promise.withResolvers(); // What changes from here on is for the next round.
  await mirror();
  console.log("it is the same");
  await changed.promise;
}

async function mirror(): Promise<void> {
  const there = await filesThere();
  for (const entry of await readdir(local, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const name = relative(local, file);
    const known = there.get(name);
    there.delete(name);
    // One that goes or grows while it is looked at has changed, and there is a next round.
    await put(name, file, known).catch((error: Error) => console.error(`${name}: ${error.message}`));
  }
  for (const name of there.keys()) {
    await client.remove(`${remote}/${name}`);
    console.log(`removed ${name}`);
  }
}

async function put(name: string, file: string, known: { size: number; sha256: string | null } | undefined) {
  const { size } = await stat(file);
  if (known?.size === size && known.sha256 === (await digestOf(file))) return;
  await client.put(`${remote}/${name}`, { sizeBytes: size, open: () => createReadStream(file) });
  console.log(`put ${name}`);
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** By their names below the directory. A swarm that has not got the directory yet has none. */
async function filesThere() {
  const files = new Map<string, { size: number; sha256: string | null }>();
  await client.makeDirectory(remote);
  for await (const { name, type, size, sha256, copies } of client.listAll(remote, { recursive: true })) {
    // What no server has any more is put again.
    if (type === "file") files.set(name, { size, sha256: copies === 0 ? null : sha256 });
  }
  return files;
}
