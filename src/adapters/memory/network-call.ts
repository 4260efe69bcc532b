/** One request over an in-memory connection: the caller's side and the handler's side, which only meet through pipes. */
import { copyOf } from "../../core/bytes.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { FsdfsError } from "../../errors.ts";
import {
  HEAD_BYTES_MAX,
  type IncomingRequest,
  NetworkError,
  type OutgoingRequest,
  type OutgoingResponse,
  RemoteError,
  type RequestHandler,
  type Response,
} from "../../ports/network.ts";
import type { Pipe, Scheduler } from "./fabric.ts";
import { BodyReceiver, BodySender, FRAME_BYTES } from "./network-body.ts";

export class ClientCall {
  readonly response: Promise<Response>;
  /** The other side, once the request has arrived there. Used only inside of what a pipe delivers. */
  server: ServerCall | undefined;
  readonly body: BodyReceiver;
  readonly sender: BodySender | undefined;
  readonly #pipe: Pipe;
  readonly #onOver: (call: ClientCall) => void;
  readonly #settle: { resolve: (response: Response) => void; reject: (error: unknown) => void };
  readonly #forgetSignal: () => void;
  readonly #cancelTimer: () => void;
  #state: "waiting" | "reading" | "over" = "waiting";

  constructor(request: OutgoingRequest, scheduler: Scheduler, pipe: Pipe, onOver: (call: ClientCall) => void) {
    this.#pipe = pipe;
    this.#onOver = onOver;
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#settle = { resolve, reject };
    this.body = new BodyReceiver(
      (bytes) => pipe.send(FRAME_BYTES, () => this.server?.sender?.grant(bytes)),
      () => this.#cancel(givenUp()),
    );
    this.sender =
      request.body &&
      new BodySender(request.body, pipe, {
        push: (chunk) => this.server?.body.push(chunk),
        end: () => this.server?.body.end(),
        fail: (error) => this.server?.body.fail(error),
      });
    this.#cancelTimer = scheduler.after(request.timeoutMs, () => {
      this.#cancel(new NetworkError("timeout", `no answer to "${request.method}" within ${request.timeoutMs} ms`));
    });
    this.#forgetSignal = onAbort(request.signal, () => this.#cancel(givenUp()));
  }

  /** After the head is on its way. A body that throws fails the request with what it threw. */
  sendBody(): void {
    this.sender?.run().catch((error: unknown) => this.#fail(error, new NetworkError("closed", "the body failed")));
  }

  answered(head: Bytes, hasBody: boolean): void {
    if (this.#state !== "waiting") return;
    this.#state = "reading";
    this.#cancelTimer();
    this.#settle.resolve({ head, body: this.body });
    if (!hasBody) this.ended();
  }

  refused(error: RemoteError): void {
    if (this.#state !== "waiting") return;
    this.#settle.reject(error);
    this.#finish();
  }

  ended(): void {
    this.body.end();
    this.#finish();
  }

  /** The response's body broke off at the other side. */
  failed(error: NetworkError): void {
    this.body.fail(error);
    this.#finish();
  }

  /** The connection is gone. */
  broke(error: NetworkError): void {
    this.#settle.reject(error);
    this.body.fail(error);
    this.#finish();
  }

  #cancel(error: NetworkError): void {
    this.#fail(error, error);
  }

  #fail(error: unknown, told: NetworkError): void {
    if (this.#state === "over") return;
    this.#pipe.send(FRAME_BYTES, () => this.server?.abandoned());
    this.#settle.reject(error);
    this.body.fail(told);
    this.#finish();
  }

  #finish(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#cancelTimer();
    this.#forgetSignal();
    this.sender?.stop();
    this.#onOver(this);
  }
}

export class ServerCall {
  readonly body: BodyReceiver;
  sender: BodySender | undefined;
  readonly #client: ClientCall;
  readonly #pipe: Pipe;
  readonly #remoteAddress: string;
  readonly #onOver: (call: ServerCall) => void;
  /** Made when it is asked for: few handlers look, and one costs as much as the rest of the call. */
  #controller: AbortController | undefined;
  #aborted = false;
  #over = false;

  constructor(client: ClientCall, pipe: Pipe, remoteAddress: string, onOver: (call: ServerCall) => void) {
    this.#client = client;
    this.#pipe = pipe;
    this.#remoteAddress = remoteAddress;
    this.#onOver = onOver;
    this.body = new BodyReceiver(
      (bytes) => pipe.send(FRAME_BYTES, () => client.sender?.grant(bytes)),
      () => pipe.send(FRAME_BYTES, () => client.sender?.stop()),
    );
    if (client.sender === undefined) this.body.end();
  }

  async handle(handler: RequestHandler, method: string, head: Bytes, onBug: (error: unknown) => void): Promise<void> {
    try {
      const response = await handler(this.#incoming(method, head));
      refuseTooLarge(response.head.length);
      if (this.#aborted) await letGo(response);
      else await this.#respond(response);
    } catch (thrown) {
      if (!(thrown instanceof FsdfsError) && !(thrown instanceof RemoteError)) onBug(thrown);
      const error = remoteErrorOf(thrown);
      this.#pipe.send(FRAME_BYTES, () => this.#client.refused(error));
    } finally {
      this.#finish();
    }
  }

  /** The caller gave up or does not read on. */
  abandoned(): void {
    this.broke(givenUp());
  }

  broke(error: NetworkError): void {
    if (this.#over) return;
    this.#aborted = true;
    this.body.fail(error);
    this.sender?.stop();
    this.#controller?.abort();
  }

  #incoming(method: string, head: Bytes): IncomingRequest {
    return new Incoming(method, head, this.body, this.#remoteAddress, () => this.#signal());
  }

  #signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted && !this.#controller.signal.aborted) this.#controller.abort();
    return this.#controller.signal;
  }

  async #respond(response: OutgoingResponse): Promise<void> {
    const head = copyOf(response.head);
    const hasBody = response.body !== undefined;
    this.#pipe.send(FRAME_BYTES + head.length, () => this.#client.answered(head, hasBody));
    if (response.body === undefined) return;
    this.sender = new BodySender(response.body, this.#pipe, {
      push: (chunk) => this.#client.body.push(chunk),
      end: () => this.#client.ended(),
      fail: (error) => this.#client.failed(error),
    });
    try {
      await this.sender.run();
    } catch {
      // The caller has been told by the sender that the body broke off.
    }
  }

  #finish(): void {
    this.#over = true;
    // The rest of the request's body is not wanted any more.
    this.body.leave();
    this.#onOver(this);
  }
}

class Incoming implements IncomingRequest {
  readonly method: string;
  readonly head: Bytes;
  readonly body: AsyncIterable<Bytes>;
  readonly remoteAddress: string;
  readonly #signal: () => AbortSignal;

  constructor(
    method: string,
    head: Bytes,
    body: AsyncIterable<Bytes>,
    remoteAddress: string,
    signal: () => AbortSignal,
  ) {
    this.method = method;
    this.head = head;
    this.body = body;
    this.remoteAddress = remoteAddress;
    this.#signal = signal;
  }

  get signal(): AbortSignal {
    return this.#signal();
  }
}

export function refuseTooLarge(sizeBytes: number): void {
  if (sizeBytes > HEAD_BYTES_MAX) {
    throw new NetworkError("too-large", `a head of ${sizeBytes} bytes, ${HEAD_BYTES_MAX} are allowed`);
  }
}

/** What a handler threw, as its caller is told; a bug's message stays on its own side. */
function remoteErrorOf(thrown: unknown): RemoteError {
  if (thrown instanceof FsdfsError || thrown instanceof RemoteError) {
    return new RemoteError(thrown.code, thrown.message, { ...thrown.params });
  }
  return new RemoteError("internal", "The other server met an internal error.");
}

/** Nobody will read it: whoever made the body can let go of what it holds. */
async function letGo(response: OutgoingResponse): Promise<void> {
  await response.body?.[Symbol.asyncIterator]().return?.();
}

function givenUp(): NetworkError {
  return new NetworkError("closed", "the request was given up");
}

/** Calls `abort` once when the signal fires; answers the function that stops listening. */
function onAbort(signal: AbortSignal | undefined, abort: () => void): () => void {
  if (!signal) return () => {};
  signal.addEventListener("abort", abort, { once: true });
  return () => signal.removeEventListener("abort", abort);
}
