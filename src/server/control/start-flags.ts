/**
 * How the options of `fsdfs start` and what operators say at run time go together: what was said last counts. An option says
 * something at the start at which it is first given, or given with another value than at the start before; then it takes
 * back what was said until then. The same line at a reboot, and an option left out, say nothing.
 */
import { fromUtf8, utf8 } from "../../core/bytes.ts";
import { metaKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Change } from "../catalog/change.ts";
import { writeServerSetting } from "./server-settings.ts";

const FLAGS_KEY = metaKey("flags");

/** What both a start and a running server can be told; undefined: not given. Rates are bytes a second. */
export interface Flags {
  readonly quotaBytes: number | undefined;
  readonly pulls: number | undefined;
  readonly pullRate: number | undefined;
  readonly serveRate: number | undefined;
  /** N and W of the swarm. */
  readonly copies: number | undefined;
  readonly writeCopies: number | undefined;
}

export type ServerFlag = Exclude<keyof Flags, "copies" | "writeCopies">;
const SERVER_FLAGS: readonly ServerFlag[] = ["quotaBytes", "pulls", "pullRate", "serveRate"];

export class StartFlags {
  readonly given: Partial<Flags>;
  readonly #server: Catalog["self"];
  /** What each option was when it was given last; undefined at a server's first start, before which nothing can have been said. */
  #last: Partial<Flags> | undefined;
  #saysNow: ReadonlySet<keyof Flags>;

  constructor(catalog: Pick<Catalog, "self" | "read">, flags: Flags) {
    const { quotaBytes, pulls, pullRate, serveRate, copies, writeCopies } = flags;
    const all = Object.entries({ quotaBytes, pulls, pullRate, serveRate, copies, writeCopies });
    this.given = Object.fromEntries(all.filter(([, value]) => value !== undefined));
    this.#server = catalog.self;
    this.#last = readLast(catalog.read());
    const names = Object.keys(this.given) as (keyof Flags)[];
    this.#saysNow = new Set(names.filter((name) => this.given[name] !== this.#last?.[name]));
  }

  /** Whether an option says something with this start, which has not been written down yet. */
  saysNow(name: keyof Flags): boolean {
    return this.#saysNow.has(name);
  }

  /** Takes back what was said for this server before, and notes what was given. Once it is durable: `written`. */
  write(change: Change): void {
    if (this.#last !== undefined) {
      for (const name of SERVER_FLAGS) if (this.saysNow(name)) writeServerSetting(change, this.#server, name, null);
    }
    const noted = utf8(JSON.stringify({ ...this.#last, ...this.given }));
    if (this.#last === undefined || this.#saysNow.size > 0) change.transaction.view.put(FLAGS_KEY, noted);
  }

  written(): void {
    this.#last = { ...this.#last, ...this.given };
    this.#saysNow = new Set();
  }
}

function readLast(view: ReadView): Partial<Flags> | undefined {
  const row = view.get(FLAGS_KEY);
  return row === undefined ? undefined : (JSON.parse(fromUtf8(row)) as Partial<Flags>);
}
