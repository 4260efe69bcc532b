/** Errors as HTTP tells them: always `{"error": {"code", "message", "hint"}}`, whoever found the fault. */
import type { OutgoingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import { type ErrorCode, FsdfsError } from "../../errors.ts";
import type { Log } from "../../ports/log.ts";

// An import by name would load undici too, for other names of the module: 80 ms of each start.
const { STATUS_CODES } = process.getBuiltinModule("node:http");

export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

export function renderError(error: FsdfsError): ErrorBody {
  return { error: { code: error.code, message: error.message, hint: error.hint } };
}

/** Headers that the status calls for. */
export function errorHeaders(error: FsdfsError): OutgoingHttpHeaders {
  if (error.status === 401) return { "www-authenticate": 'Bearer realm="fsdfs"' };
  if (error.status === 503) return { "retry-after": "1" };
  if (error.code === "range-unsatisfiable") return { "content-range": `bytes */${error.params.size ?? "*"}` };
  if (error.code === "method-not-allowed") return { allow: String(error.params.allowed ?? "") };
  return CLOSING.includes(error.code) ? { connection: "close" } : {};
}

/** After these nobody can tell where the connection's next request begins. */
const CLOSING: readonly ErrorCode[] = ["request-malformed", "request-timeout", "body-incomplete"];

/** What was thrown, as the catalogue has it. What is not in there is a bug: logged in full, told as `internal`. */
export function toFsdfsError(thrown: unknown, log: Log): FsdfsError {
  if (thrown instanceof FsdfsError) return thrown;
  const refused = frameworkRefusal(thrown);
  if (refused !== undefined) return refused;
  log.error("an HTTP request failed for a reason that is no user's", {
    reason: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
  });
  return new FsdfsError("internal", {}, { cause: thrown });
}

/** Fastify's own errors have a status; those below 500 are the client's doing. */
function frameworkRefusal(thrown: unknown): FsdfsError | undefined {
  if (!(thrown instanceof Error && "statusCode" in thrown && "code" in thrown)) return undefined;
  if (!String(thrown.code).startsWith("FST_")) return undefined;
  if (thrown.statusCode === 404) return new FsdfsError("route-unknown");
  return Number(thrown.statusCode) < 500 ? new FsdfsError("request-malformed") : undefined;
}

/** What Node's parser found wrong with what came over a connection. */
export function fromParserError(code: string): FsdfsError {
  if (code === "HPE_HEADER_OVERFLOW") return new FsdfsError("headers-too-large");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new FsdfsError("request-timeout");
  return new FsdfsError("request-malformed");
}

/**
 * Answers on a connection that has no sound request, then closes it: at once when the other side does, else when the
 * time to read the answer is up.
 */
export function answerOnSocket(socket: Socket, error: FsdfsError, lingerMs: number): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = `${JSON.stringify(renderError(error))}\n`;
  const lines = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
  // With bytes unread, closing would send a reset that takes the answer back.
  socket.removeAllListeners("data");
  socket.on("data", () => {});
  socket.once("end", () => socket.destroy());
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}
