/** What a server enters of itself in the roster. */
import type { Identity } from "../identity.ts";
import type { ServerOptions } from "../server.ts";
import type { RosterEntry, Settings } from "../settings.ts";
import type { Greeting } from "./greeting.ts";

const ADDRESSES_MAX = 8;

export interface OwnEntryParts {
  readonly identity: Identity;
  readonly options: ServerOptions;
  readonly greeting: Greeting;
  readonly settings: Settings;
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
