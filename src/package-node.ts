/** `import … from "fsdfs"` on Node.js: the SDK, and a server of one's own. Deno and Bun get the SDK by it as well. */
import { FsdfsError } from "./errors.ts";
import type { StartServerOptions } from "./library/options.ts";
import type { StartedServer } from "./library/started-server.ts";

export * from "./client/sdk-node.ts";
export type { Duration, Size, StartServerOptions } from "./library/options.ts";
export type {
  AlarmEvent,
  DeletedEvent,
  DroppedEvent,
  MissedEvent,
  MovedEvent,
  PulledEvent,
  ServerEvents,
  ServerSeenEvent,
  StoredEvent,
} from "./library/server-events.ts";
export type { StartedServer } from "./library/started-server.ts";
export type { Log, LogFields } from "./ports/log.ts";

/** What the libraries of a server need. */
const NODE_MIN = [24, 19] as const;

/**
 * Starts a server in this program (docs/LIBRARY.md). Resolves when it belongs to its swarm and knows what that knows: a new one
 * founds a swarm in two to four seconds, or with `join` waits until one of those servers answers.
 *
 * @throws FsdfsError as `fsdfs start` does; nothing is left behind then
 */
export async function startServer(options: StartServerOptions = {}): Promise<StartedServer> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isOld = major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1]);
  if (isOld) throw new FsdfsError("node-too-old", { version: process.versions.node });
  // Loaded only now: a client needs none of a server's libraries.
  const library = await import("./library/start-server.ts");
  return await library.startServer(options);
}
