/** What went wrong below, in the words of the port. */
import { FsdfsError } from "../../errors.ts";
import { NetworkError, type NetworkErrorCode, RemoteError } from "../../ports/network.ts";

const CONNECT_CODES: Readonly<Record<string, NetworkErrorCode>> = {
  ECONNREFUSED: "refused",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ENETDOWN: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  EINVAL: "unreachable",
  ENOTFOUND: "unreachable",
  EAI_AGAIN: "unreachable",
  ETIMEDOUT: "timeout",
  /** The other side speaks, but not TLS: another program has the port. */
  ERR_SSL_WRONG_VERSION_NUMBER: "unreachable",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "unreachable",
  /** It speaks another protocol over TLS, or that of another release. */
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: "unreachable",
  ERR_SSL_TLS_ALERT_NO_APPLICATION_PROTOCOL: "unreachable",
  /** Gone in the middle of the handshake: it is stopping, full, or no fsdfs at all. */
  ECONNRESET: "unreachable",
  EPIPE: "unreachable",
};

/** A connection that did not come about. */
export function connectError(address: string, cause: unknown): NetworkError {
  if (cause instanceof NetworkError) return cause;
  const code = connectCode(cause);
  return new NetworkError(code, `${address}: ${connectMessage(code, cause)}`, { cause });
}

/** What is not known and came from the TLS layer is a failed proof of the password. */
function connectCode(cause: unknown): NetworkErrorCode {
  const codes = cause instanceof AggregateError ? cause.errors.map(codeOf) : [codeOf(cause)];
  const mapped = codes.map((code) => CONNECT_CODES[code] ?? (isTlsFailure(code) ? "wrong-password" : "unreachable"));
  return mapped.find((code) => code !== "unreachable") ?? "unreachable";
}

function connectMessage(code: NetworkErrorCode, cause: unknown): string {
  if (code === "wrong-password") return "the other side has another password";
  if (code === "refused") return "nothing listens there";
  if (codeOf(cause).endsWith("_ALERT_NO_APPLICATION_PROTOCOL")) return "it speaks the language of another release";
  if (code === "timeout") return "no answer";
  return cause instanceof Error && cause.message !== "" ? cause.message : "cannot be reached";
}

function isTlsFailure(code: string): boolean {
  return (
    code.startsWith("ERR_SSL_") ||
    code.startsWith("ERR_TLS_") ||
    code.includes("CERT") ||
    code.startsWith("UNABLE_TO_") ||
    code.includes("SELF_SIGNED")
  );
}

export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}

/** What a handler threw, as its caller is told. A bug's message stays here. */
interface FailureMessage {
  readonly code: string;
  readonly message: string;
  readonly params: Readonly<Record<string, string | number>>;
}

function failureOf(thrown: unknown): FailureMessage {
  if (thrown instanceof FsdfsError || thrown instanceof RemoteError) {
    return { code: thrown.code, message: thrown.message, params: thrown.params };
  }
  return { code: "internal", message: "The other server met an internal error.", params: {} };
}

export function encodeFailure(thrown: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(failureOf(thrown)));
}

/** The reverse; whatever the bytes are, a RemoteError comes out. */
export function remoteError(head: Uint8Array): RemoteError {
  try {
    const told: unknown = JSON.parse(new TextDecoder().decode(head));
    if (typeof told === "object" && told !== null && "code" in told && typeof told.code === "string") {
      const message = "message" in told && typeof told.message === "string" ? told.message : told.code;
      return new RemoteError(told.code, message, "params" in told ? plainParams(told.params) : {});
    }
  } catch {
    // Told below: it is no failure message.
  }
  return new RemoteError("internal", "The other server failed without a reason.");
}

function plainParams(told: unknown): Record<string, string | number> {
  if (typeof told !== "object" || told === null) return {};
  return Object.fromEntries(
    Object.entries(told).filter(
      (pair): pair is [string, string | number] => typeof pair[1] === "string" || typeof pair[1] === "number",
    ),
  );
}
