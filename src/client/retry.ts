/** Repeating what failed for a passing reason, a few times, ever later. */
import { type ErrorCode, FsdfsError } from "../errors.ts";

const ATTEMPTS_MAX = 5;
const FIRST_WAIT_MS = 200;

/** The server said so before it did anything. */
export const NOTHING_DONE: readonly ErrorCode[] = ["behind", "overloaded", "stopping"];
/** It may have been done or not: only for what may be done twice. */
export const MAYBE_DONE: readonly ErrorCode[] = [
  ...NOTHING_DONE,
  "connection-lost",
  "interrupted",
  "body-incomplete",
  "request-timeout",
];

/** Resolves later; rejects with the signal's reason when that is aborted before. */
export type Wait = (ms: number, signal?: AbortSignal) => Promise<unknown>;

export const realWait: Wait = (ms, signal) =>
  new Promise<void>((resolve, reject) => {
    signal?.throwIfAborted();
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal?.addEventListener("abort", aborted, { once: true });
  });

export interface Patience {
  readonly wait?: Wait | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Waits 0.2, 0.4, 0.8 and 1.6 s, give or take half, between five attempts. */
export async function retrying<T>(
  codes: readonly ErrorCode[],
  attempt: () => Promise<T>,
  { wait = realWait, signal }: Patience = {},
): Promise<T> {
  for (let made = 1; ; made++) {
    try {
      return await attempt();
    } catch (error) {
      if (made >= ATTEMPTS_MAX || !(error instanceof FsdfsError) || !codes.includes(error.code)) throw error;
      await wait(FIRST_WAIT_MS * 2 ** (made - 1) * (0.5 + Math.random()), signal);
    }
  }
}

/** Attempts at a deletion: that nothing is there is what was wanted, once one before may have been carried out. */
export function deletion(attempt: () => Promise<unknown>): () => Promise<void> {
  let mayBeDone = false;
  return async () => {
    try {
      await attempt();
    } catch (error) {
      const code = error instanceof FsdfsError ? error.code : undefined;
      if (mayBeDone && code === "file-not-found") return;
      mayBeDone ||= code !== undefined && !NOTHING_DONE.includes(code);
      throw error;
    }
  };
}
