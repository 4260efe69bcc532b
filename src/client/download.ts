/**
 * A file's content as it arrives, checked to the last byte: its length always, its SHA-256 when it comes whole. When the
 * connection breaks, the rest is asked for, of the same version, from whoever still has it.
 */
import type { Bytes } from "../core/catalog/kv.ts";
import { isVersionId } from "../core/ids.ts";
import { FsdfsError } from "../errors.ts";
import type { EntryInfo } from "../server/face.ts";
import type { Answer, IncrementalHash } from "./transport.ts";

export interface Download {
  readonly info: EntryInfo;
  /** How many bytes there are to come. */
  readonly sizeBytes: number;
  /** Once only. Use it up or leave the loop. @throws FsdfsError `connection-lost`, `digest-mismatch` */
  readonly body: AsyncIterable<Bytes>;
  /** The body in another shape, with the same errors. */
  stream(): ReadableStream<Uint8Array>;
  /** All of it in memory. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** All of it, as UTF-8. */
  text(): Promise<string>;
}

/** An answer with content, and whom it came from. */
export interface Opened {
  readonly answer: Answer;
  /** Nothing more is read of it. */
  readonly close: () => void;
}

export interface Wanted {
  readonly path: string;
  /** The whole file's; undefined: what the server says. */
  readonly sha256?: string | undefined;
  readonly hash: () => IncrementalHash;
  /** Asks for what comes from byte `position` on, of `version`, after `failures` breaks in a row. */
  readonly reopen: (position: number, end: number, version: string, failures: number) => Promise<Opened>;
}

/** Breaks in a row, without a byte between them, before a download is given up. */
const BREAKS_MAX = 4;

export function downloadOf(opened: Opened, wanted: Wanted): Download {
  const { answer } = opened;
  const info = infoOf(wanted.path, answer);
  const start = Number(/^bytes (\d+)-/.exec(answer.header("content-range") ?? "")?.[1] ?? 0);
  const sizeBytes = Number(answer.header("content-length") ?? Number.NaN);
  const sha256 = answer.status === 200 ? (wanted.sha256 ?? info.sha256) : null;
  const body = checkedBody(opened, { ...wanted, info, start, end: start + sizeBytes, sha256 });
  return {
    info,
    sizeBytes,
    body,
    stream: () => streamOf(body),
    bytes: () => gather(body),
    text: async () => new TextDecoder().decode(await gather(body)),
  };
}

interface Expected extends Omit<Wanted, "sha256"> {
  readonly info: EntryInfo;
  readonly start: number;
  /** NaN while the server does not tell. */
  readonly end: number;
  readonly sha256: string | null;
}

async function* checkedBody(first: Opened, expected: Expected): AsyncGenerator<Bytes> {
  const { info, end, sha256 } = expected;
  const hash = expected.hash();
  let position = expected.start;
  let opened = first;
  for (let failures = 0; ; ) {
    try {
      for await (const chunk of opened.answer.body) {
        position += chunk.length;
        failures = 0;
        if (sha256 !== null) hash.update(chunk);
        yield chunk;
      }
      if (!Number.isFinite(end) || position === end) break;
      throw new FsdfsError("connection-lost", {
        url: "the server",
        reason: `it ended after ${position} of ${end} bytes`,
      });
    } catch (error) {
      const goesOn = error instanceof FsdfsError && error.code === "connection-lost" && position < end;
      if (!goesOn || info.version === null || ++failures > BREAKS_MAX) throw error;
    } finally {
      opened.close();
    }
    opened = await reopened(expected, position, failures);
  }
  const actual = sha256 === null ? null : hash.hex();
  if (actual !== null && actual !== sha256) throw new FsdfsError("digest-mismatch", { actual });
}

async function reopened({ reopen, info, end }: Expected, position: number, failures: number): Promise<Opened> {
  const opened = await reopen(position, end, info.version ?? "", failures);
  const { answer } = opened;
  const range = answer.header("content-range") ?? "";
  if (answer.status === 206 && range.startsWith(`bytes ${position}-`) && infoOf("", answer).version === info.version) {
    return opened;
  }
  answer.discard();
  opened.close();
  throw new FsdfsError("connection-lost", { url: "the server", reason: "it was answered with something else" });
}

/** What the headers of a file's answer say; what they do not say is null. */
export function infoOf(path: string, answer: Answer): EntryInfo {
  const modified = answer.header("last-modified");
  const version = answer.header("fsdfs-version");
  const copies = answer.header("fsdfs-copies");
  const total = /\/(\d+)$/.exec(answer.header("content-range") ?? "")?.[1] ?? answer.header("content-length");
  return {
    path,
    type: "file",
    size: Number(total ?? 0),
    modified: modified === undefined ? null : new Date(modified).toISOString(),
    sha256: answer.header("fsdfs-sha256") ?? null,
    version: version !== undefined && isVersionId(version) ? version : null,
    target: null,
    copies: copies === undefined ? null : Number(copies),
  };
}

function streamOf(body: AsyncIterable<Bytes>): ReadableStream<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const next = await iterator.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: async () => {
      await iterator.return?.();
    },
  });
}

async function gather(body: AsyncIterable<Bytes>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Bytes[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
  }
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
