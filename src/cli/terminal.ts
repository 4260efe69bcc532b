/** The real outside of the commands: this process's streams, environment and signals. */
import type { WriteStream } from "node:tty";
import type { Context, Output } from "./command.ts";

const COLUMNS = 80;
/** As of a process that SIGPIPE has ended: it was not done. */
const UNREAD_EXIT_CODE = 141;

export function processContext(): Context {
  let isOutlived = false;
  process.stdout.on("error", (error: Error & { code?: string }) => {
    if (isOutlived) return;
    // Whoever read our output has had enough, as head has.
    if (error.code === "EPIPE") process.exit(UNREAD_EXIT_CODE);
    process.stderr.write(`fsdfs: The output cannot be written: ${error.message}.\n`);
    process.exit(1);
  });
  // What goes wrong can be told to nobody then, and is no reason to end: a server on a full disk has to stop in order.
  process.stderr.on("error", () => undefined);
  return {
    environment: process.env,
    out: outputOf(process.stdout),
    err: outputOf(process.stderr),
    outlivesOutput: () => {
      isOutlived = true;
    },
    onInterrupt: (listener) => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, listener);
    },
  };
}

function outputOf(stream: WriteStream): Output {
  return {
    write: (text) => {
      stream.write(text);
    },
    get terminal() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns ?? COLUMNS;
    },
    get rows() {
      return stream.rows;
    },
  };
}
