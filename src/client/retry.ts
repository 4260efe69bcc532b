/** Repeating what failed for a passing reason, a few times, ever later. */
import { setTimeout as delay } from "node:timers/promises";
import { type ErrorCode, FsdfsError } from "../errors.ts";

const ATTEMPTS_MAX = 5;
const FIRST_WAIT_MS = 200;

/** The server said so before it did anything. */
export const NOTHING_DONE: readonly ErrorCode[] = ["behind", "overloaded", "stopping"];
/** It may have been done or not: only for what may be done twice. */
export const MAYBE_DONE: readonly ErrorCode[] = [
  ...NOTHING_DONE,
  "connection-lost",
  "body-incomplete",
  "request-timeout",
];

export type Wait = (ms: number) => Promise<unknown>;

/** Waits 0.2, 0.4, 0.8 and 1.6 s, give or take half, between five attempts. */
export async function retrying<T>(
  codes: readonly ErrorCode[],
  attempt: () => Promise<T>,
  wait: Wait = (ms) => delay(ms),
): Promise<T> {
  for (let made = 1; ; made++) {
    try {
      return await attempt();
    } catch (error) {
      if (made >= ATTEMPTS_MAX || !(error instanceof FsdfsError) || !codes.includes(error.code)) throw error;
      await wait(FIRST_WAIT_MS * 2 ** (made - 1) * (0.5 + Math.random()));
    }
  }
}
