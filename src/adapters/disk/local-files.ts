/**
 * The data directory of a serving process. A file is opened by its name, following whatever is there, and then taken
 * only if device and inode are those of the recorded copy: so no link leads to another file (S7), at half the calls that
 * going there without following any takes.
 */
import { closeSync, constants, fstatSync, openSync, read as readCallback, readSync } from "node:fs";
import { promisify } from "node:util";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { LocalFile, LocalFiles } from "../../ports/local-files.ts";

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const readAsync = promisify(readCallback);

export function openLocalFiles(root: string): LocalFiles {
  // Held open, so that one that is unmounted is not mistaken for the empty directory beneath it (S9).
  const directory = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  const { dev } = fstatSync(directory, { bigint: true });
  const base = process.platform === "linux" ? `/proc/self/fd/${directory}` : root;
  return {
    open(name, inode) {
      let descriptor: number | undefined;
      try {
        descriptor = openSync(`${base}/${name}`, READ);
        const stats = fstatSync(descriptor, { bigint: true });
        // The catalog keeps the lower 53 bits (files.ts).
        const isRight = stats.dev === dev && stats.isFile() && Number(BigInt.asUintN(53, stats.ino)) === inode;
        if (isRight) return new OpenLocalFile(descriptor, { sizeBytes: Number(stats.size), modifiedNs: stats.mtimeNs });
      } catch {
        // Whoever asks has the control process look, which tells what is wrong.
      }
      if (descriptor !== undefined) closeSync(descriptor);
      return undefined;
    },
  };
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
    const { size, mtimeNs } = fstatSync(this.#descriptor, { bigint: true });
    return { sizeBytes: Number(size), modifiedNs: mtimeNs };
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
