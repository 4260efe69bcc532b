/**
 * What the policy's `prefer` says of files and servers (R5), asked for in advance and remembered for a while, since who
 * chooses cannot wait for it file by file. Each server asks for itself, about all servers of the roster, and so comes to the
 * same as the others: they know files and roster alike, and what they say when heat or age differ a little is bounded by the rule.
 *
 * Where it fails for a file that has no preferences; where it cannot be asked at all no file has any. Both are journaled.
 */
import { type Entry, readEntry } from "../../core/catalog/entries.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import { contentTypeOf } from "../../core/content-types.ts";
import type { ServerId, VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import type { FileEntry } from "../../core/policy/facts.ts";
import { isGoverned } from "../../core/policy/mark.ts";
import type { FileFacts, PolicyServer } from "../../core/policy/policy.ts";
import { NEUTRAL, Weights } from "../../core/policy/weights.ts";
import { slicesOf } from "../../core/slices.ts";
import type { Clock } from "../../ports/clock.ts";
import { type LoadedPolicy, PolicyError, type Weighed } from "../../ports/policy-evaluator.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Changed } from "../catalog/change.ts";
import type { Journal } from "./journal.ts";

/** Files that are asked about at once. */
export const WEIGHED_AT_ONCE = 50;
/** Whoever waits for answers, an upload as well, waits no longer: its process may have to be begun, which takes 0.2 s. */
const WAIT_MS_MAX = 500;
/** Answers are remembered for so long, while the file stays as it is: its age and heat change by themselves. */
const KEPT_MS = 10 * 60_000;
/** Files of which they are. */
const KEPT_MAX = 20_000;
/** Different answers, most files having one of a few. */
const SHARED_MAX = 1000;
/** After it could not be asked: it may have been the machine. */
const AGAIN_MS = 10 * 60_000;

/** What a policy is told of the servers there are. */
type Roster = ReadonlyMap<ServerId, PolicyServer>;

export interface PreferencesParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly settings: { readonly roster: Roster };
  readonly evaluation: { readonly policy: LoadedPolicy | "loading" | undefined; readonly sinceMs: number };
  readonly factsOf: (entry: FileEntry) => FileFacts;
  readonly journal: Journal;
}

interface Known {
  readonly weights: Weights;
  readonly at: number;
}

/** What is asked of one policy about one roster. */
interface Asked {
  readonly policy: LoadedPolicy;
  readonly servers: readonly PolicyServer[];
  readonly key: string;
}

export class Preferences {
  readonly #parts: PreferencesParts;
  readonly #known = new Map<VersionId, Known>();
  readonly #shared = new Map<string, Weights>();
  readonly #asking = new Map<VersionId, Promise<void>>();
  #asked: Asked | undefined;
  #roster: Roster | undefined;
  #failed: { readonly policy: LoadedPolicy; readonly againAt: number } | undefined;

  constructor(parts: PreferencesParts) {
    this.#parts = parts;
    parts.catalog.onChange((changed) => this.#hear(changed));
  }

  /** Whether there is something to ask: without a policy that prefers nothing is waited for. */
  get areAsked(): boolean {
    return this.#now() !== undefined;
  }

  /** Another one when the policy or the servers are others; undefined while nothing is asked. */
  get revision(): unknown {
    return this.#now();
  }

  /** Of a version; `NEUTRAL` where none are known. */
  of(version: VersionId): Weights {
    return (this.areAsked ? this.#known.get(version)?.weights : undefined) ?? NEUTRAL;
  }

  /** Whether they will be known when they have been asked for, or in a moment. */
  areMissing(version: VersionId): boolean {
    if (this.#parts.evaluation.policy === "loading") return true;
    return this.areAsked && !this.#known.has(version);
  }

  /** Asks about those of which nothing is known. Resolves when that is done, or has taken too long. */
  async prepare(versions: Iterable<VersionId>): Promise<void> {
    const asked = this.#now();
    if (asked === undefined) return;
    const { clock } = this.#parts;
    const oldest = clock.monotonic() - KEPT_MS;
    const waited = new Set<Promise<void>>();
    const wanted: VersionId[] = [];
    for (const version of versions) {
      const asking = this.#asking.get(version);
      if (asking !== undefined) waited.add(asking);
      else if ((this.#known.get(version)?.at ?? Number.NEGATIVE_INFINITY) <= oldest) wanted.push(version);
    }
    for (const slice of slicesOf(wanted, WEIGHED_AT_ONCE)) waited.add(this.#ask(slice, asked));
    if (waited.size > 0) await within(clock, WAIT_MS_MAX, Promise.all(waited));
  }

  /** Of a file that is about to be put. `sizeBytes`: 0 where that is not known yet. */
  async ofUpload(path: FilePath, sizeBytes: number): Promise<Weights> {
    const asked = this.#now();
    if (asked === undefined || !isGoverned(path)) return NEUTRAL;
    const { clock } = this.#parts;
    const answer = this.#weigh([this.#factsOfUpload(path, sizeBytes)], asked).then(([weights]) => weights);
    return (await within(clock, WAIT_MS_MAX, answer)) ?? NEUTRAL;
  }

  #factsOfUpload(path: FilePath, size: number): FileFacts {
    const { clock, catalog, factsOf } = this.#parts;
    const before = readEntry(catalog.read(), path);
    const now = { size, modified: clock.wall() };
    if (before?.type === "file") return { ...factsOf(before), ...now };
    return { path, type: contentTypeOf(path).replace(/;.*/, ""), variables: {}, heat: 0, ...now };
  }

  /** What there is to ask now; forgets what was said by another policy, or of other servers. */
  #now(): Asked | undefined {
    const { evaluation, clock } = this.#parts;
    const { policy } = evaluation;
    if (policy === undefined || policy === "loading" || !policy.prefers) return undefined;
    if (this.#failed?.policy === policy && clock.monotonic() < this.#failed.againAt) return undefined;
    this.#begin(policy);
    return this.#asked;
  }

  #begin(policy: LoadedPolicy): void {
    const { roster } = this.#parts.settings;
    if (policy === this.#asked?.policy && roster === this.#roster) return;
    this.#roster = roster;
    const servers = serversOf(this.#parts.settings);
    const key = JSON.stringify(servers);
    if (policy === this.#asked?.policy && key === this.#asked.key) return;
    this.#asked = { policy, servers, key };
    this.#known.clear();
    this.#shared.clear();
    this.#asking.clear();
  }

  #hear({ versions, described, replaced }: Changed): void {
    if (replaced) {
      this.#known.clear();
      this.#asking.clear();
    }
    if (this.#known.size === 0 && this.#asking.size === 0) return;
    for (const changed of [versions, described]) {
      for (const version of changed) {
        this.#known.delete(version);
        this.#asking.delete(version);
      }
    }
  }

  #ask(versions: readonly VersionId[], asked: Asked): Promise<void> {
    const asking = this.#answers(versions, asked).then((answers) => {
      const at = this.#parts.clock.monotonic();
      for (const [i, version] of versions.entries()) {
        if (this.#asking.get(version) !== asking) continue; // It has changed meanwhile.
        this.#asking.delete(version);
        const weights = answers?.[i];
        if (weights !== undefined) this.#remember(version, { weights, at });
      }
    });
    for (const version of versions) this.#asking.set(version, asking);
    return asking;
  }

  #remember(version: VersionId, known: Known): void {
    this.#known.delete(version);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < KEPT_MAX) break;
      this.#known.delete(oldest);
    }
    this.#known.set(version, known);
  }

  /** One for each version; undefined when they cannot be had. */
  async #answers(versions: readonly VersionId[], asked: Asked): Promise<readonly Weights[] | undefined> {
    const view = this.#parts.catalog.read();
    const entries = versions.map((version) => entryOf(view, version));
    const governed = entries.filter((entry) => entry !== undefined);
    const answers = await this.#weigh(governed.map(this.#parts.factsOf), asked);
    if (answers.length < governed.length) return undefined;
    let next = 0;
    return entries.map((entry) => (entry === undefined ? NEUTRAL : answers[next++]!));
  }

  /** None when it cannot be asked. */
  async #weigh(files: readonly FileFacts[], { policy, servers }: Asked): Promise<readonly Weights[]> {
    if (files.length === 0) return [];
    const { clock, journal, evaluation } = this.#parts;
    try {
      const answers = await policy.weigh(files, servers, clock.wall());
      return answers.map((answer, i) => this.#weightsOf(answer, servers, files[i]!.path));
    } catch (error) {
      if (error instanceof PolicyError && policy === evaluation.policy) {
        this.#failed = { policy, againAt: clock.monotonic() + AGAIN_MS };
        journal.problem(error.problem, null, evaluation.sinceMs);
      }
      return [];
    }
  }

  #weightsOf(answer: Weighed, servers: readonly PolicyServer[], path: string): Weights {
    if ("message" in answer) {
      const { journal, evaluation } = this.#parts;
      journal.problem(answer, path, evaluation.sinceMs);
      return NEUTRAL;
    }
    const key = answer.join(" ");
    const shared = this.#shared.get(key);
    if (shared !== undefined) return shared;
    const weights = new Weights(new Map(servers.map(({ id }, i) => [id as ServerId, answer[i]!])));
    if (this.#shared.size >= SHARED_MAX) this.#shared.clear();
    this.#shared.set(key, weights);
    return weights;
  }
}

/** The servers of the roster, as a policy sees them, in order of id. */
export function serversOf({ roster }: { readonly roster: Roster }): PolicyServer[] {
  const servers = Array.from(roster.values(), ({ id, name, zone }) => ({ id, name, zone }));
  return servers.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Of a version, as it lies at one of its paths; undefined where no policy is asked about it. */
function entryOf(view: ReadView, version: VersionId): FileEntry | undefined {
  for (const path of readVersionRow(view, version).paths) {
    const entry: Entry | undefined = readEntry(view, path);
    if (entry?.type === "file" && entry.content.version === version && isGoverned(path)) return entry;
  }
  return undefined;
}

/** What a promise comes to; undefined when that takes longer. */
async function within<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const cancel = clock.after(ms, () => resolve(undefined));
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}
