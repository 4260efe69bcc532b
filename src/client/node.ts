/** The client on Node's own HTTP, with the credentials of servers: what the command line uses. */
import { type Client, type ClientOptions, clientOn } from "./client.ts";
import { authorization, type ClientCredential } from "./credentials.ts";
import { nodePlatform } from "./transport-node.ts";
import type { Trust } from "./trust.ts";

export interface NodeClientOptions extends Omit<ClientOptions, "key" | "authorize"> {
  readonly credential?: ClientCredential;
  /** Whose certificates are taken besides those of known authorities. */
  readonly trust?: Trust;
  /** Milliseconds since the Unix epoch; the system's clock by default. */
  readonly now?: () => number;
}

export function createClient(given: NodeClientOptions): Client {
  const { credential = { kind: "none" }, now = Date.now, trust = {}, ...options } = given;
  const authorize = (method: string, target: string) => authorization(credential, method, target, now());
  return clientOn(nodePlatform(trust), { ...options, authorize });
}
