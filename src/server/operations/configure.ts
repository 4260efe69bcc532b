/** What operators say to servers and to the swarm at run time. */
import type { ServerId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import type { Change } from "../catalog/change.ts";
import { writeServerSetting } from "../control/server-settings.ts";
import type { ServerChanges, ServerInfo, SwarmChanges, SwarmStatus } from "../face.ts";
import type { Parts } from "../parts.ts";
import { writeCopies, writeWriteCopies } from "../settings.ts";
import { changeSettings } from "./change-settings.ts";
import { servers, status } from "./servers.ts";

/** @throws FsdfsError `server-not-found`, `server-ambiguous` */
export async function configureServer(parts: Parts, named: string, changes: ServerChanges): Promise<ServerInfo> {
  const server = serverNamed(parts, named);
  if (Object.keys(changes).length > 0) await changeSettings(parts, (change) => writeAll(change, server, changes));
  return servers(parts).find(({ id }) => id === server)!;
}

function writeAll(change: Change, server: ServerId, changes: ServerChanges): void {
  const { quota, pulls, pullRate, serveRate, paused, draining } = changes;
  if (quota !== undefined) writeServerSetting(change, server, "quotaBytes", quota);
  if (pulls !== undefined) writeServerSetting(change, server, "pulls", pulls);
  if (pullRate !== undefined) writeServerSetting(change, server, "pullRate", pullRate);
  if (serveRate !== undefined) writeServerSetting(change, server, "serveRate", serveRate);
  if (paused !== undefined) writeServerSetting(change, server, "paused", paused);
  if (draining !== undefined) writeServerSetting(change, server, "draining", draining);
}

export async function configureSwarm(parts: Parts, { copies, writeCopies: w }: SwarmChanges): Promise<SwarmStatus> {
  if (copies !== undefined || w !== undefined) {
    await changeSettings(parts, (change) => {
      if (copies !== undefined) writeCopies(change, copies);
      if (w !== undefined) writeWriteCopies(change, w);
    });
  }
  return status(parts);
}

/** A server of the roster, by its id or its name. @throws FsdfsError `server-not-found`, `server-ambiguous` */
export function serverNamed({ settings }: Parts, named: string): ServerId {
  const found = [...settings.roster.values()].filter(({ id, name }) => id === named || name === named);
  const exact = found.find(({ id }) => id === named);
  if (exact !== undefined) return exact.id;
  if (found.length > 1) throw new FsdfsError("server-ambiguous", { server: named });
  if (found[0] === undefined) throw new FsdfsError("server-not-found", { server: named });
  return found[0].id;
}
