/** One request on the answering side: read it, hand it to the handler, send what that answers. */
import http2, { type ServerHttp2Stream } from "node:http2";
import {
  HEAD_BYTES_MAX,
  type IncomingRequest,
  NetworkError,
  type OutgoingResponse,
  type RequestHandler,
} from "../../ports/network.ts";
import { failureOf } from "./failures.ts";
import { MessageReader, writeHead, writeMessage } from "./wire.ts";

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = http2.constants;
const PATH = /^\/([a-z][a-z0-9-]{0,63})$/;

/** Never rejects: what goes wrong concerns this stream only, and its caller is told. */
export async function serve(
  stream: ServerHttp2Stream,
  path: string | undefined,
  remoteAddress: string,
  handler: RequestHandler,
): Promise<void> {
  // Failures are heard of by "close".
  stream.on("error", () => {});
  const method = PATH.exec(path ?? "")?.[1];
  if (method === undefined) return stream.close(NGHTTP2_REFUSED_STREAM);
  const reader = new MessageReader(stream, HEAD_BYTES_MAX);
  const caller = new AbortController();
  stream.once("close", () => {
    if (!stream.writableEnded || stream.rstCode !== NGHTTP2_NO_ERROR) caller.abort();
  });
  try {
    const head = await reader.head();
    const body = reader.body(() => stopUpload(stream, reader));
    await respond(stream, await answer(handler, { method, head, body, remoteAddress, signal: caller.signal }));
    stopUpload(stream, reader);
  } catch {
    // The caller has gone, its head was too long, or the body of the response failed midway.
    stream.close(NGHTTP2_INTERNAL_ERROR);
  }
}

type Answer = { status: 200; response: OutgoingResponse } | { status: 500; failure: Uint8Array };

async function answer(handler: RequestHandler, request: IncomingRequest): Promise<Answer> {
  try {
    const response = await handler(request);
    if (response.head.length <= HEAD_BYTES_MAX) return { status: 200, response };
    throw new NetworkError("too-large", `a response's head of ${response.head.length} bytes`);
  } catch (thrown) {
    return { status: 500, failure: new TextEncoder().encode(JSON.stringify(failureOf(thrown))) };
  }
}

async function respond(stream: ServerHttp2Stream, answered: Answer): Promise<void> {
  const body = answered.status === 200 ? answered.response.body : undefined;
  if (stream.destroyed || stream.closed) {
    // Nobody will read it: whoever made the body can let go of what it holds.
    await body?.[Symbol.asyncIterator]().return?.();
    return;
  }
  stream.respond({ ":status": answered.status }, { sendDate: false } as object);
  if (answered.status === 500) writeHead(stream, answered.failure);
  else if (body) await writeMessage(stream, answered.response.head, body);
  else writeHead(stream, answered.response.head);
}

/** The rest of the request's body is not wanted; the response goes on. */
function stopUpload(stream: ServerHttp2Stream, reader: MessageReader): void {
  if (reader.whole || stream.destroyed || stream.closed) return;
  if (stream.writableEnded) stream.close(NGHTTP2_NO_ERROR);
}
