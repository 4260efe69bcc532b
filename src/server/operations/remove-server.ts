/** `fsdfs remove`: a server is taken out of the roster for good (C7). */
import { targetOf } from "../../core/catalog/surplus.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { ServerId, VersionId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import { RemoteError } from "../../ports/network.ts";
import type { RemovedServer } from "../face.ts";
import type { Parts } from "../parts.ts";
import { writeRemoval } from "../settings.ts";
import { sleep } from "../timers.ts";
import { changeSettings } from "./change-settings.ts";
import { serverNamed } from "./configure.ts";
import { holdingsOf, stateOf } from "./servers.ts";

/** Between two slices others are served. */
const LOOKED_AT_IN_ONE = 500;
const REST_MS = 1;

/** Of the files that a server holds, those that would suffer. */
interface Loss {
  /** No other server that is not absent has them. */
  readonly lost: number;
  /** Fewer others than min(W, N) have them, the lost ones included. */
  readonly below: number;
}

/** @throws FsdfsError `server-not-found`, `server-ambiguous`, `remove-refused`, `behind` */
export async function removeServer(parts: Parts, named: string, acceptLoss: boolean): Promise<RemovedServer> {
  const server = serverNamed(parts, named);
  const { name } = parts.settings.roster.get(server)!;
  const refuse = (reason: string) => new FsdfsError("remove-refused", { server: name, reason });
  if (server === parts.catalog.self) throw refuse("a server does not remove itself, ask another one");
  const loss = await lossOf(parts, server);
  const reason = acceptLoss ? undefined : objection(parts, server, loss);
  if (reason !== undefined) throw refuse(reason);
  await giveUp(parts, server, acceptLoss, refuse);
  const closing = [...parts.catalog.origins().values()]
    .filter((row) => row.server === server)
    .map(({ incarnation, contiguous }) => [incarnation, contiguous] as const);
  await changeSettings(parts, (change) => writeRemoval(change, { id: server, name, closing }));
  return { id: server, name, ...loss };
}

/** Why it is better not done without accepting a loss. */
function objection(parts: Parts, server: ServerId, { lost, below }: Loss): string | undefined {
  const told = `${lost} files would have no copy, ${below} fewer than they must`;
  const state = stateOf(parts, server);
  if (state !== "absent" && !parts.directives.isDraining(server)) {
    const silent = state === "down" ? "it is silent, but for less than the grace period, and " : "it is ";
    return `${silent}not drained; ${told}`;
  }
  return below > 0 ? told : undefined;
}

/** X1 of mesh/removal.ts. */
async function giveUp(
  parts: Parts,
  server: ServerId,
  acceptLoss: boolean,
  refuse: (reason: string) => FsdfsError,
): Promise<void> {
  const link = parts.mesh.link(server);
  if (link === undefined || !parts.mesh.isUp(server)) return;
  try {
    await parts.removal.askToGiveUp(link, acceptLoss);
  } catch (error) {
    if (error instanceof RemoteError && error.code === "remove-refused") throw refuse("it is not empty yet");
    throw refuse("it is up, and does not answer that it gives up; stop it first");
  }
}

async function lossOf(parts: Parts, server: ServerId): Promise<Loss> {
  const { catalog, ports, ending } = parts;
  const loss = { lost: 0, below: 0 };
  let looked = 0;
  let after = { origin: 0, number: -1 };
  for (let more = true; more; ) {
    more = false;
    for (const { version, at } of holdingsOf(parts, catalog.read(), server, after)) {
      after = at;
      count(parts, server, version, loss);
      looked += 1;
      more = looked % LOOKED_AT_IN_ONE === 0;
      if (more) break;
    }
    if (more) await sleep(ports.clock, REST_MS, ending);
    if (ending.aborted) throw new FsdfsError("stopping");
  }
  return loss;
}

function count({ catalog, settings, sources }: Parts, server: ServerId, version: VersionId, loss: Mutable<Loss>): void {
  const view = catalog.read();
  const row = readVersionRow(view, version);
  if (row.paths.length === 0) return;
  const others = settings.roster.size - 1;
  const wanted = Math.min(settings.writeCopies, targetOf(view, row, catalog.context), others);
  const holders = sources.allHolders(version).filter((holder) => holder !== server && catalog.context.counts(holder));
  if (holders.length === 0) loss.lost += 1;
  if (holders.length < wanted) loss.below += 1;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
