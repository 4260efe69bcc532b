/**
 * Reads what strace saw of servers, and says of an acknowledged PUT whether it was on W disks before its answer was
 * written (P3, S1, C4). It knows the order of the system calls that a durable copy takes, and nothing of the program:
 *
 * 1. the staged file is written, then synced, and its name with it;
 * 2. the catalog's pages that name the staged file are written, then synced, then the page that makes them the catalog;
 * 3. the staged file is renamed to its path, then the directory of that path is synced;
 * 4. each directory that was made on the way is synced into the one above it;
 * 5. only then the answer is written.
 */
import { dirname } from "node:path";

/** One system call that succeeded, of any thread. Times are seconds since the Unix epoch. */
export interface Call {
  readonly name: string;
  readonly startS: number;
  readonly endS: number;
  /** As strace printed them; of a write to the catalog only the staged files that are named in it. */
  readonly args: string;
  /** The paths it names, with what descriptors in /proc led to at that moment put in. */
  readonly names: readonly string[];
  readonly result: number;
  /** What the first argument, when it is a descriptor, leads to. */
  readonly path: string | undefined;
  readonly descriptor: number | undefined;
  /** What the result, when it is a descriptor, leads to. */
  readonly opened: string | undefined;
}

export interface Trace {
  readonly server: string;
  readonly data: string;
  /** Descriptors whose writes are durable when they return (O_DSYNC). */
  readonly durable: ReadonlySet<number>;
  /** In the order of their starts. */
  readonly calls: readonly Call[];
}

export interface Acknowledgement {
  readonly version: string;
  /** What the answer says: on how many servers it is. */
  readonly copies: number;
  /** When its writing began. */
  readonly atS: number;
}

const LINE = /^(\d+\.\d+) (\w+)\((.*)\) = (-?\d+)(?:<([^>]*)>)?(?: [A-Z].*)? <(\d+\.\d+)>$/;
const DESCRIPTOR = /^(\d+)<([^>]*)>/;
const ANSWER = /"HTTP\/1\.1 2\d\d .*?fsdfs-version: (\S+?)\\r\\nfsdfs-copies: (\d+)/;
const STAGED = /\/\.fsdfs\/staged\/([0-9a-f]+)$/;
const STAGED_NAMES = /staged\/[0-9a-f]+/g;
const NAMING = /^(rename|mkdir|link)/;
const QUOTED = /"((?:[^"\\]|\\.)*)"/g;
const CATALOG = "/data.mdb";
/** To the microsecond, strace's own unit; what is closer has no order. */
const RESOLUTION_S = 0.000_001;

/**
 * @param texts what `strace -ff -yy -ttt -T` wrote, a text for each thread
 * @param paths what the process's descriptors led to when tracing began
 */
export function parseTrace(texts: readonly string[], paths: ReadonlyMap<number, string>): Call[] {
  const calls = texts.flatMap((text) => text.split("\n").flatMap((line) => parseCall(line) ?? []));
  calls.sort((a, b) => a.startS - b.startS);
  const opened = (descriptor: number, atS: number) =>
    calls.findLast(({ name, result, endS }) => name === "openat" && result === descriptor && endS <= atS)?.opened;
  return calls.map((call) => {
    if (!NAMING.test(call.name)) return call;
    const names = Array.from(call.args.matchAll(QUOTED), ([, name = ""]) =>
      name.replace(/^\/proc\/self\/fd\/(\d+)/, (whole, descriptor: string) => {
        return opened(Number(descriptor), call.startS) ?? paths.get(Number(descriptor)) ?? whole;
      }),
    );
    return { ...call, names };
  });
}

/** A failed call is none: nothing is durable by it. */
function parseCall(line: string): Call | undefined {
  const [, start, name, text, result, opened, duration] = LINE.exec(line) ?? [];
  if (start === undefined || name === undefined || text === undefined || Number(result) < 0) return undefined;
  const [, descriptor, path] = DESCRIPTOR.exec(text) ?? [];
  const startS = Number(start);
  return {
    name,
    startS,
    endS: startS + Number(duration),
    args: path?.endsWith(CATALOG) ? Array.from(text.matchAll(STAGED_NAMES), ([named]) => named).join() : text,
    names: [],
    result: Number(result),
    path,
    descriptor: descriptor === undefined ? undefined : Number(descriptor),
    opened,
  };
}

/** The answers to PUTs that were carried out. */
export function acknowledgements(calls: readonly Call[]): Acknowledgement[] {
  return calls.flatMap((call) => {
    if (!/^(write|writev|sendto|sendmsg)$/.test(call.name)) return [];
    const [, version, copies] = ANSWER.exec(call.args) ?? [];
    return version === undefined ? [] : [{ version, copies: Number(copies), atS: call.startS }];
  });
}

/** An acknowledged PUT: the text its content begins with, which no other content has, and the path it went to. */
export interface Put {
  readonly marker: string;
  readonly path: string;
}

/** What is missing until the PUT is as durable as its acknowledgement says; nothing when all is well. */
export function violations(put: Put, told: Acknowledgement, traces: readonly Trace[], writeCopies: number): string[] {
  const missing = traces.map((trace) => `${trace.server}: ${missingStep(put, told.atS, trace) ?? "durable"}`);
  const durable = missing.filter((each) => each.endsWith(": durable")).length;
  const wanted = Math.max(writeCopies, told.copies);
  return durable >= wanted ? [] : [`${put.path} was durable on ${durable} of ${wanted} servers`, ...missing];
}

/**
 * How the path's name was missing on a server that had the new version already (S1): the old one was renamed away
 * before the new one was renamed into its place. Undefined when it was not.
 */
export function missingName(put: Put, trace: Trace): string | undefined {
  const to = `${trace.data}/${put.path}`;
  const staged = stagedFile(trace.calls, put.marker);
  const renamed = trace.calls.find((call) => staged !== undefined && isRename(call, staged, to));
  const entered = staged === undefined ? undefined : catalogCommit(trace.calls, trace, staged);
  if (renamed === undefined || entered === undefined) return undefined;
  const between = trace.calls.filter((call) => call.startS > entered.startS && call.startS < renamed.startS);
  const removed = between.find((call) => call.name.startsWith("rename") && call.names[0] === to);
  return removed === undefined ? undefined : `${trace.server}: ${removed.name}(${removed.args})`;
}

/** The first step towards a durable copy that one server had not done when the answer was written. */
export function missingStep(put: Put, answerS: number, trace: Trace): string | undefined {
  const calls = trace.calls.filter((call) => call.endS <= answerS - RESOLUTION_S);
  const staged = stagedFile(calls, put.marker);
  if (staged === undefined) return "no staged file";
  const written = calls.findLast((call) => isWrite(call) && call.path === staged);
  const synced = syncAfter(calls, staged, written);
  if (synced === undefined) return "the file was not synced after its last write";
  const created = calls.find((call) => call.name === "openat" && call.opened === staged);
  const named = syncAfter(calls, dirname(staged), created);
  if (named === undefined) return "the staged file's name was not synced";
  const renamed = calls.find((call) => isRename(call, staged, `${trace.data}/${put.path}`));
  const entered = catalogCommit(calls, trace, staged);
  if (entered === undefined) return "the catalog was not written and synced";
  if (entered.startS < Math.max(synced.endS, named.endS)) return "the catalog spoke of a file that was not synced";
  if (renamed === undefined) return "the staged file was not renamed to its path";
  if (renamed.startS < synced.endS) return "the file was renamed before it was synced";
  if (renamed.startS < entered.endS) return "the file was renamed before the catalog was synced";
  if (syncAfter(calls, dirname(`${trace.data}/${put.path}`), renamed) === undefined)
    return "the directory was not synced after the rename";
  return missingAncestor(calls, trace, put.path, renamed);
}

function missingAncestor(calls: readonly Call[], trace: Trace, path: string, renamed: Call): string | undefined {
  for (let name = dirname(path); name !== "."; name = dirname(name)) {
    const directory = `${trace.data}/${name}`;
    const made = calls.findLast((call) => isMakeDirectory(call, directory) && call.endS <= renamed.startS);
    if (made !== undefined && syncAfter(calls, dirname(directory), made) === undefined)
      return `the directory ${name} was made and not synced into the one above it`;
  }
  return undefined;
}

/** The staged file that was filled with this content. */
function stagedFile(calls: readonly Call[], marker: string): string | undefined {
  const first = calls.find((call) => isWrite(call) && STAGED.test(call.path ?? "") && call.args.includes(`"${marker}`));
  return first?.path;
}

/** The write that made the first transaction naming the staged file the catalog: after its pages, and after their sync. */
function catalogCommit(calls: readonly Call[], trace: Trace, staged: string): Call | undefined {
  const name = `staged/${STAGED.exec(staged)?.[1]}`;
  const isPages = (call: Call) => isWrite(call) && isCatalog(call) && !isDurable(call, trace);
  const pages = calls.find((call) => isPages(call) && call.args.includes(name));
  const synced = syncAfter(calls, pages?.path, pages);
  if (synced === undefined) return undefined;
  return calls.find((call) => isWrite(call) && isDurable(call, trace) && isCatalog(call) && call.startS >= synced.endS);
}

function isCatalog(call: Call): boolean {
  return call.path?.endsWith(CATALOG) === true;
}

function isDurable(call: Call, { durable }: Trace): boolean {
  return call.descriptor !== undefined && durable.has(call.descriptor);
}

function isWrite({ name }: Call): boolean {
  return name === "write" || name === "writev" || name.startsWith("pwrite");
}

/** The first sync of a file or directory that began when `after` had ended. */
function syncAfter(calls: readonly Call[], path: string | undefined, after: Call | undefined): Call | undefined {
  if (path === undefined || after === undefined) return undefined;
  return calls.find(
    (call) => (call.name === "fsync" || call.name === "fdatasync") && call.path === path && call.startS >= after.endS,
  );
}

function isRename(call: Call, from: string, to: string): boolean {
  if (!call.name.startsWith("rename")) return false;
  return call.names[0] === from && call.names[1] === to;
}

function isMakeDirectory(call: Call, directory: string): boolean {
  return call.name.startsWith("mkdir") && call.names[0] === directory;
}
