/**
 * Whom to read a file from (S5, S6). Of the holders that the caller has located the one that has least to do; else the
 * server that was given, or where it redirects to. What one cannot give is asked of the next, and in the end of the
 * server that was given, which passes on what others hold.
 */
import type { Bytes } from "../core/catalog/kv.ts";
import { FsdfsError } from "../errors.ts";
import type { Location } from "../server/face.ts";
import { answerError } from "./answer-error.ts";
import { type Download, downloadOf, type Opened } from "./download.ts";
import { type Exchange, fileTarget, notFsdfs, readText } from "./exchange.ts";
import type { Holders } from "./holders.ts";
import { MAYBE_DONE } from "./retry.ts";
import type { Answer } from "./transport.ts";

export interface GetOptions {
  /** Bytes `start` to `end`, exclusive. */
  readonly range?: { readonly start: number; readonly end?: number };
  /** Of the whole file. */
  readonly sha256?: string;
  /** Only this version. @throws FsdfsError `precondition-failed` */
  readonly version?: string;
  /** "never" takes the file through the server that was given. */
  readonly redirect?: "auto" | "never";
  /** What `locate` said: the holders are asked directly, each for about as much as the others. */
  readonly from?: Location | undefined;
  /** Locates the file first, for the same. */
  readonly spread?: boolean;
  readonly signal?: AbortSignal;
}

/** After the first break of a download; twice as long after each further one. */
const REOPEN_WAIT_MS = 100;

export async function readFile(
  exchange: Exchange,
  holders: Holders,
  path: string,
  options: GetOptions,
): Promise<Download> {
  checkRange(options.range);
  const attempt = new Attempt(exchange, holders, path, options);
  const opened = await exchange.repeated(MAYBE_DONE, () => attempt.open(headersOf(options)), options.signal);
  return downloadOf(opened, {
    path,
    sha256: options.sha256,
    hash: () => exchange.platform.sha256(),
    reopen: async (start, end, version, failures) => {
      await exchange.pause(REOPEN_WAIT_MS * (2 ** failures - 1), options.signal);
      const headers = headersOf({ range: { start, end }, version });
      return await exchange.repeated(MAYBE_DONE, () => attempt.open(headers), options.signal);
    },
  });
}

/** HTTP has no word for a range without bytes: what looks like one is passed over, and the whole file answered. */
function checkRange(range: GetOptions["range"]): void {
  if (range === undefined) return;
  const { start, end = start + 1 } = range;
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start < end) return;
  throw new FsdfsError("argument-invalid", { name: "range", reason: `${start} to ${end} are no bytes of a file` });
}

type Headers = Readonly<Record<string, string>>;

function headersOf({ range, version }: Pick<GetOptions, "range" | "version">): Headers {
  return {
    ...(range === undefined ? {} : { range: `bytes=${range.start}-${range.end === undefined ? "" : range.end - 1}` }),
    ...(version === undefined ? {} : { "if-match": `"${version}"` }),
  };
}

class Attempt {
  readonly #exchange: Exchange;
  readonly #holders: Holders;
  readonly #path: string;
  readonly #options: GetOptions;

  constructor(exchange: Exchange, holders: Holders, path: string, options: GetOptions) {
    this.#exchange = exchange;
    this.#holders = holders;
    this.#path = path;
    this.#options = options;
  }

  async open(headers: Headers): Promise<Opened> {
    const { from, redirect = "auto" } = this.#options;
    if (redirect === "never") {
      return await contentIn(await this.#ask("?redirect=never", headers), this.#exchange.base, headers);
    }
    const holders = from === undefined ? [] : await this.#holders.proven(from.servers);
    // Nothing may happen between the choice and its being counted, or all who read at once choose the same.
    for (const { url } of this.#holders.leastReadFirst(holders)) {
      const opened = await this.#fromHolder(url, headers);
      if (opened !== undefined) return opened;
    }
    return await this.#fromBase(headers);
  }

  /** undefined when that one cannot give it; the server that was given has the last word on why. */
  async #fromHolder(url: string, headers: Headers): Promise<Opened | undefined> {
    const end = this.#holders.begin(url);
    try {
      const at = new URL(url);
      const answer = await this.#ask("?redirect=never", headers, at);
      return watched(await contentIn(answer, at, headers), end, () => this.#holders.failed(url));
    } catch (error) {
      end();
      if (!(error instanceof FsdfsError)) throw error;
      this.#holders.failed(url);
      return undefined;
    }
  }

  /**
   * A redirect leads to a holder by a link that is signed, and so needs no key of ours. Where it leads nowhere, the file
   * is taken through the server that was asked.
   */
  async #fromBase(headers: Headers): Promise<Opened> {
    const { base, platform } = this.#exchange;
    const first = await this.#ask("", headers);
    if (first.status !== 307) return await contentIn(first, base, headers);
    first.discard();
    const location = first.header("location") ?? "";
    if (URL.canParse(location, base.href)) {
      const holder = new URL(location, base.href);
      const { signal } = this.#options;
      try {
        const second = await platform.transport.send({
          method: "GET",
          url: holder,
          headers,
          ...(signal ? { signal } : {}),
        });
        return await contentIn(second, holder, headers);
      } catch (error) {
        if (!(error instanceof FsdfsError)) throw error;
      }
    }
    return await contentIn(await this.#ask("?redirect=never", headers), base, headers);
  }

  #ask(query: string, headers: Headers, at?: URL): Promise<Answer> {
    const { signal } = this.#options;
    const target = fileTarget(this.#path) + query;
    return this.#exchange.send({
      method: "GET",
      target,
      headers,
      ...(at ? { at } : {}),
      ...(signal ? { signal } : {}),
    });
  }
}

async function contentIn(answer: Answer, url: URL, { range }: Headers): Promise<Opened> {
  const { status } = answer;
  if (status !== 200 && status !== 206) throw answerError(status, await readText(answer)) ?? notFsdfs(url, status);
  const got = status === 200 && range !== undefined ? cutOut(answer, range, url) : answer;
  return { answer: got, close: () => undefined };
}

/** The part that was asked for, of the whole file that came: a proxy may know no ranges (RFC 9110, 14.2). */
function cutOut(whole: Answer, range: string, url: URL): Answer {
  const [, first = "", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  const size = Number(whole.header("content-length") ?? Number.NaN);
  const [start, end] = [Number(first), last === "" ? size : Math.min(Number(last) + 1, size)];
  if (!(start < end)) {
    whole.discard();
    throw Number.isNaN(size) ? notFsdfs(url, whole.status) : new FsdfsError("range-unsatisfiable", { size });
  }
  const headers = { "content-range": `bytes ${start}-${end - 1}/${size}`, "content-length": `${end - start}` };
  const told = new Map(Object.entries(headers));
  return {
    status: 206,
    header: (name) => told.get(name) ?? whole.header(name),
    body: between(whole.body, start, end),
    discard: () => whole.discard(),
  };
}

async function* between(body: AsyncIterable<Bytes>, start: number, end: number): AsyncGenerator<Bytes> {
  let position = 0;
  for await (const chunk of body) {
    const wanted = chunk.subarray(Math.max(start - position, 0), Math.max(end - position, 0));
    position += chunk.length;
    if (wanted.length > 0) yield wanted;
    if (position >= end) return;
  }
}

/** Tells when it is over, and when it broke. */
function watched({ answer }: Opened, end: () => void, broke: () => void): Opened {
  async function* body() {
    try {
      yield* answer.body;
    } catch (error) {
      if (error instanceof FsdfsError) broke();
      throw error;
    }
  }
  const { status } = answer;
  return {
    answer: { status, header: (name) => answer.header(name), body: body(), discard: () => answer.discard() },
    close: end,
  };
}
