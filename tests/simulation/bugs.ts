/** Errors that nobody caught are a server's bugs, unless they come from a process that has ended. */
import { ProcessEnded } from "./process.ts";
import type { World } from "./world.ts";

export async function withBugsReported(world: World, run: () => Promise<void>): Promise<void> {
  const report = (kind: string) => (error: unknown) => {
    if (comesFromEnd(error)) return;
    world.fail("bug", `${kind}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  };
  const onRejection = report("unhandled rejection");
  const onException = report("uncaught exception");
  process.on("unhandledRejection", onRejection);
  process.on("uncaughtException", onException);
  try {
    await run();
  } finally {
    process.off("unhandledRejection", onRejection);
    process.off("uncaughtException", onException);
  }
}

function comesFromEnd(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 10; cause = cause.cause, depth++) {
    if (cause instanceof ProcessEnded) return true;
  }
  return false;
}

/** Whether what was logged of an error is of a kind that no port and no user can cause. */
export function tellsOfBug(error: unknown): boolean {
  return /^(Error|TypeError|RangeError|ReferenceError|SyntaxError):/.test(String(error));
}
