/** How a line of a server's log is written for people; programs get the JSON itself. */

/**
 * "2026-01-31 12:00:00 warn  message  name=value other="two words"" of a line that the log wrote; undefined for a line
 * that it did not, such as what Node.js says when a process falls.
 */
export function readableLine(json: string): string | undefined {
  const parsed = parseObject(json);
  if (parsed === undefined) return undefined;
  const { time, level, message, ...fields } = parsed;
  if (time === undefined || level === undefined) return undefined;
  const when = String(time).slice(0, 19).replace("T", " ");
  const shown = Object.entries(fields).map(([name, value]) => `  ${name}=${readableValue(value)}`);
  return `${when} ${String(level).padEnd(5)} ${harmless(String(message))}${shown.join("")}`;
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function readableValue(value: unknown): string {
  const text = String(value);
  return /^[^\s"=]+$/.test(text) ? harmless(text) : harmless(JSON.stringify(text));
}

/** Names and messages come from users and other servers: no control character of theirs reaches the terminal. */
export function harmless(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
