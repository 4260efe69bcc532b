/**
 * Short calls to one server that are asked for at the same time go as one request, and each is answered as soon as it is
 * done: a request of its own costs both servers more than most of what these ask for.
 */
import { ByteReader, ByteWriter, copyOf } from "../../core/bytes.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { FsdfsError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { NetworkError, RemoteError } from "../../ports/network.ts";
import type { ServerHandler } from "./mesh.ts";
import { decodeJson, encodeJson } from "./messages.ts";

export const BUNDLE_METHOD = "bundle";
/** Calls in one request, and their bytes, so that heartbeats on the same connection do not wait for long. */
const CALLS_MAX = 64;
const BYTES_MAX = 128 * 1024;
/** Requests of which nothing is answered yet: the other server has one to do while it is sent the next. */
const UNANSWERED_MAX = 2;
const TIMEOUT_MS = 30_000;

interface Call {
  readonly method: string;
  readonly message: Bytes;
}

interface WaitingCall extends Call {
  readonly resolve: (answer: Bytes) => void;
  readonly reject: (error: unknown) => void;
}

/** Sends a bundle. Resolves with the bytes of its answers. */
type Send = (message: Bytes, timeoutMs: number, signal: AbortSignal) => Promise<AsyncIterable<Bytes>>;

/** The calling side. */
export class Bundler {
  readonly #clock: Clock;
  readonly #send: Send;
  #waiting: WaitingCall[] = [];
  #unanswered = 0;
  #isGathering = false;

  constructor(clock: Clock, send: Send) {
    this.#clock = clock;
    this.#send = send;
  }

  /** @throws NetworkError, RemoteError */
  call(method: string, message: Bytes): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ method, message, resolve, reject });
      void this.#goOn();
    });
  }

  async #goOn(): Promise<void> {
    if (this.#isGathering) return;
    this.#isGathering = true;
    await Promise.resolve(); // The rest of this turn may ask for more.
    this.#isGathering = false;
    while (this.#waiting.length > 0 && this.#unanswered < UNANSWERED_MAX) void this.#sendSome();
  }

  #takeSome(): WaitingCall[] {
    let count = 0;
    for (let bytes = 0; count < Math.min(this.#waiting.length, CALLS_MAX); count++) {
      bytes += this.#waiting[count]!.message.length;
      if (bytes > BYTES_MAX && count > 0) break;
    }
    return this.#waiting.splice(0, count);
  }

  async #sendSome(): Promise<void> {
    const calls: (WaitingCall | undefined)[] = this.#takeSome();
    let isAnswered = false;
    this.#unanswered += 1;
    const heard = () => {
      if (isAnswered) return;
      isAnswered = true;
      this.#unanswered -= 1;
      void this.#goOn();
    };
    const late = new AbortController();
    const cancel = this.#clock.after(TIMEOUT_MS, () => late.abort("late"));
    let failure: unknown = new NetworkError("closed", "the other server left a call without an answer");
    try {
      const message = encodeCalls(calls.flatMap((call) => call ?? []));
      for await (const answer of answersIn(await this.#send(message, TIMEOUT_MS, late.signal))) {
        settle(calls[answer.index], answer);
        calls[answer.index] = undefined;
        heard();
      }
    } catch (error) {
      failure = error;
    } finally {
      cancel();
      for (const call of calls) call?.reject(failure);
      heard();
    }
  }
}

interface Answer {
  /** Of the call, in its bundle. */
  readonly index: number;
  readonly succeeded: boolean;
  readonly bytes: Bytes;
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly params: Readonly<Record<string, string | number>>;
}

function settle(call: WaitingCall | undefined, { succeeded, bytes }: Answer): void {
  if (call === undefined) return;
  if (succeeded) call.resolve(bytes);
  else call.reject(failureIn(bytes));
}

function failureIn(bytes: Bytes): RemoteError {
  const { code, message, params } = decodeJson<Failure>(bytes);
  return new RemoteError(code, message, params);
}

/** The answering side: each call goes to the handler of its method, whose answer is a head alone. */
export function bundleHandler(handlers: ReadonlyMap<string, ServerHandler>): ServerHandler {
  return async ({ from, message, signal }) => {
    const answer = async ({ method, message: part }: Call) => {
      const handler = method === BUNDLE_METHOD ? undefined : handlers.get(method);
      if (handler === undefined) throw new FsdfsError("method-not-allowed", { method });
      return (await handler({ from, message: part, body: nothing(), signal })).head;
    };
    return { head: encodeJson({}), body: answersTo(decodeCalls(message), answer) };
  };
}

async function* nothing(): AsyncGenerator<Bytes> {}

/** Answers in the order in which they come, those that are there together in one piece. */
async function* answersTo(calls: readonly Call[], answer: (call: Call) => Promise<Bytes>): AsyncGenerator<Bytes> {
  let ready: Bytes[] = [];
  let wake: () => void = () => undefined;
  const run = async (call: Call, index: number) => {
    const answered = await answer(call).then(
      (bytes) => encodeAnswer(index, bytes),
      (error) => encodeFailure(index, error),
    );
    ready.push(answered);
    wake();
  };
  for (const [index, call] of calls.entries()) void run(call, index);
  for (let left = calls.length; left > 0; ) {
    if (ready.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const piece = ready;
    ready = [];
    left -= piece.length;
    yield piece.length === 1 ? piece[0]! : Buffer.concat(piece);
  }
}

function encodeCalls(calls: readonly Call[]): Bytes {
  const bytes = calls.reduce((sum, { method, message }) => sum + method.length + message.length + 8, 8);
  const writer = new ByteWriter(bytes).varint(calls.length);
  for (const { method, message } of calls) writer.text(method).bytes(message);
  return writer.finish();
}

/** @throws RangeError when it is no bundle */
function decodeCalls(message: Bytes): Call[] {
  const reader = new ByteReader(message);
  const count = reader.varint();
  if (count > CALLS_MAX) throw new RangeError(`a bundle of ${count} calls`);
  return Array.from({ length: count }, () => ({ method: reader.text(), message: reader.bytes() }));
}

const LENGTH_BYTES = 4;

/** Its length, the call's place in the bundle, whether it succeeded, and what was answered. */
function encodeAnswer(index: number, bytes: Bytes, succeeded = true): Bytes {
  const writer = new ByteWriter(LENGTH_BYTES + 2 + bytes.length);
  return writer
    .uint(2 + bytes.length, LENGTH_BYTES)
    .u8(index)
    .u8(succeeded ? 1 : 0)
    .raw(bytes)
    .finish();
}

/** A bug's message stays here. */
function encodeFailure(index: number, thrown: unknown): Bytes {
  const failure: Failure =
    thrown instanceof FsdfsError || thrown instanceof RemoteError
      ? { code: thrown.code, message: thrown.message, params: thrown.params }
      : { code: "internal", message: "The other server met an internal error.", params: {} };
  return encodeAnswer(index, encodeJson(failure), false);
}

async function* answersIn(body: AsyncIterable<Bytes>): AsyncGenerator<Answer> {
  let rest: Bytes = new Uint8Array();
  for await (const piece of body) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (let length = lengthOf(rest); length <= rest.length; length = lengthOf(rest)) {
      const bytes = rest.subarray(LENGTH_BYTES, length);
      yield { index: bytes[0]!, succeeded: bytes[1] === 1, bytes: copyOf(bytes.subarray(2)) };
      rest = rest.subarray(length);
    }
    rest = copyOf(rest); // The piece's memory is used again. (A Buffer's own `slice` copies nothing.)
  }
}

/** Of the first answer with what is before it; more than there is when not even that is there. */
function lengthOf(bytes: Bytes): number {
  if (bytes.length < LENGTH_BYTES) return LENGTH_BYTES;
  return LENGTH_BYTES + new ByteReader(bytes).uint(LENGTH_BYTES);
}
