/**
 * What the client needs of a platform: one HTTP exchange after another, and a digest that grows with what it is fed.
 * transport-node.ts and transport-fetch.ts are the two that there are; neither knows what is asked, nor of repeating it.
 */
import type { Bytes } from "../core/catalog/kv.ts";
import { FsdfsError } from "../errors.ts";

export interface Outgoing {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: AsyncIterable<Bytes>;
  /** The same in one piece, for a platform that cannot stream what it sends. */
  readonly whole?: Blob | Bytes;
  readonly signal?: AbortSignal;
  /** The server may be silent for as long as it works; else it is taken for gone. */
  readonly patient?: boolean;
}

export interface Answer {
  readonly status: number;
  /** By its name in lower case; undefined when it is missing or empty. */
  header(name: string): string | undefined;
  /** Once only. Throws when it is cut short. Whoever leaves it early lets go of the connection. */
  readonly body: AsyncIterable<Bytes>;
  /** The body is not wanted. */
  discard(): void;
}

export interface Transport {
  /**
   * Resolves with the answer's head.
   * @throws FsdfsError `server-unreachable`, `connection-lost`; the signal's reason when that is aborted
   */
  send(outgoing: Outgoing): Promise<Answer>;
  close(): void;
}

export interface IncrementalHash {
  update(bytes: Bytes): void;
  /** Hexadecimal, in lower case; once, at the end. */
  hex(): string;
}

export interface Platform {
  readonly transport: Transport;
  sha256(): IncrementalHash;
}

/** The parts of a URL that a message may show: never a signature. */
export function shownUrl(url: URL): string {
  return url.origin;
}

/** Errors that come before the server has seen anything of the request. */
const UNREACHABLE = [
  "ECONNREFUSED",
  "ConnectionRefused",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EADDRNOTAVAIL",
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
];

export function connectionError(url: URL, cause: unknown): FsdfsError {
  const code = errnoOf(cause);
  const reason = REASONS[code] ?? (messageOf(cause) || code);
  const kind =
    UNREACHABLE.includes(code) || /CERT|ISSUER|LEAF/.test(code) || code.startsWith("HPE_")
      ? "server-unreachable"
      : "connection-lost";
  return new FsdfsError(kind, { url: shownUrl(url), reason }, { cause });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ConnectionRefused: "nothing listens there",
  ECONNRESET: "it was reset",
  EPIPE: "it was closed",
  EHOSTUNREACH: "no way leads to that machine",
  ENETUNREACH: "no way leads to that network",
  ENOTFOUND: "that name is not known",
  EAI_AGAIN: "names cannot be looked up now",
  ETIMEDOUT: "it does not answer",
  UND_ERR_CONNECT_TIMEOUT: "it does not answer",
  UND_ERR_SOCKET: "it was closed",
  ...certificateReasons("it is signed by itself", "DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN"),
  ...certificateReasons("its authority is not known here", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
  ...certificateReasons("its authority is not known here", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"),
  ...certificateReasons("it is for another name", "ERR_TLS_CERT_ALTNAME_INVALID"),
  CERT_HAS_EXPIRED: "its certificate has expired",
};

function certificateReasons(why: string, ...codes: readonly string[]): Record<string, string> {
  const reason = `its certificate is not trusted here, since ${why}; with --ca FILE, or NODE_EXTRA_CA_CERTS, it can be`;
  return Object.fromEntries(codes.map((code) => [code, reason]));
}

/** A name with several addresses fails with one error that holds those of each; fetch wraps them once more. */
function errnoOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errnoOf(error.errors[0]);
  if (!(error instanceof Error)) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.cause === undefined ? "" : errnoOf(error.cause);
}

/** "fetch failed" says nothing; its cause does. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}
