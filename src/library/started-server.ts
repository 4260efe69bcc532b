/** A server that runs in a program, as the program has it in its hands. */
import type { EventEmitter } from "node:events";
import type { Client } from "../client/client.ts";
import type { ServerEvents } from "./server-events.ts";

export interface StartedServer extends EventEmitter<ServerEvents>, AsyncDisposable {
  readonly name: string;
  /** Names it for ever, also in events. */
  readonly id: string;
  /** How it is reached from this machine, or what the option says: `join` of other servers takes it. */
  readonly url: string;
  readonly port: number;
  readonly swarmPort: number;
  /** The data directory, absolute. */
  readonly data: string;
  /** The SDK (docs/SDK.md) at this server, with the password: it may do everything. It is closed when the server is stopped. */
  readonly client: Client;
  /** The swarm's: what the next server is to be started with. */
  readonly password: string;
  /**
   * Ends it within some five seconds: what is under way is finished or cleanly abandoned, and the others are told. Nothing of
   * it is left in this process then. May be called again.
   */
  stop(): Promise<void>;
}
