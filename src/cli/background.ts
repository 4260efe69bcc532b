/**
 * `fsdfs start --detach`: starts a server as a process of its own session, whose errors and log go to a file, and passes on
 * what it has to say until it serves. From then on the two know nothing of each other.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { extname, join } from "node:path";
import { type Context, LocalError } from "./command.ts";
import { boundLogFile, logFile, openLogFile } from "./log-file.ts";
import { quoted } from "./output.ts";

/** What the process in the background tells the one that started it, one member at a time. */
export type Told = { readonly out: string } | { readonly err: string } | { readonly serving: true };

/** @param args those of `start`. Answers the exit code: 0 once the server serves, else its own */
export async function startInBackground(args: readonly string[], data: string, context: Context): Promise<number> {
  const file = logFile(data);
  const child = await spawnServer(args, file, context);
  let interrupted = false;
  context.onInterrupt(() => {
    interrupted = true;
    child.kill("SIGTERM");
  });
  let said = false;
  const serving = new Promise<"serving">((resolve) => {
    child.on("message", (message) => {
      // Our own child, of this very version: nobody else writes into its channel.
      const told = message as Told;
      if ("serving" in told) resolve("serving");
      else if ("out" in told) context.out.write(told.out);
      else context.err.write(told.err);
      said ||= "err" in told;
    });
  });
  // All that it has told has come by then, which the event "exit" does not wait for.
  const ended = once(child, "close");
  if ((await Promise.race([serving, ended])) === "serving") {
    child.unref();
    child.disconnect();
    const named = ` --data ${quoted(data)}`;
    context.out.write(
      `  It runs in the background (process ${child.pid}). Its log: fsdfs logs${named}\n  To stop it: fsdfs stop${named}\n`,
    );
    return 0;
  }
  if (interrupted) return 130;
  if (!said) throw new LocalError("The server ended before it served.", `Its last words are in ${file}`);
  return child.exitCode ?? 1;
}

async function spawnServer(args: readonly string[], file: string, context: Context): Promise<ChildProcess> {
  let log: number | undefined;
  try {
    log = await openLogFile(file);
    await boundLogFile(file);
    const entry = join(import.meta.dirname, `background-main${extname(import.meta.filename)}`);
    const child = spawn(process.execPath, [...process.execArgv, entry, ...args], {
      detached: true,
      env: context.environment,
      stdio: ["ignore", log, log, "ipc"],
    });
    await once(child, "spawn");
    return child;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LocalError(`The server cannot be started in the background: ${reason}.`, "Start it without --detach.", {
      cause: error,
    });
  } finally {
    if (log !== undefined) closeSync(log);
  }
}
