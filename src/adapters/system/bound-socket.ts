/** A port that is taken before anything listens on it, so that it is known what it is when any free one will do. */
import { BoundSocket } from "node:net";
import { FsdfsError } from "../../errors.ts";

/** On one address, or on all interfaces; port 0 is any free one. @throws FsdfsError `port-in-use` */
export function bindSocket(port: number, host: string | undefined): BoundSocket {
  try {
    if (host !== undefined) return new BoundSocket({ port, host });
    try {
      return new BoundSocket({ port, host: "::" });
    } catch (error) {
      if (codeOf(error) !== "EAFNOSUPPORT") throw error;
      return new BoundSocket({ port, host: "0.0.0.0" });
    }
  } catch (error) {
    throw codeOf(error) === "EADDRINUSE" ? new FsdfsError("port-in-use", { port }, { cause: error }) : error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
