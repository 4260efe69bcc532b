/** A data directory with another file system in it. */
import { type FileStat, type FileStore, FileStoreError, type ReadableFile } from "../../src/ports/file-store.ts";

const elsewhere = (stat: FileStat): FileStat => ({ ...stat, device: stat.device + 1 });

function openElsewhere(file: ReadableFile): ReadableFile {
  return {
    read: (into, offset) => file.read(into, offset),
    stat: async () => elsewhere(await file.stat()),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

/**
 * A directory that is another file system, from the beginning or from when it is mounted: nothing is renamed or linked into it, or out
 * of it. One that is `isBound` is another place of the same file system, and has its number.
 */
export function withMount(disk: FileStore, isMounted = (): boolean => true, isBound = false): FileStore {
  const isIn = (name = "") => isMounted() && name.startsWith("mounted/");
  return new Proxy(disk, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...all: string[]) => {
        const leads = (name === "rename" || name === "link") && isIn(all[0]) !== isIn(all[1]!);
        if (leads) throw new FileStoreError("other-device", all[1]!);
        const found = member.apply(target, all);
        if (isBound || !isIn(all[0])) return found;
        if (name === "stat") return found.then((stat: FileStat | undefined) => stat && elsewhere(stat));
        if (name === "open") return found.then(openElsewhere);
        return found;
      };
    },
  });
}
