/**
 * How the options of `fsdfs start` and what operators say at run time go together: what was said last counts. An option says
 * something at the start at which it is first given, or given with another value than at the start before; then it takes
 * back what was said for this server until then. The same line at a reboot, and an option left out, say nothing.
 */
import { fromUtf8, utf8 } from "../../core/bytes.ts";
import { metaKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { writeServerSetting } from "./server-settings.ts";

const FLAGS_KEY = metaKey("flags");
const IDLE_MS = 60_000;
/** Between two looks whether this server may write yet. */
const POLL_MS = 500;

/** What both a start and a running server can be told; undefined: not given. Rates are bytes a second. */
export interface Flags {
  readonly quotaBytes: number | undefined;
  readonly pulls: number | undefined;
  readonly pullRate: number | undefined;
  readonly serveRate: number | undefined;
}

export type FlagName = keyof Flags;

export class StartFlags {
  readonly given: Partial<Flags>;
  readonly unit = new BackgroundUnit("flags", () => this.#step());
  readonly #catalog: Catalog;
  /** Those that count though something else was said before them, until that is taken back. */
  #anew: ReadonlySet<FlagName>;

  constructor(catalog: Catalog, given: Flags) {
    this.#catalog = catalog;
    const { quotaBytes, pulls, pullRate, serveRate } = given;
    this.given = withoutUndefined({ quotaBytes, pulls, pullRate, serveRate });
    this.#anew = new Set(givenAnew(this.given, readLast(catalog.read())));
  }

  /** Whether an option counts, whatever the settings say. */
  overrules(name: FlagName): boolean {
    return this.#anew.has(name);
  }

  /** Once: takes back what they overrule, and notes what was given. */
  async #step(): Promise<NextStep> {
    const last = readLast(this.#catalog.read());
    const noted = JSON.stringify({ ...last, ...this.given });
    if (last !== undefined && noted === JSON.stringify(last)) return { restMs: IDLE_MS };
    if (this.#anew.size > 0 && this.#catalog.origin === undefined) return { restMs: POLL_MS };
    await this.#catalog.change((change) => {
      for (const name of this.#anew) writeServerSetting(change, this.#catalog.self, name, null);
      change.transaction.view.put(FLAGS_KEY, utf8(noted));
    });
    this.#anew = new Set();
    return { restMs: IDLE_MS };
  }
}

/** At a server's first start nothing can have been said before. */
function givenAnew(given: Partial<Flags>, last: Partial<Flags> | undefined): FlagName[] {
  if (last === undefined) return [];
  const names = Object.keys(given) as FlagName[];
  return names.filter((name) => given[name] !== last[name]);
}

function withoutUndefined(flags: Flags): Partial<Flags> {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) as Partial<Flags>;
}

/** What each option was when it was given last. */
function readLast(view: ReadView): Partial<Flags> | undefined {
  const row = view.get(FLAGS_KEY);
  return row === undefined ? undefined : (JSON.parse(fromUtf8(row)) as Partial<Flags>);
}
