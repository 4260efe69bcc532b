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

/** Who started this may have gone meanwhile; then nobody has to be told. */
function tell(told: Told): void {
  if (process.connected) process.send?.(told, undefined, undefined, () => undefined);
}

process.exitCode = await main(process.argv.slice(2));
