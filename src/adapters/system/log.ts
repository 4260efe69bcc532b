/** What a server tells its operator: lines to read on a terminal, JSON for everything else. */
import { type DestinationStream, destination, type Logger, pino } from "pino";
import { readableLine } from "../../core/log-line.ts";
import type { Log, LogFields } from "../../ports/log.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface LogOptions {
  readonly level: LogLevel;
  /** Appended to; standard error when not given. */
  readonly file?: string;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
}

export function createLog(options: LogOptions): Log {
  const out = destination({ dest: options.file ?? 2, append: true, mkdir: true, sync: true });
  // A terminal that was closed or a disk that is full must not end the server.
  out.on("error", () => {});
  return logTo(out, options);
}

/** For tests: to any stream. */
export function logTo(out: DestinationStream, options: { level: LogLevel; pretty: boolean }): Log {
  const target = options.pretty ? { write: (json: string) => out.write(`${readableLine(json) ?? json}\n`) } : out;
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: "message",
    },
    target,
  );
  return {
    debug: (message, fields) => write(logger, "debug", message, fields),
    info: (message, fields) => write(logger, "info", message, fields),
    warn: (message, fields) => write(logger, "warn", message, fields),
    error: (message, fields) => write(logger, "error", message, fields),
  };
}

function write(logger: Logger, level: "debug" | "info" | "warn" | "error", message: string, fields?: LogFields): void {
  if (fields) logger[level](fields, "%s", message);
  else logger[level]("%s", message);
}
