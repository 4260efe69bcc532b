/** The options of `startServer`: those of `fsdfs start` (config.ts), as values of a program, and some of its own. */
import { START_OPTIONS, type StartValues } from "../config.ts";
import type { Policy, Prefer } from "../core/policy/policy.ts";
import { FsdfsError } from "../errors.ts";
import { nearest, type Option } from "../options.ts";
import type { Log } from "../ports/log.ts";

/** Bytes, or a text as in "500G" or "2Ti". */
export type Size = number | string;
/** Milliseconds, or a text as in "90s", "10m" or "2h". */
export type Duration = number | string;

/** What is left out is as for `fsdfs start`, unless something else is said. docs/LIBRARY.md has them as a table. */
export interface StartServerOptions {
  /** Where the files lie, as plain files under their own names. Made if it does not exist; "./fsdfs-data" by default. */
  readonly data?: string;
  /** Where the catalog lies; inside of `data` by default. */
  readonly state?: string;
  /** For clients, 4242 by default; 0: any free one. */
  readonly port?: number;
  /** For other servers; the one after `port` by default, any free one when that is 0. */
  readonly swarmPort?: number;
  /** IP address to listen on, for both ports; all interfaces by default. */
  readonly listen?: string;
  /** Files in PEM: clients are answered by HTTPS. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** The swarm's; by default the one used before on `data`, else a new one is made. */
  readonly password?: string;
  readonly passwordFile?: string;
  /** Servers of the swarm, each by its URL or as "HOST:PORT". */
  readonly join?: string | readonly string[];
  readonly quota?: Size;
  /** 0 to 0.5, or a text as in "2%". */
  readonly reserve?: number | string;
  /** N and W of the swarm. */
  readonly copies?: number;
  readonly writeCopies?: number;
  readonly grace?: Duration;
  /** Processes of their own that serve clients. None by default: this process serves. */
  readonly processes?: number;
  readonly pulls?: number;
  /** Bytes a second. */
  readonly pullRate?: Size;
  readonly serveRate?: Size;
  readonly bandwidth?: Size;
  readonly keepDeletions?: Duration;
  readonly scrubDays?: number;
  readonly trashDays?: number;
  readonly strict?: boolean;
  readonly name?: string;
  readonly zone?: string;
  readonly url?: string;
  readonly redirect?: "auto" | "never";
  readonly publicRead?: boolean;
  readonly cors?: string | readonly string[];
  readonly fetchPrivate?: boolean;
  readonly new?: boolean;
  /** What `log` is told; "info" by default. */
  readonly logLevel?: "debug" | "info" | "warn" | "error";

  /** Looks for servers of the LAN, and tells them of this one (mDNS). Not by default. */
  readonly discovery?: boolean;
  /**
   * Remembers outside of `data`, for this user, that it was used: when its disk is not mounted later, the start is refused with
   * `data-lost-identity`. Not by default.
   */
  readonly remember?: boolean;
  /** N of each file, in the place of the policy in the file system (docs/POLICY.md). */
  readonly policy?: Policy;
  /** How much a file should rather be on a server than on others, beside `policy`. */
  readonly prefer?: Prefer;
  /** Is told what the server has to tell, as `console` may be; nobody is by default. */
  readonly log?: Log;
  /** Gives up while the server starts: it is stopped, and what is thrown is the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What only `startServer` takes. */
const OWN = ["discovery", "remember", "policy", "prefer", "log", "signal"] as const;
type Own = (typeof OWN)[number];

/** As the command line would have parsed them. @throws FsdfsError `option-invalid` */
export function valuesOf(options: StartServerOptions): StartValues {
  const { discovery = false, remember, policy, prefer, log, signal, ...shared } = options;
  checkOwn({ discovery, remember, policy, prefer, log, signal });
  const given: Readonly<Record<string, unknown>> = shared;
  for (const name of Object.keys(given)) if (!isTaken(name)) throw unknown(name);
  checkExcluded(given);
  const all: Readonly<Record<string, unknown>> = { processes: 0, ...given, noDiscovery: !discovery };
  const values = Object.entries(START_OPTIONS).map(([name, option]) => [name, parsed(name, option, all[name])]);
  return Object.fromEntries(values) as StartValues;
}

function checkExcluded(given: Readonly<Record<string, unknown>>): void {
  for (const { flag, excludes = [] } of Object.values<Option<unknown>>(START_OPTIONS)) {
    const other = excludes.map(camelCase).find((name) => given[name] !== undefined);
    const isBoth = other !== undefined && given[camelCase(flag)] !== undefined;
    if (isBoth) throw invalid(other, "the same is said by another option");
  }
}

/** "noDiscovery" is said by `discovery`. */
function isTaken(name: string): boolean {
  return name !== "noDiscovery" && Object.hasOwn(START_OPTIONS, name);
}

function unknown(name: string): FsdfsError {
  const names = [...Object.keys(START_OPTIONS).filter(isTaken), ...OWN];
  const near = name === "noDiscovery" ? "discovery" : nearest(name, names);
  return invalid(name, `there is no such option${near === undefined ? "" : `; did you mean ${near}`}`);
}

function parsed(name: string, option: Option<unknown>, given: unknown): unknown {
  // Any free one: on the command line nobody would know which.
  if (given === 0 && (name === "port" || name === "swarmPort")) return 0;
  try {
    const all = given === undefined ? [] : Array.isArray(given) ? given : [given];
    if (Array.isArray(given) && !option.repeatable) throw new Error("it takes one value");
    return option.parse(all.map((each) => textOf(option, each)));
  } catch (error) {
    throw invalid(name, error instanceof Error ? error.message : String(error));
  }
}

/** @throws Error */
function textOf({ placeholder }: Option<unknown>, value: unknown): string {
  if (placeholder === undefined) {
    if (typeof value !== "boolean") throw new Error("it must be true or false");
    return String(value);
  }
  if (typeof value === "number") return placeholder === "DURATION" ? `${value}ms` : String(value);
  if (typeof value !== "string") throw new Error("it must be a text or a number");
  return value;
}

function checkOwn({ discovery, remember, policy, prefer, log, signal }: { readonly [Name in Own]?: unknown }): void {
  const check = (name: Own, isRight: boolean, what: string) => {
    if (!isRight) throw invalid(name, `it must be ${what}`);
  };
  const isFlag = (value: unknown) => value === undefined || typeof value === "boolean";
  check("discovery", isFlag(discovery), "true or false");
  check("remember", isFlag(remember), "true or false");
  check(
    "policy",
    policy === undefined || typeof policy === "function",
    "a function; a text is set by client.setPolicy",
  );
  check("prefer", prefer === undefined || typeof prefer === "function", "a function");
  if (prefer !== undefined && policy === undefined) throw invalid("prefer", "it needs policy as well");
  const levels = ["debug", "info", "warn", "error"] as const;
  const methods = Object(log) as Readonly<Record<string, unknown>>;
  const isLog = log === undefined || levels.every((level) => typeof methods[level] === "function");
  check("log", isLog, `an object with the methods ${levels.join(", ")}`);
  check("signal", signal === undefined || signal instanceof AbortSignal, "an AbortSignal");
}

/** What the command line calls by its flags, in the words of a program. */
export function inWordsOfOptions(error: unknown): unknown {
  if (!(error instanceof FsdfsError) || error.code !== "option-invalid") return error;
  const named = (text: unknown) => String(text).replaceAll(/--([a-z-]+)/g, (_, flag: string) => camelCase(flag));
  return invalid(named(error.params.option), named(error.params.reason));
}

function camelCase(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function invalid(option: string, reason: string): FsdfsError {
  return new FsdfsError("option-invalid", { option, reason });
}
