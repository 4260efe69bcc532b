/** What can be put: text, bytes, a Blob, a stream, or a source that can be opened again for a further attempt. */
import type { Bytes } from "../core/catalog/kv.ts";
import type { IncrementalHash } from "./transport.ts";

export interface PutSource {
  /** undefined: it is not known before the end. */
  readonly sizeBytes: number | undefined;
  /** Opens the content, again for each attempt. */
  open(): AsyncIterable<Bytes>;
  /** It can be opened once only, so there is one attempt only. */
  readonly once?: boolean;
  /** The same in one piece, where there is one. */
  readonly whole?: Blob | Bytes;
}

export type PutContent =
  | string
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | PutSource;

export function sourceOf(content: PutContent): PutSource {
  if (typeof content === "string") return bytesSource(new TextEncoder().encode(content));
  if (content instanceof Uint8Array) return bytesSource(content);
  if (content instanceof ArrayBuffer) return bytesSource(new Uint8Array(content));
  if (content instanceof Blob) {
    return { sizeBytes: content.size, open: () => chunksOf(content.stream()), whole: content };
  }
  if ("open" in content) return content;
  if (content instanceof ReadableStream) return { sizeBytes: undefined, open: () => chunksOf(content), once: true };
  return { sizeBytes: undefined, open: () => content, once: true };
}

function bytesSource(bytes: Bytes): PutSource {
  async function* open() {
    yield bytes;
  }
  return { sizeBytes: bytes.length, open, whole: bytes };
}

/** Not every browser iterates over a stream. */
export async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Bytes> {
  const reader = stream.getReader();
  let whole = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      whole = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!whole) await reader.cancel().catch(() => undefined);
    reader.releaseLock();
  }
}

export interface Hashed {
  readonly body: AsyncIterable<Bytes>;
  /** Of all that was read; undefined unless it was read to its end. */
  sha256(): string | undefined;
}

/** Computes the digest of what passes. */
export function hashed(chunks: AsyncIterable<Bytes>, hash: IncrementalHash): Hashed {
  let sha256: string | undefined;
  async function* body() {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
    sha256 = hash.hex();
  }
  return { body: body(), sha256: () => sha256 };
}
