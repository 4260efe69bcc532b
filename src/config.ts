/**
 * Every option of `fsdfs start`, declared once: flag, environment variable, type, default and help text. What the
 * options become for a server is at the end.
 */
import { isIP } from "node:net";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { FsdfsError } from "./errors.ts";
import {
  flagOption,
  option,
  parseChoice,
  parseDurationMs,
  parseInteger,
  parseSizeBytes,
  repeatable,
  type ValuesOf,
} from "./options.ts";
import type { ServerOptions } from "./server/server.ts";

export const HTTP_PORT = 4242;
export const DATA_DIRECTORY = "./fsdfs-data";
/** Secrets and answers about the swarm lie in this directory inside of the data directory. */
export const STATE_DIRECTORY_NAME = ".fsdfs";

const PORT_MAX = 65_535;
/** A swarm that outgrows a mesh of some 100 servers is not what this is made for (M5). */
const COPIES_MAX = 100;
const NAME_LENGTH_MAX = 64;
const RESERVE = 0.02;
const RESERVE_MAX = 0.5;
const GRACE_MS = 10 * 60_000;
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

export const START_OPTIONS = {
  data: option(
    {
      flag: "data",
      env: "FSDFS_DATA",
      placeholder: "DIR",
      defaultText: DATA_DIRECTORY,
      help: "Where the files lie, as plain files under their own names. Made if it does not exist.",
    },
    absolutePath,
    resolve(DATA_DIRECTORY),
  ),
  state: option(
    {
      flag: "state",
      env: "FSDFS_STATE",
      placeholder: "DIR",
      defaultText: ".fsdfs in the data directory",
      help: "Where the catalog lies. Never on NFS; on a fast disk when --data is a slow one.",
    },
    absolutePath,
    undefined,
  ),
  port: option(
    {
      flag: "port",
      env: "FSDFS_PORT",
      placeholder: "PORT",
      defaultText: String(HTTP_PORT),
      help: "HTTP port for clients.",
    },
    port,
    HTTP_PORT,
  ),
  swarmPort: option(
    {
      flag: "swarm-port",
      env: "FSDFS_SWARM_PORT",
      placeholder: "PORT",
      defaultText: "the one after --port",
      help: "Port for the other servers.",
    },
    port,
    undefined,
  ),
  listen: option(
    {
      flag: "listen",
      env: "FSDFS_LISTEN",
      placeholder: "ADDRESS",
      defaultText: "all interfaces",
      help: "IP address to listen on, for both ports.",
    },
    ipAddress,
    undefined,
  ),
  password: option(
    {
      flag: "password",
      env: "FSDFS_PASSWORD",
      placeholder: "PASSWORD",
      excludes: ["password-file"],
      defaultText: "the one used before, else a new one is made and printed",
      help: "The swarm's password, the same on every server. Other users of this machine can see it with ps: better use --password-file or the environment variable.",
    },
    passwordText,
    undefined,
  ),
  passwordFile: option(
    {
      flag: "password-file",
      env: "FSDFS_PASSWORD_FILE",
      placeholder: "FILE",
      excludes: ["password"],
      help: "Reads the password from the first line of a file.",
    },
    absolutePath,
    undefined,
  ),
  join: repeatable(
    {
      flag: "join",
      env: "FSDFS_JOIN",
      placeholder: "HOST[:PORT]",
      help: `A server of the swarm, at the address that a browser would use (port ${HTTP_PORT} unless given). Servers on the same LAN find each other without.`,
    },
    parseJoin,
  ),
  quota: option(
    {
      flag: "quota",
      env: "FSDFS_QUOTA",
      placeholder: "SIZE",
      defaultText: "90% of the file system",
      help: "What the files may take, as in 500G, 2T or 500Gi; a number alone is bytes.",
    },
    parseSizeBytes,
    undefined,
  ),
  reserve: option(
    {
      flag: "reserve",
      env: "FSDFS_RESERVE",
      placeholder: "SHARE",
      defaultText: "2%",
      help: "Share of the quota that is kept free for uploads, 0 to 50%.",
    },
    parseReserve,
    RESERVE,
  ),
  copies: option(
    {
      flag: "copies",
      env: "FSDFS_COPIES",
      placeholder: "N",
      defaultText: "as the swarm has it, 3 in a new one",
      help: "How many servers are to hold each file. Free quota is used for more.",
    },
    (text) => parseInteger(text, 1, COPIES_MAX),
    undefined,
  ),
  writeCopies: option(
    {
      flag: "write-copies",
      env: "FSDFS_WRITE_COPIES",
      placeholder: "W",
      defaultText: "as the swarm has it, 2 in a new one",
      help: "How many servers must have a file on their disks before its upload is acknowledged.",
    },
    (text) => parseInteger(text, 1, COPIES_MAX),
    undefined,
  ),
  grace: option(
    {
      flag: "grace",
      env: "FSDFS_GRACE",
      placeholder: "DURATION",
      defaultText: "10m",
      help: "How long a silent server still counts as holding its copies, as in 90s, 10m or 2h.",
    },
    parseDurationMs,
    GRACE_MS,
  ),
  strict: flagOption({
    flag: "strict",
    env: "FSDFS_STRICT",
    help: "Refuses uploads while fewer than --write-copies servers can be reached, instead of taking and repairing them.",
  }),
  name: option(
    {
      flag: "name",
      env: "FSDFS_NAME",
      placeholder: "NAME",
      defaultText: "the host name",
      help: "What people call this server.",
    },
    label,
    undefined,
  ),
  zone: option(
    {
      flag: "zone",
      env: "FSDFS_ZONE",
      placeholder: "ZONE",
      defaultText: "a zone of its own",
      help: "What fails together with this server, as a rack or a room; copies are spread over zones.",
    },
    label,
    undefined,
  ),
  url: option(
    {
      flag: "url",
      env: "FSDFS_URL",
      placeholder: "URL",
      defaultText: "made from the address that others see",
      help: "The URL by which clients reach this server, when a proxy or a NAT is between.",
    },
    clientUrl,
    undefined,
  ),
  redirect: option(
    {
      flag: "redirect",
      env: "FSDFS_REDIRECT",
      placeholder: "auto|never",
      defaultText: "auto",
      help: "auto sends readers to a server that holds the file; never passes the file through this server.",
    },
    (text) => parseChoice(text, ["auto", "never"]),
    "auto" as const,
  ),
  publicRead: flagOption({
    flag: "public-read",
    env: "FSDFS_PUBLIC_READ",
    help: "Anyone may read without a key.",
  }),
  noDiscovery: flagOption({
    flag: "no-discovery",
    env: "FSDFS_NO_DISCOVERY",
    help: "Neither looks for servers of the LAN nor tells them of this one (mDNS).",
  }),
  new: flagOption({
    flag: "new",
    help: "Takes a data directory that lost its identity, or belonged to another server, as a new server's.",
  }),
  logLevel: option(
    {
      flag: "log-level",
      env: "FSDFS_LOG_LEVEL",
      placeholder: "LEVEL",
      defaultText: "info",
      help: `How much is logged: ${LOG_LEVELS.join(", ")}.`,
    },
    (text) => parseChoice(text, LOG_LEVELS),
    "info" as const,
  ),
};

export type StartValues = ValuesOf<typeof START_OPTIONS>;

/** What a server is started with, all defaults filled in. */
export interface StartOptions extends Omit<ServerOptions, "swarmKey"> {
  /** The swarm's password, from which `main.ts` makes the swarm's key. */
  readonly password: string;
  /** The data directory, absolute. */
  readonly data: string;
  /** The directory of the catalog, absolute; undefined: inside of the data directory. */
  readonly state: string | undefined;
  /** The same as `httpPort`. */
  readonly port: number;
  readonly swarmPort: number;
  /** The IP address to listen on; undefined: all interfaces. */
  readonly listen: string | undefined;
  readonly discovery: boolean;
  readonly logLevel: (typeof LOG_LEVELS)[number];
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
    discovery: !values.noDiscovery,
    logLevel: values.logLevel,
    name: values.name ?? hostname(),
    zone: values.zone,
    url: values.url,
    quotaBytes: values.quota,
    reserve: values.reserve,
    copies: values.copies,
    writeCopies: values.writeCopies,
    graceMs: values.grace,
    strict: values.strict,
    redirect: values.redirect,
    publicRead: values.publicRead,
    asNew: values.new,
  };
}

function swarmPortOf(values: StartValues): number {
  const swarmPort = values.swarmPort ?? values.port + 1;
  if (swarmPort === values.port) {
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

export interface JoinAddress {
  /** As in a URL: an IPv6 address has its brackets. */
  readonly host: string;
  /** The HTTP port. */
  readonly port: number;
}

/** HOST, HOST:PORT or a server's URL. An IPv6 address may stand without brackets when there is no port. */
export function parseJoin(text: string): JoinAddress {
  const bare = text
    .trim()
    .replace(/^https?:\/\//, "")
    .replace(/\/$/, "");
  const host = isIP(bare) === 6 ? `[${bare}]` : bare;
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d+))?$/.exec(host);
  if (!match?.[1]) throw new Error(`'${text}' is not HOST or HOST:PORT`);
  return { host: match[1], port: match[2] === undefined ? HTTP_PORT : port(match[2]) };
}

function absolutePath(text: string): string {
  if (text === "") throw new Error("it is empty");
  return resolve(text);
}

function port(text: string): number {
  return parseInteger(text, 1, PORT_MAX);
}

function ipAddress(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, "$1");
  if (isIP(bare) === 0) throw new Error(`'${text}' is not an IP address of this machine`);
  return bare;
}

function passwordText(text: string): string {
  if (text === "") throw new Error("it is empty");
  return text;
}

function parseReserve(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  const share = match ? Number(match[1]) / (match[2] === "%" ? 100 : 1) : Number.NaN;
  if (!(share >= 0 && share <= RESERVE_MAX)) throw new Error(`'${text}' is not a share from 0 to 50%`);
  return share;
}

function label(text: string): string {
  if (!/^[^\p{C}\s](?:[^\p{C}]*[^\p{C}\s])?$/u.test(text) || text.length > NAME_LENGTH_MAX) {
    throw new Error(`it must have 1 to ${NAME_LENGTH_MAX} printable characters`);
  }
  return text;
}

function clientUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username) {
    throw new Error(`'${text}' is not a URL such as https://files.example.org`);
  }
  return url.href.replace(/\/+$/, "");
}
