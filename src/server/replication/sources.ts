/** Giving bytes of own copies to other servers, and getting bytes of theirs. */

import { copyOf } from "../../core/bytes.ts";
import { readCopy } from "../../core/catalog/copies.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { holdersOf } from "../../core/catalog/surplus.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { ServerId, VersionId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import { NetworkError, type OutgoingResponse } from "../../ports/network.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Link } from "../mesh/link.ts";
import type { Mesh, ServerRequest } from "../mesh/mesh.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import type { Copies } from "../storage/copies.ts";
import { readCopyRange, releasing } from "../storage/streams.ts";
import { WHOLE_BYTES_MAX } from "../storage/uploads.ts";
import type { Throttle } from "./throttle.ts";

/** Servers that pull from this one at once; more would only slow each other and the readers down. */
const PULLERS_MAX = 4;
/** Files up to this size cost by their number and not by their bytes. */
export const SMALL_BYTES = 64 * 1024;
/** So many small files count as one pull. */
const SMALL_IN_ONE = 32;
const READ_TIMEOUT_MS = 10_000;

export interface ReadRequest {
  readonly version: VersionId;
  readonly start: number;
  readonly end: number;
  /** A pull may be told to wait; a reader may not. */
  readonly purpose: "pull" | "reader";
}

export class Sources {
  readonly #catalog: Catalog;
  readonly #mesh: Mesh;
  readonly #copies: Copies;
  readonly #throttle: Throttle;
  /** Pulls that are served, small ones as parts of one. */
  #pullers = 0;

  /** @param throttle of what others pull from here */
  constructor(catalog: Catalog, mesh: Mesh, copies: Copies, throttle: Throttle) {
    this.#catalog = catalog;
    this.#mesh = mesh;
    this.#copies = copies;
    this.#throttle = throttle;
    mesh.handle("read", (request) => this.#serve(request));
    mesh.handle("read-whole", (request) => this.#serveWhole(request));
    mesh.handle("inspect", (request) => this.#serveInspect(request));
  }

  /** Servers other than this one that state to hold a version. */
  holders(version: VersionId): ServerId[] {
    return this.allHolders(version).filter((server) => server !== this.#catalog.self);
  }

  /** The same, and this one. */
  allHolders(version: VersionId): ServerId[] {
    const row = readVersionRow(this.#catalog.read(), version);
    return holdersOf(row, (origin) => this.#catalog.serverOf(origin));
  }

  /** Links to servers that are up and hold a version, the least loaded first. */
  upHolders(version: VersionId): Link[] {
    return this.holders(version)
      .filter((server) => this.#mesh.isUp(server))
      .map((server) => this.#mesh.link(server)!)
      .sort((a, b) => a.report.load - b.report.load || a.report.pulls.length - b.report.pulls.length);
  }

  /** Bytes `start` to `end` of a version from another server. @throws RemoteError, NetworkError */
  async read(
    link: Link,
    version: VersionId,
    range: { start: number; end: number },
    purpose: ReadRequest["purpose"],
    signal?: AbortSignal,
  ): Promise<AsyncIterable<Bytes>> {
    const request: ReadRequest = { version, ...range, purpose };
    if (purpose === "pull" && range.start === 0 && range.end <= WHOLE_BYTES_MAX) {
      return only(await unlessAborted(signal, link.bundled("read-whole", encodeJson(request))));
    }
    const options = { timeoutMs: READ_TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) };
    return (await link.bulk("read", encodeJson(request), options)).body;
  }

  /** Tells a holder that its copy gave wrong bytes, so that it looks at it. */
  async reportWrong(link: Link, version: VersionId): Promise<void> {
    await link.call("inspect", encodeJson({ version }), READ_TIMEOUT_MS).catch(() => undefined);
  }

  async #serve({ message, signal }: ServerRequest): Promise<OutgoingResponse> {
    const { version, start, end, purpose } = decodeJson<ReadRequest>(message);
    const sizeBytes = readCopy(this.#catalog.read(), version)?.sizeBytes;
    const leave = purpose === "pull" && sizeBytes !== undefined ? this.#enter(sizeBytes) : () => undefined;
    try {
      const copy = await this.#copies.open(version);
      if (copy === undefined) throw new FsdfsError("copy-not-here", { path: version });
      const bytes = readCopyRange(copy, start, Math.min(end, copy.sizeBytes));
      if (purpose === "reader") return { head: encodeJson({}), body: bytes };
      const release = async () => {
        leave();
        await bytes.return(undefined);
      };
      return { head: encodeJson({}), body: releasing(this.#held(bytes, signal, leave), release) };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** The bytes of a pull of a small file, as the answer itself. */
  async #serveWhole(request: ServerRequest): Promise<OutgoingResponse> {
    const { end } = decodeJson<ReadRequest>(request.message);
    if (end > WHOLE_BYTES_MAX) throw new RangeError("a large file is read in a stream");
    const { body } = await this.#serve(request);
    const pieces: Bytes[] = [];
    for await (const piece of body ?? []) pieces.push(copyOf(piece));
    return { head: Buffer.concat(pieces) };
  }

  /** One more server pulls from here. Answers what tells that it does no more. @throws FsdfsError `overloaded` */
  #enter(sizeBytes: number): () => void {
    const share = sizeBytes <= SMALL_BYTES ? 1 / SMALL_IN_ONE : 1;
    if (this.#pullers + share > PULLERS_MAX) throw new FsdfsError("overloaded");
    this.#pullers += share;
    return once(() => {
      this.#pullers -= share;
    });
  }

  /** The bytes of a pull, held back for readers. */
  async *#held(bytes: AsyncIterable<Bytes>, signal: AbortSignal, leave: () => void): AsyncGenerator<Bytes> {
    try {
      yield* this.#throttle.held(bytes, signal);
    } finally {
      leave();
    }
  }

  async #serveInspect({ message }: ServerRequest): Promise<OutgoingResponse> {
    const { version } = decodeJson<{ version: VersionId }>(message);
    void this.#copies.inspect(version).catch(() => undefined);
    return { head: encodeJson({}) };
  }
}

function once(task: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) task();
    isDone = true;
  };
}

/** @throws NetworkError `closed` as soon as the signal is aborted, and what the request throws */
async function unlessAborted<T>(signal: AbortSignal | undefined, request: Promise<T>): Promise<T> {
  if (signal === undefined) return await request;
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new NetworkError("closed", "the request was given up"));
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([request, givenUp]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function* only(bytes: Bytes): AsyncGenerator<Bytes> {
  if (bytes.length > 0) yield bytes;
}
