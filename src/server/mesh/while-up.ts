/**
 * Requests that a writer waits for: given up when the other server has been down for a while, or takes nothing of what
 * it is sent, so that one that dies in silence holds nobody up for longer (M2).
 */
import type { Bytes } from "../../core/catalog/kv.ts";
import type { Clock } from "../../ports/clock.ts";
import { NetworkError } from "../../ports/network.ts";
import { sleep } from "../timers.ts";
import type { Link } from "./link.ts";
import type { Mesh } from "./mesh.ts";

const POLL_MS = 250;
/** Long enough for the first heartbeats after a standstill of this server, when nobody seems to be up. */
const DOWN_MAX_MS = 2000;
/** Between two pieces of a body, until the first, and for an answer to what has none. */
const STALL_MAX_MS = 4000;
/** A disk that is slower than 10 MB/s does not get whole files in time. */
const FLUSHED_BYTES_PER_MS = 10_000;

/**
 * `isStalled` is asked now and then.
 *
 * @throws NetworkError `closed` when the request is given up, and whatever the request throws
 */
export async function whileUp<T>(
  { mesh, clock }: { readonly mesh: Mesh; readonly clock: Clock },
  link: Link,
  request: (signal: AbortSignal) => Promise<T>,
  isStalled: () => boolean = () => false,
): Promise<T> {
  const over = new AbortController();
  const givenUp = new AbortController();
  const { promise: isDown, reject } = Promise.withResolvers<never>();
  const watch = async () => {
    for (let downMs = 0; downMs < DOWN_MAX_MS && !isStalled(); ) {
      await sleep(clock, POLL_MS, over.signal);
      if (over.signal.aborted) return;
      downMs = mesh.isUp(link.server) ? 0 : downMs + POLL_MS;
    }
    givenUp.abort();
    reject(new NetworkError("closed", "the server is down, or does not go on"));
  };
  void watch();
  try {
    return await Promise.race([request(givenUp.signal), isDown]);
  } finally {
    over.abort("over"); // Without a reason an exception is made for it, stack trace and all.
  }
}

/** Of a request without a body that is made now: whether it has been without an answer for too long. */
export function isUnanswered(clock: Clock): () => boolean {
  const begun = clock.monotonic();
  return () => clock.monotonic() - begun > STALL_MAX_MS;
}

/** Watches how a body goes out: stalled is who takes a piece and then no other, not who waits for the next. */
export class Progress {
  readonly #clock: Clock;
  #state: "taking" | "waiting" | "flushing" = "taking";
  #since: number;
  #sizeBytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  async *of(body: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
    this.#enter("waiting");
    for await (const piece of body) {
      this.#enter("taking");
      yield piece;
      this.#sizeBytes += piece.length;
      this.#enter("waiting");
    }
    this.#enter("flushing");
  }

  get isStalled(): boolean {
    if (this.#state === "waiting") return false;
    const flushMs = this.#state === "flushing" ? this.#sizeBytes / FLUSHED_BYTES_PER_MS : 0;
    return this.#clock.monotonic() - this.#since > STALL_MAX_MS + flushMs;
  }

  #enter(state: "taking" | "waiting" | "flushing"): void {
    this.#state = state;
    this.#since = this.#clock.monotonic();
  }
}
