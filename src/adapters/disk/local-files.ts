/**
 * The data directory of a serving process. A file is opened by its name, following whatever is there, and then taken
 * only if device and inode are those of the recorded copy: so no link leads to another file (S7), at half the calls that
 * going there without following any takes.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  read as readCallback,
  readSync,
  statSync,
} from "node:fs";
import { promisify } from "node:util";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { LocalFile, LocalFiles, RecordedFile } from "../../ports/local-files.ts";
import { modifiedNsOf } from "./files.ts";

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const readAsync = promisify(readCallback);

export function openLocalFiles(root: string): LocalFiles {
  // Held open, so that one that is unmounted is not mistaken for the empty directory beneath it (S9).
  const directory = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  const { dev } = fstatSync(directory, { bigint: true });
  const base = process.platform === "linux" ? `/proc/self/fd/${directory}` : root;
  /** The catalog keeps the lower 53 bits of an inode's number (files.ts). */
  const isFile = (stats: BigIntStats, inode: number) =>
    stats.dev === dev && Number(BigInt.asUintN(53, stats.ino)) === inode && stats.isFile();
  const isSame = (stats: BigIntStats, { inode, sizeBytes, modifiedNs }: RecordedFile) =>
    Number(stats.size) === sizeBytes && modifiedNsOf(stats) === modifiedNs && isFile(stats, inode);
  return {
    open(name, inode) {
      const descriptor = openIt(`${base}/${name}`);
      if (descriptor === undefined) return undefined;
      const stats = fstatSync(descriptor, { bigint: true });
      const look = { sizeBytes: Number(stats.size), modifiedNs: modifiedNsOf(stats) };
      if (isFile(stats, inode)) return new OpenLocalFile(descriptor, look);
      closeSync(descriptor);
      return undefined;
    },
    isStill(name, recorded) {
      try {
        const stats = statSync(`${base}/${name}`, { bigint: true, throwIfNoEntry: false });
        return stats !== undefined && isSame(stats, recorded);
      } catch {
        return false;
      }
    },
    readWhole(name, recorded) {
      const { sizeBytes } = recorded;
      const descriptor = openIt(`${base}/${name}`);
      if (descriptor === undefined) return undefined;
      try {
        const bytes = new Uint8Array(sizeBytes);
        if (sizeBytes > 0 && readSync(descriptor, bytes, 0, sizeBytes, 0) !== sizeBytes) return undefined;
        return isSame(fstatSync(descriptor, { bigint: true }), recorded) ? bytes : undefined;
      } catch {
        return undefined;
      } finally {
        closeSync(descriptor);
      }
    },
  };
}

/** Undefined when it cannot be opened: whoever asks has the control process look, which tells what is wrong. */
function openIt(path: string): number | undefined {
  try {
    return openSync(path, READ);
  } catch {
    return undefined;
  }
}

type Look = ReturnType<LocalFile["look"]>;

class OpenLocalFile implements LocalFile {
  readonly #descriptor: number;
  #first: Look | undefined;
  #isClosed = false;
  /** Reads that another thread has under way: the descriptor must stay this file's. */
  #reading = 0;

  constructor(descriptor: number, first: Look) {
    this.#descriptor = descriptor;
    this.#first = first;
  }

  look(): Look {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) return first;
    const stats = fstatSync(this.#descriptor, { bigint: true });
    return { sizeBytes: Number(stats.size), modifiedNs: modifiedNsOf(stats) };
  }

  readNow(buffer: Bytes, position: number): number {
    return readSync(this.#descriptor, buffer, 0, buffer.length, position);
  }

  async read(buffer: Bytes, position: number): Promise<number> {
    this.#reading += 1;
    try {
      const { bytesRead } = await readAsync(this.#descriptor, buffer, 0, buffer.length, position);
      return bytesRead;
    } finally {
      this.#reading -= 1;
      if (this.#isClosed && this.#reading === 0) closeSync(this.#descriptor);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#reading === 0) closeSync(this.#descriptor);
  }
}
