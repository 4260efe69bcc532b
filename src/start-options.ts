/** What the options of `fsdfs start` become for a server. */
import { hostname } from "node:os";
import type { LOG_LEVELS, StartValues } from "./config.ts";
import { PORT_MAX } from "./config-values.ts";
import { FsdfsError } from "./errors.ts";
import type { ServerOptions } from "./server/server.ts";

const DAY_MS = 24 * 3_600_000;

/** What a server is started with, all defaults filled in. */
export interface StartOptions extends Omit<ServerOptions, "swarmKey"> {
  /** The swarm's password, from which `main.ts` makes the swarm's key. */
  readonly password: string;
  /** The data directory, absolute. */
  readonly data: string;
  /** Bytes a second that count as full load (M4); undefined: what the network interfaces tell. */
  readonly bandwidth: number | undefined;
  /** The directory of the catalog, absolute; undefined: inside of the data directory. */
  readonly state: string | undefined;
  /** The same as `httpPort`; 0: any free one, and so is that. */
  readonly port: number;
  /** 0: any free one. */
  readonly swarmPort: number;
  /** The IP address to listen on; undefined: all interfaces. */
  readonly listen: string | undefined;
  /** Clients are answered by HTTPS with what is in these files; undefined: by HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly discovery: boolean;
  /** Serving processes; 0: the control process serves. */
  readonly processes: number;
  /** Origins of web pages that may use this server; "*" is any. */
  readonly cors?: readonly string[];
  /** Files may be fetched from this machine and private networks. */
  readonly fetchPrivate: boolean;
  readonly logLevel: (typeof LOG_LEVELS)[number] | "silent";
}

/** What has to be found out before the values are a server's options. */
export interface Resolved {
  readonly password: string;
  /** Addresses "host:port" of swarm ports. */
  readonly join: readonly string[];
  readonly softwareVersion: string;
}

/** @throws FsdfsError `option-invalid` */
export function startOptions(values: StartValues, resolved: Resolved): StartOptions {
  const swarmPort = swarmPortOf(values);
  return {
    ...resolved,
    data: values.data,
    state: values.state,
    port: values.port,
    httpPort: values.port,
    swarmPort,
    listen: values.listen,
    tls: tlsOf(values),
    secure: tlsOf(values) !== undefined,
    discovery: !values.noDiscovery,
    processes: values.processes,
    cors: values.cors,
    fetchPrivate: values.fetchPrivate,
    logLevel: values.logLevel,
    name: values.name ?? hostname(),
    zone: values.zone,
    url: values.url,
    quotaBytes: values.quota,
    reserve: values.reserve,
    copies: values.copies,
    writeCopies: values.writeCopies,
    graceMs: values.grace,
    pulls: values.pulls,
    pullRate: values.pullRate,
    serveRate: values.serveRate,
    deletionsKeptMs: values.keepDeletions,
    scrubMs: values.scrubDays === 0 ? undefined : values.scrubDays * DAY_MS,
    trashKeptMs: values.trashDays * DAY_MS,
    strict: values.strict,
    redirect: values.redirect,
    publicRead: values.publicRead,
    asNew: values.new,
    bandwidth: values.bandwidth,
  };
}

function tlsOf({ tlsCert: cert, tlsKey: key }: StartValues): StartOptions["tls"] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert !== undefined && key !== undefined) return { cert, key };
  const [given, missing] = cert === undefined ? ["--tls-key", "--tls-cert"] : ["--tls-cert", "--tls-key"];
  throw new FsdfsError("option-invalid", { option: given, reason: `it needs ${missing} as well` });
}

function swarmPortOf(values: StartValues): number {
  const swarmPort = values.swarmPort ?? (values.port === 0 ? 0 : values.port + 1);
  if (swarmPort === values.port && swarmPort !== 0) {
    throw new FsdfsError("option-invalid", { option: "--swarm-port", reason: "it is the same as --port" });
  }
  if (swarmPort > PORT_MAX) {
    throw new FsdfsError("option-invalid", {
      option: "--port",
      reason: "there is no port after it; give --swarm-port",
    });
  }
  return swarmPort;
}
