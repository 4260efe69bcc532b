/**
 * An upload whose room here another took amid its body: a server that has room takes all of it, what has come and what is
 * still to come (S3). It is as if it had been forwarded at once, but that its beginning is read from the disk.
 */
import type { Bytes } from "../../core/catalog/kv.ts";
import type { FilePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { PutOptions, PutResult } from "../face.ts";
import { forwardPut } from "../forward.ts";
import type { Parts } from "../parts.ts";
import type { StagedWriter } from "../storage/staging.ts";
import { readCopyRange } from "../storage/streams.ts";

/** A body that can be gone on with where its reader left it. To be ended. */
export class OpenBody implements AsyncIterable<Bytes> {
  readonly #body: AsyncIterable<Bytes>;
  #pieces: AsyncIterator<Bytes> | undefined;
  #last: Bytes | undefined;

  constructor(body: AsyncIterable<Bytes>) {
    this.#body = body;
  }

  get isBegun(): boolean {
    return this.#pieces !== undefined;
  }

  [Symbol.asyncIterator](): AsyncIterator<Bytes> {
    this.#pieces ??= this.#body[Symbol.asyncIterator]();
    const pieces = this.#pieces;
    return {
      next: async () => {
        const next = await pieces.next();
        this.#last = next.done === true ? undefined : next.value;
        return next;
      },
    };
  }

  /** From the piece that was read last. */
  async *fromLast(): AsyncGenerator<Bytes> {
    if (this.#last !== undefined) yield this.#last;
    yield* this;
  }

  /** Nobody reads on. What is still waited for is not waited for here. */
  end(): void {
    Promise.resolve(this.#pieces?.return?.()).catch(() => undefined);
  }
}

/**
 * @param begun has all pieces but the one that was read last; it is gone in the end
 * @throws FsdfsError `no-space` when nobody has room
 */
export async function placeElsewhere(
  parts: Parts,
  path: FilePath,
  begun: StagedWriter,
  body: OpenBody,
  options: PutOptions,
): Promise<PutResult> {
  try {
    // Of unknown size: more than what has come.
    const link = await parts.uploadRoom.findElsewhere(options.sizeBytes ?? begun.sizeBytes + 1);
    if (link === undefined) throw new FsdfsError("no-space");
    return await forwardPut(link, path, whole(begun, body), options, parts.ports.clock.wall());
  } finally {
    await begun.abort();
  }
}

async function* whole(begun: StagedWriter, body: OpenBody): AsyncGenerator<Bytes> {
  const file = await begun.reopen();
  const { sizeBytes, modifiedNs } = await file.stat();
  yield* readCopyRange({ file, sizeBytes, modifiedNs }, 0, sizeBytes);
  yield* body.fromLast();
}
