/** The process that `fsdfs start --detach` leaves running: `start`, with somebody to tell how it went. */
import type { Told } from "./background.ts";
import type { Context } from "./command.ts";
import { start } from "./commands/start.ts";
import { keepLogBounded, logFile } from "./log-file.ts";
import { exitCodeOf, failureOf, writeFailure } from "./report.ts";
import { processContext } from "./terminal.ts";

async function main(args: readonly string[]): Promise<number> {
  const outside = processContext();
  const context: Context = {
    ...outside,
    // What a start prints may hold the password: it goes to who started this, and into no file.
    out: { ...outside.out, write: (out) => tell({ out }) },
    err: {
      ...outside.err,
      write: (err) => {
        outside.err.write(err);
        tell({ err });
      },
    },
    background: { serving },
  };
  try {
    return await start.run(args, context);
  } catch (error) {
    writeFailure(context.err, failureOf(error, start.name));
    return exitCodeOf(error);
  }
}

function serving(dataDirectory: string): void {
  tell({ serving: true });
  keepLogBounded(logFile(dataDirectory));
  // The directory that it was started from may be on a disk that is to be unmounted.
  process.chdir("/");
}

/** Resolves when what was told last has gone out. */
let told = Promise.resolve();

/** Who started this may have gone meanwhile; then nobody has to be told. */
function tell(what: Told): void {
  if (!process.connected) return;
  told = new Promise((resolve) => process.send?.(what, undefined, undefined, () => resolve()));
}

const code = await main(process.argv.slice(2));
await told;
// Whatever still holds the event loop must not hold up who waits for this to end.
process.exit(code);
