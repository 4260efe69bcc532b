/**
 * Waiting as the demo does it: for as long as anything moves. A busy machine makes everything slow, and slow is not broken;
 * what has stood still for minutes is.
 */
import { availableParallelism, loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { type ErrorCode, FsdfsError } from "../../errors.ts";
import { LocalError } from "../command.ts";

/** Longer than any single step takes on a machine that is busy with other things. */
export const STUCK_MS = 120_000;

/** A loaded swarm answers these until it has caught up. */
const PASSING: readonly ErrorCode[] = [
  "behind",
  "overloaded",
  "stopping",
  "connection-lost",
  "interrupted",
  "request-timeout",
  "server-unreachable",
  "not-enough-servers",
  "no-copy-reachable",
];

export interface Wanted {
  /** "gamma is seen to be down" */
  readonly what: string;
  /** Between two attempts. */
  readonly pauseMs: number;
  /** Says how things stand: when it says something else than before, something has moved. */
  sign(): string | Promise<string>;
}

export interface Machine {
  monotonicMs(): number;
  wait(ms: number): Promise<unknown>;
  /** Processes that want to run, on average. */
  load(): number;
  readonly processors: number;
}

const thisMachine: Machine = {
  monotonicMs: () => performance.now(),
  wait: (ms) => delay(ms),
  load: () => loadavg()[0] ?? 0,
  processors: availableParallelism(),
};

/** Attempts it until it answers something. @throws LocalError when nothing has moved for STUCK_MS */
export async function patiently<T>(
  attempt: () => Promise<T | undefined>,
  { what, pauseMs, sign }: Wanted,
  machine: Machine = thisMachine,
): Promise<T> {
  let seen: string | undefined;
  let movedAtMs = machine.monotonicMs();
  for (;;) {
    const answer = await attempt();
    if (answer !== undefined) return answer;
    const now = await sign();
    if (now !== seen) {
      seen = now;
      movedAtMs = machine.monotonicMs();
    } else if (machine.monotonicMs() - movedAtMs >= STUCK_MS) throw stuck(what, now, machine);
    await machine.wait(pauseMs);
  }
}

/** Undefined when it failed for a passing reason. */
export async function unlessPassing<T extends object>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FsdfsError && PASSING.includes(error.code)) return undefined;
    throw error;
  }
}

function stuck(what: string, sign: string, { load, processors }: Machine): LocalError {
  const message = `The demo waits until ${what}, and for ${STUCK_MS / 1000} s nothing has moved. Last seen: ${sign}`;
  const told = `its load is ${load().toFixed(1)} on ${processors} processors`;
  return new LocalError(
    message,
    load() > processors
      ? `The machine is busy (${told}). Try it again when less runs on it.`
      : `The machine is not busy (${told}). Try it again.`,
  );
}
