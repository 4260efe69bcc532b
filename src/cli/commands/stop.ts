/** `fsdfs stop`: ends the server of this machine, in the background or not, and waits until it has gone. */
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DATA_DIRECTORY } from "../../config.ts";
import { option, parseDurationMs } from "../../options.ts";
import { type Context, command, LocalError } from "../command.ts";
import { type LocalServer, readLocalAccess } from "../local-access.ts";
import { chooseLocalServer, LOCAL_DATA_OPTION } from "../local-choice.ts";
import { formatSeconds } from "../output.ts";
import { isRunning } from "../process-mark.ts";

/** A server has 5 s to end; a machine that swaps takes longer. */
const TIMEOUT_MS = 15_000;
const POLL_MS = 50;

export const stop = command({
  name: "stop",
  summary: "Stops the server of this machine.",
  usage: "",
  details:
    "It finishes or cleanly abandons what is under way. Its copies count for the grace period, so that a server that is started again soon causes no copying.",
  options: {
    data: LOCAL_DATA_OPTION,
    timeout: option(
      {
        flag: "timeout",
        placeholder: "DURATION",
        defaultText: `${TIMEOUT_MS / 1000}s`,
        help: "How long to wait until it has gone, as in 30s.",
      },
      parseDurationMs,
      TIMEOUT_MS,
    ),
  },
  positionals: [0, 0],
  run: async ({ values, context }) => {
    const until = performance.now() + values.timeout;
    const server = await findServer(values.data, until, context);
    if (server === undefined) {
      context.out.write(
        values.data === undefined
          ? "No server of yours runs on this machine.\n"
          : `No server runs on ${values.data}.\n`,
      );
      return 0;
    }
    const before = performance.now();
    signal(server);
    while (isRunning(server.pid, server.mark)) {
      if (performance.now() > until) throw stillRunning(server, values.timeout);
      await delay(POLL_MS);
    }
    const took = formatSeconds(performance.now() - before);
    context.out.write(`Stopped the server on ${server.data} (process ${server.pid}) in ${took}.\n`);
    return 0;
  },
});

/** One that is just starting has locked its directory and does not tell its process yet: it is waited for. */
async function findServer(data: string | undefined, until: number, context: Context): Promise<LocalServer | undefined> {
  const found = await chooseLocalServer(context.environment, data, "stop");
  if (found?.mark !== undefined) return found;
  const { isDataInUse } = await import("../../main.ts");
  // Another process may have its number by now, where none can be told from a later one.
  if (found !== undefined) return (await isDataInUse(found.data)) ? found : undefined;
  const directory = data ?? resolve(DATA_DIRECTORY);
  while (await isDataInUse(directory)) {
    const access = await readLocalAccess(directory);
    if (access !== undefined) return { ...access, data: directory };
    if (performance.now() > until) throw notOurs(directory);
    await delay(POLL_MS);
  }
  return undefined;
}

function signal({ pid, data }: LocalServer): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // Gone meanwhile: so much the better.
    if (code === "ESRCH") return;
    if (code === "EPERM") throw notOurs(data, error);
    throw error;
  }
}

function notOurs(data: string, cause?: unknown): LocalError {
  return new LocalError(
    `The server on ${data} cannot be stopped from here: it belongs to another user or container, or does not come up.`,
    "Run this as the user who started it, or end its process there: fuser .fsdfs/lock, in its data directory, tells which.",
    { cause },
  );
}

function stillRunning({ pid }: LocalServer, timeoutMs: number): LocalError {
  return new LocalError(
    `The server (process ${pid}) was told to stop, and still runs after ${formatSeconds(timeoutMs)}.`,
    `Wait longer with --timeout, or end it at once: kill -9 ${pid}. Nothing that was acknowledged is lost by that.`,
  );
}
