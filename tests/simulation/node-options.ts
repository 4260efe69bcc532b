/** How Node.js is started for processes that play one simulated run after another. */
import { fileURLToPath } from "node:url";

/** Else each process strips the types of some hundred files anew, which takes 1.5 s of CPU. */
export const COMPILE_CACHE = fileURLToPath(new URL("../../node_modules/.cache/compiled", import.meta.url));

/** Without a limit garbage is kept as long as the machine has room. */
const HEAP_MB_MAX = 600;

/** Most of what a run makes is garbage soon: the more fits in, the less of it is copied before it is. */
const YOUNG_MB = 64;

/** A run needs some 50 MB of what stays: below this it is not looked for what of it is garbage. */
const OLD_MB_MIN = 400;

/** Runs make errors by the thousand. Who wants to see where one comes from runs its seed alone. */
const STACK_LINES = 0;

export const SIMULATING = {
  flags: [
    `--max-old-space-size=${HEAP_MB_MAX}`,
    `--max-semi-space-size=${YOUNG_MB}`,
    `--min-semi-space-size=${YOUNG_MB}`,
    `--initial-old-space-size=${OLD_MB_MIN}`,
    // One process for each core: threads that collect beside it take the time of the others.
    "--single-threaded-gc",
    `--stack-trace-limit=${STACK_LINES}`,
    // Policies are stripped of their types by a function that Node.js calls experimental.
    "--disable-warning=ExperimentalWarning",
  ],
  env: { NODE_COMPILE_CACHE: COMPILE_CACHE },
} as const;
