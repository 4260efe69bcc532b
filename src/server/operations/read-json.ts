/**
 * Listings and locations as JSON text, for serving processes: what read.ts answers, without an object for each entry
 * between the catalog's rows and the text, which took most of the time. What is no plain file's (plain-file.ts) goes
 * read.ts's way. A page is made in pieces, so that a long one does not hold up other requests.
 */
import { utf8 } from "../../core/bytes.ts";
import { directoryOfChildren, entryOfRow } from "../../core/catalog/entries.ts";
import { madeAt } from "../../core/catalog/epochs.ts";
import { descendantsRange, entryKey, keyAfter, keyAfterSubtree, pathOfEntryKey } from "../../core/catalog/keys.ts";
import type { Bytes, KeyRange, KeyValue, ReadView } from "../../core/catalog/kv.ts";
import { PlainFile } from "../../core/catalog/plain-file.ts";
import { decodeRegisters } from "../../core/catalog/rows.ts";
import { emptyAbove } from "../../core/catalog/tree.ts";
import { variablesObject } from "../../core/catalog/variables.ts";
import { wallMsOf } from "../../core/hybrid-clock.ts";
import { isoTime } from "../../core/iso-time.ts";
import { type FilePath, parentOf } from "../../core/paths.ts";
import type { ListOptions } from "../face.ts";
import type { Lookups } from "./lookups.ts";
import { bestFirst, checkListable, describe, LIST_DEFAULT, locate } from "./read.ts";

/** What is shown of those who hold a file, for each set of them. */
interface Holders {
  readonly copies: number;
  readonly servers: string;
}

/** A swarm has some sets of holders for a great many files; beyond this they are looked up anew. */
const HOLDERS_MAX = 10_000;
/** By the lookups of a serving process, which say the same of servers for ever: with each view there are others. */
const known = new WeakMap<Lookups, Map<number | string, Holders>>();
const plain = new PlainFile();

/** As `locate`; "null" where there is no file. */
export function locateJson(lookups: Lookups, paths: readonly FilePath[]): string[] {
  const view = lookups.read();
  return paths.map((path) => locatePlain(lookups, view, path) ?? JSON.stringify(locate(lookups, [path])[0] ?? null));
}

function locatePlain(lookups: Lookups, view: ReadView, path: FilePath): string | undefined {
  const key = entryKey(path);
  const row = view.get(key);
  if (row === undefined || !isPlain(view, key, row)) return undefined;
  const { sizeBytes, sha256, version } = plain;
  const { copies, servers } = holders(lookups, plain.origins);
  const target = plain.target ?? lookups.context.defaultTarget;
  return `{"path":${JSON.stringify(path)},"size":${sizeBytes},"sha256":"${sha256}","version":"${version}","target":${target},"copies":${copies},"surplus":${copies - target}${variables(row)},"servers":${servers}}`;
}

/** One page of a directory, as `list` answers it. */
export class ListPage {
  readonly #directory: FilePath | "";
  readonly #options: ListOptions;
  readonly #limit: number;
  readonly #nameAt: number;
  readonly #range: KeyRange;
  /** Where to go on; undefined before the first piece. */
  #start: Bytes | undefined;
  /** The entry that was shown last. */
  #last: FilePath | undefined;
  /** Of the entries of the piece that is being made. */
  #texts: string[] = [];
  readonly #pieces: Bytes[] = [];
  #count = 0;
  /** A directory in which something is. */
  #inhabited: FilePath | "";
  #next: string | null = null;

  constructor(directory: FilePath | "", options: ListOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#limit = options.limit ?? LIST_DEFAULT;
    this.#nameAt = directory === "" ? 0 : directory.length + 1;
    this.#range = descendantsRange(directory);
    this.#inhabited = directory;
  }

  /** Looks at up to so many rows more. Answers whether the page is complete. @throws FsdfsError as `list` */
  add(lookups: Lookups, rowsMax: number): boolean {
    const view = lookups.read();
    if (this.#start === undefined) {
      checkListable(view, this.#directory, this.#limit);
      this.#start = this.#begin();
    }
    for (let rows = rowsMax; rows > 0; ) {
      let isSeeking = false;
      let seen: Bytes | undefined;
      for (const row of view.range({ start: this.#start, end: this.#range.end, limit: rows })) {
        rows--;
        const verdict = this.#take(lookups, view, row);
        if (verdict === "full") return this.#endPiece(true);
        isSeeking = verdict === "seek";
        if (isSeeking) break;
        seen = row.key;
      }
      if (!isSeeking && rows > 0) return this.#endPiece(true);
      if (!isSeeking && seen !== undefined) this.#start = keyAfter(seen);
    }
    return this.#endPiece(false);
  }

  /** What together is the page. */
  pieces(): readonly Bytes[] {
    return [utf8('{"entries":['), ...this.#pieces, utf8(`],"next":${JSON.stringify(this.#next)}}`)];
  }

  /** Bytes take a tenth of the memory that the texts do, and nothing is left to be done with them at the end. */
  #endPiece(isComplete: boolean): boolean {
    if (this.#texts.length > 0) this.#pieces.push(utf8(`${this.#pieces.length > 0 ? "," : ""}${this.#texts.join()}`));
    this.#texts = [];
    return isComplete;
  }

  #begin(): Bytes {
    const { after, recursive } = this.#options;
    if (after === undefined) return this.#range.start;
    const key = entryKey((this.#directory === "" ? after : `${this.#directory}/${after}`) as FilePath);
    return recursive ? keyAfter(key) : keyAfterSubtree(key);
  }

  #take(lookups: Lookups, view: ReadView, row: KeyValue): "taken" | "full" | "seek" {
    const path = pathOfEntryKey(row.key);
    const slash = this.#options.recursive ? -1 : path.indexOf("/", this.#nameAt);
    const child = slash === -1 ? path : (path.slice(0, slash) as FilePath);
    if (slash !== -1 && child === this.#last) {
      // What lies deeper is passed over, so that a page costs what it shows.
      this.#start = keyAfterSubtree(entryKey(child));
      return "seek";
    }
    const text = this.#entry(lookups, view, row, child, slash !== -1);
    if (text === undefined) return this.#passOver(view, path, slash === -1 ? undefined : child);
    if (this.#count === this.#limit) {
      this.#next = this.#last!.slice(this.#nameAt);
      return "full";
    }
    this.#texts.push(text);
    this.#count++;
    this.#last = child;
    return "taken";
  }

  /** Of a directory in which nothing is no further row is looked at. @param child the one in which the row lies deeper */
  #passOver(view: ReadView, path: FilePath, child: FilePath | undefined): "taken" | "seek" {
    const parent = parentOf(path);
    const empty = child ?? (parent === this.#inhabited ? undefined : emptyAbove(view, path, this.#directory));
    if (empty === undefined) {
      this.#inhabited = parent;
      return "taken";
    }
    this.#start = keyAfterSubtree(entryKey(empty));
    return "seek";
  }

  /** Undefined where nothing is. @param isDeeper the row lies in `child`, which is shown in its place */
  #entry(lookups: Lookups, view: ReadView, row: KeyValue, child: FilePath, isDeeper: boolean): string | undefined {
    if (!isDeeper && isPlain(view, row.key, row.value))
      return plainEntry(lookups, child.slice(this.#nameAt), row.value);
    const shown = isDeeper ? directoryOfChildren(view, child) : entryOfRow(row);
    if (shown === undefined) return undefined;
    const { path, ...rest } = describe(lookups, view, shown);
    return JSON.stringify({ name: path.slice(this.#nameAt), ...rest });
  }
}

function isPlain(view: ReadView, key: Bytes, row: Bytes): boolean {
  return plain.read(row) && plain.readHolders(view.get(plain.versionKey), key);
}

/** Behind other members; most files have none. */
function variables(row: Bytes): string {
  const found = plain.hasVariables ? variablesObject(decodeRegisters(row)) : undefined;
  return found === undefined ? "" : `,"variables":${JSON.stringify(found)}`;
}

function plainEntry(lookups: Lookups, name: string, row: Bytes): string {
  const { sizeBytes, sha256, version, time } = plain;
  const modified = isoTime(wallMsOf(madeAt(time, lookups.writtenAt(plain))));
  const target = plain.target ?? lookups.context.defaultTarget;
  const { copies } = holders(lookups, plain.origins);
  return `{"name":${JSON.stringify(name)},"type":"file","size":${sizeBytes},"modified":"${modified}","sha256":"${sha256}","version":"${version}","target":${target},"copies":${copies}${variables(row)}}`;
}

function holders(lookups: Lookups, origins: readonly number[]): Holders {
  let sets = known.get(lookups);
  if (sets === undefined || sets.size >= HOLDERS_MAX) {
    sets = new Map();
    known.set(lookups, sets);
  }
  const name = nameOf(origins);
  let found = sets.get(name);
  if (found === undefined) {
    const ids = origins.map((origin) => lookups.serverOf(origin));
    const copies = ids.filter((server) => lookups.context.counts(server)).length;
    const servers = ids.flatMap((server) => lookups.describeServer(server) ?? []).sort(bestFirst(lookups));
    found = { copies, servers: JSON.stringify(servers) };
    sets.set(name, found);
  }
  return found;
}

/** Up to three make a number, which is found faster than a text: an index has two bytes. */
function nameOf(origins: readonly number[]): number | string {
  if (origins.length > 3) return origins.join();
  let name = 0;
  for (const origin of origins) name = name * 0x1_0001 + origin + 1;
  return name;
}
