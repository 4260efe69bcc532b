/** The client on Node's own HTTP, with the credentials of servers: what the command line uses. */
import { type Client, type ClientOptions, clientOn } from "./client.ts";
import { authorization, type ClientCredential } from "./credentials.ts";
import { nodePlatform } from "./transport-node.ts";

export interface NodeClientOptions extends Omit<ClientOptions, "key" | "authorize"> {
  readonly credential?: ClientCredential;
  /** Milliseconds since the Unix epoch; the system's clock by default. */
  readonly now?: () => number;
}

export function createClient({ credential = { kind: "none" }, now = Date.now, ...options }: NodeClientOptions): Client {
  const authorize = (method: string, target: string) => authorization(credential, method, target, now());
  return clientOn(nodePlatform(), { ...options, authorize });
}
