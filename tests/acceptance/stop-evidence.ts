/** Where the bytes of a file lie, fsdfs's own directory included: what is told of one that has too few copies. */
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import type { RealServer } from "./cluster.ts";
import { sha256OfFile } from "./disk-tree.ts";

/** Not looked through: the catalog. */
const CATALOG = "catalog";

/** A line for each file with these contents. */
export async function whereIs(contents: ReadonlySet<string>, servers: readonly RealServer[]): Promise<string[]> {
  const lines: string[] = [];
  for (const { name, data } of servers) {
    const entries = await readdir(data, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile() || entry.parentPath.endsWith(CATALOG)) continue;
      const sha256 = await sha256OfFile(path).catch(() => undefined);
      if (sha256 !== undefined && contents.has(sha256)) lines.push(`${name}: ${relative(data, path)}`);
    }
  }
  return lines;
}
