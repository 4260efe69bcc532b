/** Every option of `fsdfs start`, declared once: flag, environment variable, type, default and help text. */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import {
  absolutePath,
  clientUrl,
  HTTP_PORT,
  ipAddress,
  keptDurationMs,
  label,
  parseJoin,
  parseReserve,
  passwordText,
  port,
  rate,
  webOrigin,
} from "./config-values.ts";
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

export { RATE_MIN } from "./config-values.ts";

export const DATA_DIRECTORY = "./fsdfs-data";
/** Secrets and answers about the swarm lie in this directory inside of the data directory. */
export const STATE_DIRECTORY_NAME = ".fsdfs";

/** A swarm that outgrows a mesh of some 100 servers is not what this is made for (M5). */
export const COPIES_MAX = 100;
const RESERVE = 0.02;
const GRACE_MS = 10 * 60_000;
/** Beyond it processes have no core of their own on any usual machine. */
const PROCESSES_MAX = 128;
/** What a server takes when nothing is said: PULLS in server/control/directives.ts. */
const PULLS_TEXT = "4";
/** More would only make each of them slower. */
export const PULLS_MAX = 64;
const DELETIONS_KEPT_MS = 24 * 3_600_000;
/** Disks that rot do so over months; a month costs a disk of 10 TB some 4 MB/s. */
const SCRUB_DAYS = 30;
const SCRUB_DAYS_MAX = 3650;
const TRASH_DAYS = 7;
/** Ten years: who wants to keep more keeps it in files. */
const TRASH_DAYS_MAX = 3650;
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
  tlsCert: option(
    {
      flag: "tls-cert",
      env: "FSDFS_TLS_CERT",
      placeholder: "FILE",
      help: "Clients are answered by HTTPS, with the certificate (and its chain) in this file, in PEM. Read anew when it changes. Needs --tls-key.",
    },
    absolutePath,
    undefined,
  ),
  tlsKey: option(
    {
      flag: "tls-key",
      env: "FSDFS_TLS_KEY",
      placeholder: "FILE",
      help: "The certificate's private key, in PEM, without a passphrase.",
    },
    absolutePath,
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
  processes: option(
    {
      flag: "processes",
      env: "FSDFS_PROCESSES",
      placeholder: "COUNT",
      defaultText: "one for each core above the first",
      help: "How many processes of their own serve clients. With 0 the process that keeps the swarm serves them as well.",
    },
    (text) => parseInteger(text, 0, PROCESSES_MAX),
    availableParallelism() - 1,
  ),
  pulls: option(
    {
      flag: "pulls",
      env: "FSDFS_PULLS",
      placeholder: "COUNT",
      defaultText: PULLS_TEXT,
      help: "How many files this server copies from others at once; eight of up to 64 KB count as one.",
    },
    (text) => parseInteger(text, 1, PULLS_MAX),
    undefined,
  ),
  pullRate: option(
    {
      flag: "pull-rate",
      env: "FSDFS_PULL_RATE",
      placeholder: "SIZE",
      defaultText: "unlimited",
      help: "How much it copies from others in a second, as in 50M. Uploads and readers are never held back.",
    },
    rate,
    undefined,
  ),
  serveRate: option(
    {
      flag: "serve-rate",
      env: "FSDFS_SERVE_RATE",
      placeholder: "SIZE",
      defaultText: "unlimited",
      help: "How much others may copy from it in a second, as in 50M. Uploads and readers are never held back.",
    },
    rate,
    undefined,
  ),
  bandwidth: option(
    {
      flag: "bandwidth",
      env: "FSDFS_BANDWIDTH",
      placeholder: "SIZE",
      defaultText: "that of the fastest network interface, else 125M",
      help: "What this machine's network takes in a second, as in 125M. It bounds nothing: sending so much counts as fully loaded, and loaded servers are spared.",
    },
    rate,
    undefined,
  ),
  keepDeletions: option(
    {
      flag: "keep-deletions",
      env: "FSDFS_KEEP_DELETIONS",
      placeholder: "DURATION",
      defaultText: "24h",
      help: "How long it is remembered what was deleted, once every server knows it; 1h at least. A catalog from an older backup is replaced by the other servers'.",
    },
    keptDurationMs,
    DELETIONS_KEPT_MS,
  ),
  scrubDays: option(
    {
      flag: "scrub-days",
      env: "FSDFS_SCRUB_DAYS",
      placeholder: "DAYS",
      defaultText: String(SCRUB_DAYS),
      help: "In how many days every copy is read and compared with its SHA-256 once; 0: never. It is spread evenly, and readers come first.",
    },
    (text) => parseInteger(text, 0, SCRUB_DAYS_MAX),
    SCRUB_DAYS,
  ),
  trashDays: option(
    {
      flag: "trash-days",
      env: "FSDFS_TRASH_DAYS",
      placeholder: "DAYS",
      defaultText: String(TRASH_DAYS),
      help: "How long what was deleted or overwritten is kept, while its room is not wanted for uploads or for files with too few copies. 0: not at all, once what replaced it is safe.",
    },
    (text) => parseInteger(text, 0, TRASH_DAYS_MAX),
    TRASH_DAYS,
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
  cors: repeatable(
    {
      flag: "cors",
      env: "FSDFS_CORS",
      placeholder: "ORIGIN",
      defaultText: "none",
      help: "Web pages of this origin, as https://player.example.org, may use this server with a key; * is any. On every server, since pages are sent to those that hold a file.",
    },
    webOrigin,
  ),
  fetchPrivate: flagOption({
    flag: "fetch-private",
    env: "FSDFS_FETCH_PRIVATE",
    help: "Files that are put by a URL may also be fetched from this machine and from private networks. Who may write can then read what answers this server there.",
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
