/** What a server tells its operator: lines to read on a terminal, JSON for everything else. */
import { type DestinationStream, destination, type Logger, pino } from "pino";
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
  const target = options.pretty ? { write: (json: string) => out.write(`${readableLine(json)}\n`) } : out;
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

/** "2026-01-31 12:00:00 warn  message  name=value other="two words"" */
function readableLine(json: string): string {
  const { time, level, message, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const when = String(time).slice(0, 19).replace("T", " ");
  const shown = Object.entries(fields).map(([name, value]) => `  ${name}=${readableValue(value)}`);
  return `${when} ${String(level).padEnd(5)} ${harmless(String(message))}${shown.join("")}`;
}

function readableValue(value: unknown): string {
  const text = String(value);
  return /^[^\s"=]+$/.test(text) ? harmless(text) : harmless(JSON.stringify(text));
}

/** Names and messages come from users and other servers: no control character of theirs reaches the terminal. */
function harmless(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
