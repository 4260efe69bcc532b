/** What the contract of the Network port needs from whoever runs it, and the small tools that its tests share. */
import { createHash } from "node:crypto";
import type { Bytes } from "../../src/core/catalog/kv.ts";
import {
  type Connection,
  type Network,
  NetworkError,
  type OutgoingRequest,
  type RequestHandler,
  type Response,
} from "../../src/ports/network.ts";

/** Made anew for each test. It knows of sockets, or of simulated wires and a simulated clock; the contract does not. */
export interface NetworkWorld {
  /** A new network that can listen, with the swarm's password. */
  member(): Network;
  /** The same, with another password. */
  stranger(): Network;
  /** A member on the same machine as `network`, which listens on `port`, that wants the same port. */
  rival(network: Network, port: number): Network;
  /** How others reach `network`, which listens on `port`. */
  address(network: Network, port: number): string;
  /** A machine that is up and a port where nothing listens. */
  silentAddress(): Promise<string>;
  /** A machine that cannot be reached. */
  unreachableAddress(): string;
  /** Runs a test's body; what simulates time lets it pass until the body has settled. */
  run(body: () => Promise<void>): Promise<void>;
  /** Closes every network that was made. */
  end(): Promise<void>;
}

/** Long enough for what should be answered: a test that meets it has failed. */
export const PATIENT_MS = 30_000;

export const nothing: Bytes = new Uint8Array(0);

export function text(bytes: Bytes): string {
  return new TextDecoder().decode(bytes);
}

export function bytes(of: string): Bytes {
  return new TextEncoder().encode(of);
}

/** One network that answers with `handler`, another that is connected to it. */
export async function pair(world: NetworkWorld, handler: RequestHandler): Promise<Pair> {
  const server = world.member();
  const address = world.address(server, await server.listen(handler));
  const client = world.member();
  return { server, client, address, connection: await client.connect(address, "control") };
}

export interface Pair {
  readonly server: Network;
  readonly client: Network;
  readonly address: string;
  readonly connection: Connection;
}

export function ask(
  connection: Connection,
  method: string,
  more: Partial<Omit<OutgoingRequest, "method">> = {},
): Promise<Response> {
  return connection.request({ method, head: nothing, timeoutMs: PATIENT_MS, ...more });
}

/** Something that a test waits for. */
export interface Moment<T = void> {
  readonly come: Promise<T>;
  readonly now: (value: T) => void;
}

export function moment<T = void>(): Moment<T> {
  let now: (value: T) => void = () => {};
  const come = new Promise<T>((resolve) => {
    now = resolve;
  });
  return { come, now };
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** The code of the NetworkError that `promise` rejects with; what else comes of it is told as text. */
export async function networkFailure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no failure";
  } catch (error) {
    return error instanceof NetworkError ? error.code : `another error: ${String(error)}`;
  }
}

/** A body and what became of it: how much was asked for, and whether it was let go of. */
export function watchedBody(totalBytes: number, chunkBytes = 256 * 1024): WatchedBody {
  const hash = createHash("sha256");
  const ended = moment();
  const watched: WatchedBody = {
    sentBytes: 0,
    ended: ended.come,
    digest: () => hash.copy().digest("hex"),
    body: chunks(),
  };
  async function* chunks(): AsyncGenerator<Bytes> {
    // The one buffer is reused: a chunk counts only until the next is asked for.
    const buffer = new Uint8Array(chunkBytes);
    try {
      for (let round = 0; watched.sentBytes < totalBytes; round++) {
        const chunk = buffer.subarray(0, Math.min(chunkBytes, totalBytes - watched.sentBytes));
        chunk.fill(round % 251);
        chunk[0] = round >>> 8;
        hash.update(chunk);
        watched.sentBytes += chunk.length;
        yield chunk;
      }
    } finally {
      ended.now();
    }
  }
  return watched;
}

export interface WatchedBody {
  sentBytes: number;
  readonly ended: Promise<void>;
  readonly digest: () => string;
  readonly body: AsyncIterable<Bytes>;
}

export async function digestOf(body: AsyncIterable<Bytes>): Promise<{ sizeBytes: number; digest: string }> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sizeBytes, digest: hash.digest("hex") };
}
