import type { Bytes } from "../core/catalog/kv.ts";

/**
 * Encrypted connections among servers that share the swarm's password (M5). Kept small: the simulator replaces it, and
 * another transport may. Who is behind an address, whether it is alive and what the messages mean is the server's
 * business, not the network's.
 */
export interface Network {
  /** Begins to answer requests. Resolves with the port it listens on. May be called once. */
  listen(handler: RequestHandler): Promise<number>;
  /**
   * One connection to `address` ("host:port", IPv6 in brackets). Both sides have proved the password when it resolves.
   * "control" is for short calls that must not wait, "bulk" for file content.
   *
   * @throws NetworkError `refused`, `unreachable`, `wrong-password`, `timeout`
   */
  connect(address: string, purpose: "control" | "bulk"): Promise<Connection>;
  /** Ends all connections and stops listening. */
  close(): Promise<void>;
}

export interface Connection {
  /**
   * Sends one request and resolves with the head of its response. Any number may be under way at once.
   *
   * @throws NetworkError `closed`, `timeout`, `too-large`
   * @throws RemoteError when the other side's handler rejected
   */
  request(request: OutgoingRequest): Promise<Response>;
  /** Resolves, with the reason, when the connection has ended. Never rejects. */
  readonly closed: Promise<NetworkError>;
  close(): void;
}

/** Longest head of a request or response in bytes: a batch of records fits, nothing that is not meant to. */
export const HEAD_BYTES_MAX = 16 * 1024 * 1024;

export interface OutgoingRequest {
  /** What is asked, a short lower-case name. */
  readonly method: string;
  /** The message itself. */
  readonly head: Bytes;
  /** Bulk bytes behind the head, sent as the other side takes them. */
  readonly body?: AsyncIterable<Bytes>;
  /** Gives up waiting for the response's head after so long. */
  readonly timeoutMs: number;
  /** Aborts the request, or the reading of its response's body. */
  readonly signal?: AbortSignal;
}

export interface Response {
  readonly head: Bytes;
  /**
   * Ends early with a NetworkError when the connection breaks. Leaving the loop cancels the rest. A chunk is the reader's
   * until it asks for the next: its memory is used again.
   */
  readonly body: AsyncIterable<Bytes>;
}

export interface IncomingRequest {
  readonly method: string;
  readonly head: Bytes;
  /** As that of a response. */
  readonly body: AsyncIterable<Bytes>;
  /** The caller's IP address as this side sees it. */
  readonly remoteAddress: string;
  /** Aborted when the caller has gone or has given up. */
  readonly signal: AbortSignal;
}

export interface OutgoingResponse {
  readonly head: Bytes;
  readonly body?: AsyncIterable<Bytes>;
}

export type RequestHandler = (request: IncomingRequest) => Promise<OutgoingResponse>;

export type NetworkErrorCode =
  /** Nothing listens there: the machine is up, the process is not. */
  | "refused"
  | "unreachable"
  | "wrong-password"
  | "timeout"
  | "closed"
  | "too-large"
  /** The port is taken by another program. */
  | "port-in-use";

export class NetworkError extends Error {
  readonly code: NetworkErrorCode;

  constructor(code: NetworkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "NetworkError";
    this.code = code;
  }
}

/** The other side's handler failed. `code` is one of errors.ts, or "internal". */
export class RemoteError extends Error {
  readonly code: string;
  /** What the message was made from, so that this side can make it again. */
  readonly params: Readonly<Record<string, string | number>>;

  constructor(code: string, message: string, params: Readonly<Record<string, string | number>> = {}) {
    super(message);
    this.name = "RemoteError";
    this.code = code;
    this.params = params;
  }
}
