/**
 * Directories of the machine that files are taken over from. The data directory is at /data; what lies outside of it is
 * kept in the same tree under a name that nobody can see or say, so that both share one disk, its power and its inodes.
 */
import { type FileStore, FileStoreError, type SourceDirectory, type SourcePlace } from "../../ports/file-store.ts";

/** The directory that stands for "/". */
export const OUTSIDE = "\u0001outside";
export const DATA_PATH = "/data";

/** The name in the store of an absolute path outside of the data directory. */
export function outsideName(path: string): string {
  return path === "/" ? OUTSIDE : OUTSIDE + path;
}

export async function openMemorySource(files: FileStore, path: string, marker: string): Promise<SourceDirectory> {
  const place = await placeOf(files, path, marker);
  const root = place.kind === "inside" ? place.name : outsideName(path);
  if (place.kind !== "around") await checkDirectory(files, root, path);
  const nameOf = (name: string) => (root === "" ? name : name === "" ? root : `${root}/${name}`);
  return {
    place,
    listInBatches: (name) => files.listInBatches(nameOf(name)),
    stat: (name) => files.stat(nameOf(name)),
    open: (name) => files.open(nameOf(name)),
    linkTo: (name, to) => files.link(nameOf(name), to),
    remove: (name) => files.remove(nameOf(name)),
    close: () => {},
  };
}

async function placeOf(files: FileStore, path: string, marker: string): Promise<SourcePlace> {
  if (path === DATA_PATH) return { kind: "inside", name: "" };
  if (path.startsWith(`${DATA_PATH}/`)) return { kind: "inside", name: path.slice(DATA_PATH.length + 1) };
  if (path === "/") return { kind: "around" };
  const segments = path.split("/");
  for (let depth = segments.length; depth > 0; depth--) {
    const above = segments.slice(0, depth).join("/");
    if ((await files.stat(`${outsideName(above)}/${marker}`)) !== undefined) return { kind: "foreign" };
  }
  return { kind: "outside" };
}

async function checkDirectory(files: FileStore, name: string, path: string): Promise<void> {
  const stat = await files.stat(name);
  if (stat === undefined) throw new FileStoreError("missing", `missing: ${path}`);
  if (stat.type === "symlink") throw new FileStoreError("symlink", `symlink: ${path}`);
  if (stat.type !== "directory") throw new FileStoreError("not-a-directory", `not-a-directory: ${path}`);
}
