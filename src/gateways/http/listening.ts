/** How a gateway's server begins to listen, and how it ends. */
import type { Server } from "node:http";
import type { ListenOptions } from "node:net";
import { FsdfsError } from "../../errors.ts";

/** On one address, or on all interfaces. @throws FsdfsError `port-in-use` */
export async function bind(server: Server, port: number, host: string | undefined): Promise<void> {
  if (host !== undefined) return listenOn(server, { port, host });
  try {
    await listenOn(server, { port, host: "::" });
  } catch (error) {
    if (errorCode(error) !== "EAFNOSUPPORT") throw error;
    await listenOn(server, { port, host: "0.0.0.0" });
  }
}

/** @throws FsdfsError `port-in-use` */
export function listenOn(server: Server, where: ListenOptions & { readonly fd?: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      const isTaken = errorCode(error) === "EADDRINUSE" && where.port !== undefined;
      reject(isTaken ? new FsdfsError("port-in-use", { port: where.port ?? 0 }, { cause: error }) : error);
    };
    server.once("error", failed);
    server.listen({ ...where, exclusive: true }, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

function errorCode(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Requests under way may go on for `graceMs`. */
export async function closeGently(server: Server, graceMs: number, alsoClose?: () => Promise<void>): Promise<void> {
  const stopped = server.listening ? new Promise<void>((resolve) => server.close(() => resolve())) : undefined;
  // Connections whose request has ended meanwhile are of no more use.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await alsoClose?.();
  await stopped;
  clearInterval(sweep);
  clearTimeout(cut);
}
