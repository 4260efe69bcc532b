/** One request of the HTTP API: signed, repeated where that is safe, its answer read and its errors made ours. */
import type { Bytes } from "../core/catalog/kv.ts";
import { encodeUrlPath, parseDirectoryPath, parsePath } from "../core/paths.ts";
import { type ErrorCode, FsdfsError } from "../errors.ts";
import { answerError, parseJson } from "./answer-error.ts";
import { MAYBE_DONE, NOTHING_DONE, realWait, retrying, type Wait } from "./retry.ts";
import { type Answer, type Platform, shownUrl } from "./transport.ts";

const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Begins the lines of server-sent events that have something to say. */
const DATA = "data: ";

/** What the Authorization header of a request is to say; `target` is path and query as on the request line. */
export type Authorize = (method: string, target: string) => string | undefined | Promise<string | undefined>;

export interface ExchangeOptions {
  readonly base: URL;
  readonly platform: Platform;
  readonly authorize: Authorize;
  readonly wait?: Wait | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Ask {
  readonly method: string;
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: AsyncIterable<Bytes>;
  readonly whole?: Blob | Bytes;
  readonly json?: unknown;
  readonly patient?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Another server of the swarm than the one that the client was given. */
  readonly at?: URL;
}

export class Exchange {
  readonly base: URL;
  readonly platform: Platform;
  readonly #options: ExchangeOptions;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.base = options.base;
    this.platform = options.platform;
  }

  /** The same, given up when the signal is aborted. */
  withSignal(signal: AbortSignal): Exchange {
    return new Exchange({ ...this.#options, signal: this.#signals(signal) ?? signal });
  }

  async send(ask: Ask): Promise<Answer> {
    const { method, target } = ask;
    const authorization = await this.#options.authorize(method, target);
    const payload = ask.json === undefined ? undefined : new TextEncoder().encode(JSON.stringify(ask.json));
    const signal = this.#signals(ask.signal);
    return await this.platform.transport.send({
      method,
      url: new URL(target, ask.at ?? this.base),
      headers: {
        ...ask.headers,
        ...(authorization === undefined ? {} : { authorization }),
        ...(payload === undefined ? {} : { "content-type": "application/json", "content-length": `${payload.length}` }),
      },
      ...(payload === undefined
        ? { ...(ask.body && { body: ask.body }), ...(ask.whole && { whole: ask.whole }) }
        : { body: single(payload), whole: payload }),
      ...(ask.patient ? { patient: true } : {}),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** One attempt. @throws FsdfsError as the server tells it */
  async text(ask: Ask): Promise<string> {
    const answer = await this.send(ask);
    const text = await readText(answer);
    if (answer.status >= 300) throw answerError(answer.status, text) ?? notFsdfs(ask.at ?? this.base, answer.status);
    return text;
  }

  /** Values as they come, one a line. @throws FsdfsError what the server tells instead of them, or at the end of them */
  async *lines<T extends object>(ask: Ask): AsyncGenerator<T> {
    const answer = await this.send(ask);
    const { status } = answer;
    if (status >= 300) throw answerError(status, await readText(answer)) ?? notFsdfs(this.base, status);
    for await (const line of linesOf(answer)) {
      const value = this.parse<T>(line);
      if ("error" in value) throw answerError(500, line) ?? notFsdfs(this.base, status);
      yield value;
    }
  }

  /** Server-sent events as they come. @throws FsdfsError what the server tells instead of them */
  async *events<T extends object>(ask: Ask): AsyncGenerator<T> {
    const answer = await this.send({ ...ask, patient: true });
    const { status } = answer;
    if (status >= 300) throw answerError(status, await readText(answer)) ?? notFsdfs(this.base, status);
    for await (const line of linesOf(answer)) {
      if (line.startsWith(DATA)) yield this.parse<T>(line.slice(DATA.length));
    }
  }

  async repeated<T>(codes: readonly ErrorCode[], attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return await retrying(codes, attempt, { wait: this.#options.wait, signal: this.#signals(signal) });
  }

  /** Asks for JSON, which may be asked for twice. */
  async read<T>(target: string, json?: unknown): Promise<T> {
    const ask = json === undefined ? { method: "GET", target } : { method: "POST", target, json };
    return this.parse<T>(await this.repeated(MAYBE_DONE, () => this.text(ask)));
  }

  /** Has something changed, once. @param patient as in `Ask` */
  async change(method: string, target: string, json?: unknown, patient = false): Promise<string> {
    const ask = { method, target, patient, ...(json === undefined ? {} : { json }) };
    return await this.repeated(NOTHING_DONE, () => this.text(ask));
  }

  /** The server's own type is taken on trust: it is of the same release, or says which in `softwareVersion`. */
  parse<T>(text: string): T {
    const value = parseJson(text);
    if (typeof value !== "object" || value === null) throw notFsdfs(this.base, 200);
    return value as T;
  }

  /** Waits between attempts that are counted elsewhere. */
  async pause(ms: number, signal?: AbortSignal): Promise<void> {
    await (this.#options.wait ?? realWait)(ms, this.#signals(signal));
  }

  #signals(signal: AbortSignal | undefined): AbortSignal | undefined {
    const own = this.#options.signal;
    return own !== undefined && signal !== undefined ? AbortSignal.any([own, signal]) : (signal ?? own);
  }
}

async function* single(chunk: Bytes): AsyncGenerator<Bytes> {
  yield chunk;
}

export async function readText(answer: Answer): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let sizeBytes = 0;
  for await (const chunk of answer.body) {
    sizeBytes += chunk.length;
    if (sizeBytes > ANSWER_BYTES_MAX) throw new Error(`an answer has more than ${ANSWER_BYTES_MAX} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

async function* linesOf(answer: Answer): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of answer.body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > ANSWER_BYTES_MAX) throw new Error(`a line has more than ${ANSWER_BYTES_MAX} characters`);
    yield* lines;
  }
  if (rest !== "") yield rest;
}

export function notFsdfs(url: URL, status: number): FsdfsError {
  const reason = `what answers there (with status ${status}) is not fsdfs`;
  return new FsdfsError("server-unreachable", { url: shownUrl(url), reason });
}

export function fileTarget(path: string): string {
  return `/files/${encodeUrlPath(parsePath(path))}`;
}

export function directoryTarget(path: string): string {
  const directory = parseDirectoryPath(path);
  return directory === "" ? "/files/" : `/files/${encodeUrlPath(directory)}/`;
}

export function queryOf(members: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const given = Object.entries(members).filter(([, value]) => value !== undefined && value !== false);
  return given.length === 0
    ? ""
    : `?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]))}`;
}
