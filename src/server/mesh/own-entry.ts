/** What a server enters of itself in the roster, and of the swarm what was said at its start. */
import type { Catalog } from "../catalog/catalog.ts";
import type { StartFlags } from "../control/start-flags.ts";
import type { Identity } from "../identity.ts";
import type { ServerOptions } from "../server.ts";
import {
  type RosterEntry,
  type Settings,
  sameRosterEntry,
  writeCopies,
  writeRosterEntry,
  writeWriteCopies,
} from "../settings.ts";
import type { Greeting } from "./greeting.ts";
import type { Removal } from "./removal.ts";

const ADDRESSES_MAX = 8;

export interface OwnEntryParts {
  readonly catalog: Catalog;
  readonly flags: StartFlags;
  readonly removal: Removal;
  readonly identity: Identity;
  readonly options: ServerOptions;
  readonly greeting: Greeting;
  readonly settings: Settings;
}

export async function enterRoster(parts: OwnEntryParts): Promise<void> {
  const { catalog, settings, identity, flags, removal } = parts;
  if (removal.isRemoved || settings.removed.has(identity.server)) return;
  const entry = ownEntry(parts);
  const { copies, writeCopies: w } = flags.given;
  const copiesSaid = copies !== undefined && flags.saysNow("copies");
  const wSaid = w !== undefined && flags.saysNow("writeCopies");
  const isEntered = await catalog.change((change) => {
    if (catalog.origin === undefined) return false; // It has just left the swarm for another.
    if (!sameRosterEntry(settings.roster.get(identity.server), entry)) writeRosterEntry(change, entry);
    if (copiesSaid && copies !== settings.copies) writeCopies(change, copies);
    if (wSaid && w !== settings.writeCopies) writeWriteCopies(change, w);
    flags.write(change);
    return true;
  });
  await catalog.flushed();
  if (isEntered) flags.written();
}

export function ownEntry({ identity, options, greeting, settings }: OwnEntryParts): RosterEntry {
  const known = settings.roster.get(identity.server)?.addresses ?? [];
  const port = `:${greeting.swarmPort}`;
  const addresses = [...new Set([...greeting.seenAs, ...known.filter((address) => address.endsWith(port))])];
  return {
    id: identity.server,
    name: options.name,
    zone: options.zone ?? identity.server,
    url: options.url,
    addresses: addresses.slice(0, ADDRESSES_MAX),
    httpPort: options.httpPort,
    ...(options.secure ? { secure: true } : {}),
    softwareVersion: options.softwareVersion,
  };
}
