/**
 * Fetching what lies at a URL, for `PUT /files/{path}?from=URL`: http and https, a few redirects, from public addresses
 * only unless private ones are allowed, and never from one that was not checked: a name is looked up once, and the
 * connection goes to what was found. Whoever answers there may be hostile: he hangs, lies about the length, never ends.
 */
import { lookup } from "node:dns/promises";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { LookupFunction } from "node:net";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import type { Bytes } from "../../../core/catalog/kv.ts";
import { FsdfsError } from "../../../errors.ts";
import type { HttpLimits } from "../limits.ts";
import { isAmong, isPublicAddress } from "./addresses.ts";

// An import by name would load undici too, for other names of the module: 80 ms of each start.
const { request: httpRequest } = process.getBuiltinModule("node:http");

export interface Address {
  readonly address: string;
  readonly family: number;
}

/** All addresses of a host. */
export type Lookup = (host: string) => Promise<readonly Address[]>;

export interface FetcherOptions {
  /** Addresses of this machine and its networks may be fetched from as well. */
  readonly allowPrivate: boolean;
  readonly limits: HttpLimits;
  /** The system's by default. */
  readonly lookup?: Lookup;
  /** This machine's addresses; those of its network interfaces by default. */
  readonly own?: () => readonly string[];
}

export interface Fetched {
  /** What the source says; undefined when it does not. */
  readonly sizeBytes: number | undefined;
  /** @throws FsdfsError `fetch-failed`, `fetch-timeout` */
  readonly body: AsyncIterable<Bytes>;
  /** Hangs up, whether the body was read or not. To be called in any case. */
  close(): void;
}

export interface Fetcher {
  /** @throws FsdfsError `argument-invalid`, `fetch-refused`, `fetch-failed`, `fetch-timeout`, `overloaded` */
  open(url: string, signal: AbortSignal): Promise<Fetched>;
}

const SUCCESSES: readonly (number | undefined)[] = [200, 203];
const REDIRECTS: readonly (number | undefined)[] = [301, 302, 303, 307, 308];

export function createFetcher(options: FetcherOptions): Fetcher {
  let running = 0;
  return {
    async open(text, signal) {
      const url = parseUrl(text);
      if (running >= options.limits.fetchesMax) throw new FsdfsError("overloaded");
      running += 1;
      let isOpen = true;
      const end = () => {
        if (isOpen) running -= 1;
        isOpen = false;
      };
      try {
        const { response, from } = await follow(options, url, signal);
        return {
          sizeBytes: declaredSize(response),
          body: readResponse(response, from, options.limits.fetchIdleMs, signal),
          close: () => {
            response.destroy();
            end();
          },
        };
      } catch (error) {
        end();
        throw error;
      }
    },
  };
}

/** @throws FsdfsError `argument-invalid` */
function parseUrl(text: string, base?: URL): URL {
  const invalid = (reason: string) => new FsdfsError("argument-invalid", { name: "from", reason });
  const url = URL.parse(text, base?.href);
  if (url === null) throw invalid("it is no URL");
  if (url.protocol !== "http:" && url.protocol !== "https:") throw invalid("only http:// and https:// are fetched");
  if (url.username !== "" || url.password !== "") throw invalid("a user's name or password in a URL is not sent");
  return url;
}

interface Answered {
  readonly response: IncomingMessage;
  readonly from: URL;
}

async function follow(options: FetcherOptions, start: URL, signal: AbortSignal): Promise<Answered> {
  const deadlineMs = performance.now() + options.limits.fetchAnswerMs;
  for (let url = start, redirects = 0; ; redirects++) {
    const response = await answerOf(options, url, deadlineMs, signal);
    const { location } = response.headers;
    if (!REDIRECTS.includes(response.statusCode) || location === undefined) {
      if (!SUCCESSES.includes(response.statusCode)) {
        response.destroy();
        throw failed(url, `it answered with status ${response.statusCode}`);
      }
      checkEncoding(response, url);
      return { response, from: url };
    }
    response.destroy();
    if (redirects === options.limits.fetchRedirectsMax) throw failed(start, "it leads from one address to the next");
    url = redirected(location, url);
  }
}

function redirected(location: string, from: URL): URL {
  try {
    return parseUrl(location, from);
  } catch (error) {
    throw failed(from, "it leads to an address that is not fetched", error);
  }
}

/** An encoded body is not the file that lies there, and its digest would be another each time. */
function checkEncoding(response: IncomingMessage, url: URL): void {
  const encoding = response.headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return;
  response.destroy();
  throw failed(url, "it answered in an encoding that was not asked for");
}

async function answerOf(
  options: FetcherOptions,
  url: URL,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { limits } = options;
  const late = new AbortController();
  // Until the answer's head is there; its body has a time of its own.
  const timer = setTimeout(() => late.abort(), Math.max(deadlineMs - performance.now(), 0));
  const either = AbortSignal.any([signal, late.signal]);
  try {
    const addresses = await abortable(addressesOf(options, url), either);
    return await sendRequest(url, {
      method: "GET",
      agent: false,
      headers: { accept: "*/*", "accept-encoding": "identity", "user-agent": "fsdfs" },
      maxHeaderSize: limits.fetchHeaderBytesMax,
      lookup: only(addresses),
      signal: either,
    });
  } catch (error) {
    if (error instanceof FsdfsError) throw error;
    if (late.signal.aborted && !signal.aborted) {
      throw new FsdfsError("fetch-timeout", { url: shown(url), seconds: limits.fetchAnswerMs / 1000 });
    }
    throw failed(url, reasonOf(error), error);
  } finally {
    clearTimeout(timer);
  }
}

function sendRequest(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, options);
    request.once("response", resolve);
    // Stays: what breaks after the head is told by the body.
    request.on("error", reject);
    request.once("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Error("it answered in another protocol"));
    });
    request.end();
  });
}

/** What may be connected to. @throws FsdfsError `fetch-refused`, `fetch-failed` */
async function addressesOf(options: FetcherOptions, url: URL): Promise<readonly Address[]> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  const found = family === 0 ? await (options.lookup ?? lookUp)(host) : [{ address: host, family }];
  if (options.allowPrivate) return found;
  const own = (options.own ?? ownAddresses)();
  const open = found.filter(({ address }) => isPublicAddress(address) && !isAmong(address, own));
  if (open.length === 0) throw new FsdfsError("fetch-refused", { url: shown(url) });
  return open;
}

const lookUp: Lookup = (host) => lookup(host, { all: true });

/** A public address of this machine leads past its firewall when it is used from inside. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
}

/** Answers what was checked, whatever is asked: a name that means something else by now is not looked up again. */
function only(addresses: readonly Address[]): LookupFunction {
  return (_host, { all }, callback) => {
    if (all) callback(null, [...addresses]);
    else callback(null, addresses[0]?.address ?? "", addresses[0]?.family);
  };
}

function declaredSize({ headers }: IncomingMessage): number | undefined {
  const declared = headers["content-length"];
  return declared === undefined || !Number.isSafeInteger(Number(declared)) ? undefined : Number(declared);
}

/** Read no faster than it is asked for; only waiting for the source is held against it. */
async function* readResponse(
  response: IncomingMessage,
  from: URL,
  idleMs: number,
  signal: AbortSignal,
): AsyncGenerator<Bytes> {
  const chunks: AsyncIterator<Buffer> = response[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await within(chunks.next(), idleMs, signal);
      if (next === "late") {
        throw new FsdfsError("fetch-timeout", { url: shown(from), seconds: idleMs / 1000 });
      }
      if (next.done) break;
      yield next.value;
    }
    if (!response.complete) throw failed(from, "the connection ended before its last byte");
  } catch (error) {
    throw error instanceof FsdfsError ? error : failed(from, reasonOf(error), error);
  } finally {
    response.destroy();
  }
}

async function within<T>(promise: Promise<T>, timeoutMs: number, signal: AbortSignal): Promise<T | "late"> {
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), timeoutMs);
  promise.catch(() => undefined); // It may fail when nobody waits for it any more.
  try {
    return await abortable(Promise.race([promise, late]), signal);
  } finally {
    clearTimeout(timer);
  }
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new Error("it was given up"));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function failed(url: URL, reason: string, cause?: unknown): FsdfsError {
  return new FsdfsError("fetch-failed", { url: shown(url), reason }, { cause });
}

/** A query may be a signature, so it is not shown. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the connection ended before its last byte",
  EPIPE: "the connection ended before its last byte",
  EHOSTUNREACH: "no way leads to that machine",
  ENETUNREACH: "no way leads to that network",
  ENOTFOUND: "that name is not known",
  EAI_AGAIN: "names cannot be looked up now",
  ETIMEDOUT: "it does not answer",
  HPE_HEADER_OVERFLOW: "its headers are too large",
  HPE_INVALID_CONTENT_LENGTH: "it tells no sound length",
  HPE_UNEXPECTED_CONTENT_LENGTH: "it tells its length in two ways",
};

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (REASONS[code] !== undefined) return REASONS[code];
  if (code.startsWith("HPE_")) return "what it answers is not HTTP";
  if (/CERT|TLS|SSL/.test(code)) return `its certificate or TLS is not right (${code})`;
  return error instanceof Error && error.message !== "" ? error.message : "it broke off";
}
