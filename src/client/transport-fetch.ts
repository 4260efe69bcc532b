/** Exchanges over the platform's own `fetch`: Node.js, Deno, Bun and browsers. */
import type { Bytes } from "../core/catalog/kv.ts";
import { FsdfsError } from "../errors.ts";
import { chunksOf } from "./content.ts";
import { type Answer, connectionError, type Outgoing, type Transport } from "./transport.ts";

/** Where a request cannot be a stream, what comes as one is gathered first. */
const GATHERED_BYTES_MAX = 64 * 1024 * 1024;

export interface FetchOptions {
  /** Browsers stream what they send over HTTP/2 only, or not at all. */
  readonly streamsRequests: boolean;
  /** What tells the platform's fetch to wait for a server that may be silent; without it there may be a limit. */
  readonly patientInit?: object;
}

export function createFetchTransport({ streamsRequests, patientInit = {} }: FetchOptions): Transport {
  return {
    send: async (outgoing) => {
      const { method, url, signal } = outgoing;
      const source: { error?: unknown } = {};
      const body = streamsRequests ? streamed(outgoing, source) : await gathered(outgoing);
      const request = {
        method,
        headers: headersOf(outgoing),
        ...(body === undefined ? {} : { body, duplex: "half" as const }),
        ...(signal === undefined ? {} : { signal }),
        ...(outgoing.patient ? patientInit : {}),
      };
      try {
        const response = await fetch(url, { ...request, redirect: "manual" });
        // A browser does not show where a redirect leads. It follows by itself, and takes the key from what it sends on.
        const shown =
          response.type === "opaqueredirect" ? await fetch(url, { ...request, redirect: "follow" }) : response;
        return answerFrom(shown, outgoing);
      } catch (error) {
        signal?.throwIfAborted();
        if ("error" in source) throw source.error;
        throw connectionError(url, error);
      }
    },
    close: () => undefined,
  };
}

/** The platform tells the length of what it has in one piece by itself, and refuses to be told. */
function headersOf({ headers, whole }: Outgoing): Record<string, string> {
  const { "content-length": length, ...others } = headers;
  return length === undefined || whole !== undefined ? others : { ...others, "content-length": length };
}

function answerFrom(response: Response, { url, signal }: Outgoing): Answer {
  return {
    status: response.status,
    header: (name) => response.headers.get(name) || undefined,
    body: bodyOf(response, url, signal),
    discard: () => {
      response.body?.cancel().catch(() => undefined);
    },
  };
}

async function* bodyOf(response: Response, url: URL, signal?: AbortSignal): AsyncGenerator<Bytes> {
  if (response.body === null) return;
  try {
    yield* chunksOf(response.body);
  } catch (error) {
    signal?.throwIfAborted();
    throw connectionError(url, error);
  }
}

type Body = Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

/** What the source itself throws is kept: `fetch` tells only that something went wrong. */
function streamed({ body, whole }: Outgoing, source: { error?: unknown }): Body | undefined {
  if (whole !== undefined) return inOnePiece(whole);
  if (body === undefined) return undefined;
  const iterator = body[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      try {
        const next = await iterator.next();
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      } catch (error) {
        source.error = error;
        controller.error(error);
      }
    },
    cancel: async () => {
      await iterator.return?.();
    },
  });
}

async function gathered({ body, whole }: Outgoing): Promise<Body | undefined> {
  if (whole !== undefined) return inOnePiece(whole);
  if (body === undefined) return undefined;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > GATHERED_BYTES_MAX) {
      const reason = `this platform cannot stream it, and it has more than ${GATHERED_BYTES_MAX} bytes; put a Blob or a File`;
      throw new FsdfsError("argument-invalid", { name: "The content", reason });
    }
    chunks.push(new Uint8Array(chunk));
  }
  return new Blob(chunks);
}

function inOnePiece(whole: Blob | Bytes): Body {
  return whole instanceof Blob ? whole : new Uint8Array(whole);
}
