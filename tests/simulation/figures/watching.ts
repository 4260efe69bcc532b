/** Ports that tell what passes: which disk changes when, and who serves whose pulls. */
import type { Bytes } from "../../../src/core/catalog/kv.ts";
import type { VersionId } from "../../../src/core/ids.ts";
import type { FileStore, WritableFile } from "../../../src/ports/file-store.ts";
import type { Network, OutgoingResponse } from "../../../src/ports/network.ts";
import { decodeEnvelope, decodeJson } from "../../../src/server/mesh/messages.ts";
import type { ReadRequest } from "../../../src/server/replication/sources.ts";

/** `written` is told of bytes, `changed` of everything else that a disk is asked to do. */
export function watchedFiles(files: FileStore, changed: () => void, written: (bytes: number) => void): FileStore {
  const writing = async (file: Promise<WritableFile>): Promise<WritableFile> => {
    const { write, ...rest } = await file;
    return {
      ...rest,
      write: (chunk) => {
        written(chunk.length);
        return write(chunk);
      },
    };
  };
  const noting = <Given extends unknown[], Result>(call: (...given: Given) => Result) => {
    return (...given: Given): Result => {
      changed();
      return call(...given);
    };
  };
  return {
    ...files,
    create: (name) => writing(files.create(name)),
    append: (name) => writing(files.append(name)),
    rename: noting(files.rename),
    link: noting(files.link),
    remove: noting(files.remove),
  };
}

/** One answer to a server that pulls, from its first byte to its last. */
export interface ServedPull {
  readonly source: string;
  readonly version: VersionId;
  readonly fromMs: number;
  toMs: number;
}

export class PullLog {
  readonly served: ServedPull[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Pulls under way in a moment. */
  at(ms: number): ServedPull[] {
    return this.served.filter(({ fromMs, toMs }) => fromMs <= ms && ms < toMs);
  }

  /** The most that one source served at once. */
  mostAtOnce(): number {
    return Math.max(
      0,
      ...this.served.map(({ source, fromMs }) => this.at(fromMs).filter((each) => each.source === source).length),
    );
  }

  watched(network: Network, source: string): Network {
    return {
      ...network,
      listen: (handler) =>
        network.listen(async (request) => {
          const response = await handler(request);
          if (request.method !== "read" || response.body === undefined) return response;
          const { version, purpose } = decodeJson<ReadRequest>(decodeEnvelope(request.head).message);
          return purpose === "pull" ? this.#logged(response, response.body, source, version) : response;
        }),
    };
  }

  #logged(
    { head }: OutgoingResponse,
    body: AsyncIterable<Bytes>,
    source: string,
    version: VersionId,
  ): OutgoingResponse {
    const pull: ServedPull = { source, version, fromMs: this.#nowMs(), toMs: Number.POSITIVE_INFINITY };
    this.served.push(pull);
    return { head, body: this.#untilEnd(body, pull) };
  }

  async *#untilEnd(body: AsyncIterable<Bytes>, pull: ServedPull): AsyncGenerator<Bytes> {
    try {
      yield* body;
    } finally {
      pull.toMs = this.#nowMs();
    }
  }
}
