/** Reads the log of a server in the background: its last lines, and those that come. */
import { type FileHandle, open, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { earlierLogFile } from "./log-file.ts";

const POLL_MS = 200;
const CHUNK_BYTES = 64 * 1024;

/** Where reading goes on. */
export interface LogPlace {
  readonly offsetBytes: number;
}

/** The last `count` lines, from the earlier file as well where the present one has fewer; undefined without a log. */
export async function lastLines(
  file: string,
  count: number,
): Promise<{ readonly lines: readonly string[]; readonly place: LogPlace } | undefined> {
  const [text, earlier] = await Promise.all([file, earlierLogFile(file)].map(readText));
  if (text === undefined && earlier === undefined) return undefined;
  const present = text ?? Buffer.alloc(0);
  // What stands behind the last line feed is being written.
  const whole = present.subarray(0, present.lastIndexOf("\n") + 1);
  const lines = linesOf(whole);
  const before = lines.length < count && earlier !== undefined ? linesOf(earlier) : [];
  return { lines: count === 0 ? [] : [...before, ...lines].slice(-count), place: { offsetBytes: whole.length } };
}

/** The lines after `place`, as they come, for ever. */
export async function* followLines(file: string, place: LogPlace, signal: AbortSignal): AsyncGenerator<string> {
  let { offsetBytes } = place;
  let rest = Buffer.alloc(0);
  while (!signal.aborted) {
    const text = await readFrom(file, offsetBytes);
    if (text === undefined) {
      // Begun anew: the end of what was there is in the earlier file.
      const earlier = await readText(earlierLogFile(file));
      yield* linesOf(Buffer.concat([rest, earlier?.subarray(offsetBytes) ?? Buffer.alloc(0)]));
      rest = Buffer.alloc(0);
      offsetBytes = 0;
      continue;
    }
    offsetBytes += text.length;
    const all = Buffer.concat([rest, text]);
    const end = all.lastIndexOf("\n") + 1;
    rest = all.subarray(end);
    yield* linesOf(all.subarray(0, end));
    if (text.length === 0) await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}

function linesOf(text: Buffer): string[] {
  return text
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}

async function readText(file: string): Promise<Buffer<ArrayBuffer> | undefined> {
  return readFile(file).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** A piece from `offsetBytes` on, empty at the end; undefined when the file has become shorter than that, or is gone. */
async function readFrom(file: string, offsetBytes: number): Promise<Buffer<ArrayBuffer> | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    if ((await handle.stat()).size < offsetBytes) return undefined;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, offsetBytes);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return Buffer.alloc(0);
    throw error;
  } finally {
    await handle?.close();
  }
}
