/** The log that a program hands in, as the server uses it. */
import { LOG_LEVELS } from "../config.ts";
import type { Log, LogFields } from "../ports/log.ts";

/** Tells what is of `level` or graver. What the program's log throws does not reach the server. */
export function logOf(log: Log | undefined, level: (typeof LOG_LEVELS)[number]): Log {
  const least = LOG_LEVELS.indexOf(level);
  const tell = (at: (typeof LOG_LEVELS)[number]) => (message: string, fields?: LogFields) => {
    if (log === undefined || LOG_LEVELS.indexOf(at) < least) return;
    try {
      log[at](message, ...(fields === undefined ? [] : [fields]));
    } catch {
      // There is nowhere to tell it.
    }
  };
  return { debug: tell("debug"), info: tell("info"), warn: tell("warn"), error: tell("error") };
}
