/** Which server a command is about: the one that is named, else the one that is asked. */
import type { Client } from "../client/client.ts";
import { FsdfsError } from "../errors.ts";
import type { ServerInfo } from "../server/face.ts";

/** The word by which an operator takes back what he said: the options of the start count again. */
export const DEFAULT_WORD = "default";

/** @param named its id or name. @throws FsdfsError `server-not-found`, `server-ambiguous` */
export async function whichServer(client: Pick<Client, "servers">, named: string | undefined): Promise<ServerInfo> {
  const servers = await client.servers();
  if (named === undefined) return servers.find(({ self }) => self)!;
  const found = servers.filter(({ id, name }) => id === named || name === named);
  const server = found.find(({ id }) => id === named) ?? found[0];
  if (server === undefined) throw new FsdfsError("server-not-found", { server: named });
  if (found.length > 1 && server.id !== named) throw new FsdfsError("server-ambiguous", { server: named });
  return server;
}
