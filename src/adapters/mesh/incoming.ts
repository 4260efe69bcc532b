/** One request on the answering side: hand it to the handler, send what that answers. */
import {
  HEAD_BYTES_MAX,
  type IncomingRequest,
  NetworkError,
  type OutgoingResponse,
  type RequestHandler,
} from "../../ports/network.ts";
import type { Exchange } from "./exchange.ts";
import { encodeFailure } from "./failures.ts";
import { FRAME } from "./frames.ts";
import type { Session } from "./session.ts";

const METHOD = /^[a-z][a-z0-9-]{0,63}$/;

/** Never rejects: what goes wrong concerns this exchange only, and its caller is told. */
export async function serve(
  session: Session,
  exchange: Exchange,
  payload: Buffer,
  remoteAddress: string,
  handler: RequestHandler,
): Promise<void> {
  const nameEnd = 1 + (payload[0] ?? 0);
  const method = payload.toString("latin1", 1, nameEnd);
  if (payload.length < nameEnd || !METHOD.test(method))
    return exchange.giveUp(new NetworkError("closed", "no method has such a name"));
  const caller = new Caller(exchange);
  exchange.leave = () => stopUpload(session, exchange);
  const request: IncomingRequest = {
    method,
    head: payload.subarray(nameEnd),
    body: exchange.incoming.bytes(),
    remoteAddress,
    get signal() {
      return caller.signal;
    },
  };
  try {
    await respond(session, exchange, await answer(handler, request));
    stopUpload(session, exchange);
  } catch {
    // The body of the response failed midway.
    exchange.giveUp(new NetworkError("closed", "the response's body failed"));
  }
}

/** Who asks. The signal is made when somebody looks at it, which few do. */
class Caller {
  #controller: AbortController | undefined;
  #hasGone = false;

  constructor(exchange: Exchange) {
    exchange.onGivenUp = () => {
      this.#hasGone = true;
      this.#controller?.abort();
    };
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#hasGone) this.#controller.abort();
    return this.#controller.signal;
  }
}

type Answer = { status: 200; response: OutgoingResponse } | { status: 500; failure: Uint8Array };

async function answer(handler: RequestHandler, request: IncomingRequest): Promise<Answer> {
  try {
    const response = await handler(request);
    if (response.head.length <= HEAD_BYTES_MAX) return { status: 200, response };
    throw new NetworkError("too-large", `a response's head of ${response.head.length} bytes`);
  } catch (thrown) {
    return { status: 500, failure: encodeFailure(thrown) };
  }
}

async function respond(session: Session, exchange: Exchange, answered: Answer): Promise<void> {
  const body = answered.status === 200 ? answered.response.body : undefined;
  if (exchange.isOver) {
    // Nobody will read it: whoever made the body can let go of what it holds.
    await body?.[Symbol.asyncIterator]().return?.();
    return;
  }
  if (answered.status === 500) session.send(FRAME.failure, exchange.id, answered.failure);
  else session.send(body ? FRAME.responseWithBody : FRAME.response, exchange.id, answered.response.head);
  if (body) await exchange.sendBody(body);
  else exchange.sent();
}

/** The rest of the request's body is not wanted; the response goes on. */
function stopUpload(session: Session, exchange: Exchange): void {
  if (exchange.isOver || exchange.incoming.isOver) return;
  session.send(FRAME.stop, exchange.id);
  exchange.stopReceiving();
}
