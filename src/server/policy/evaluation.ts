/**
 * Evaluating the policy: each server asks it about its share of the files and writes N where it is to be another. So N is
 * data, the same for all, and a server that has never seen the policy acts on it.
 *
 * When a policy comes, all files are gone through at once; afterwards again and again, slowly, since age and heat change by
 * themselves. What changes meanwhile, new files above all, is evaluated soon. Without a policy nothing is done.
 */
import { readEntry } from "../../core/catalog/entries.ts";
import { policyRank } from "../../core/catalog/epochs.ts";
import { entryKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { contentOf } from "../../core/catalog/merge.ts";
import { encodeTarget, statedTarget, TARGET_FIELD } from "../../core/catalog/surplus.ts";
import { readRegisters, readVersionRow } from "../../core/catalog/transaction.ts";
import type { Stamp } from "../../core/catalog/types.ts";
import { wallMsOf } from "../../core/hybrid-clock.ts";
import type { ServerId, VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { CONFIRM_MS, decide } from "../../core/policy/decide.ts";
import type { FileEntry } from "../../core/policy/facts.ts";
import { isGoverned, isSameMark, type PolicyMark, readPolicyMark } from "../../core/policy/mark.ts";
import { slicesOf } from "../../core/slices.ts";
import { type LoadedPolicy, PolicyError } from "../../ports/policy-evaluator.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Changed } from "../catalog/change.ts";
import type { PolicyDeps } from "./compose.ts";
import { readPassEnd, writePassEnd } from "./pass-end.ts";
import { type Answer, loadPolicy, NO_POLICY, type Rule, ruleOf } from "./rule.ts";
import { leavesFiles, type Share, shareOf } from "./share.ts";
import { SLICE_FILES, walkFiles } from "./walk.ts";

const IDLE_MS = 60_000;
/** While this server may not decide anything (C10). */
const BEHIND_MS = 1000;
/** What changed is gathered for so long. */
const SOON_MS = 500;
/** Between slices while there is something new; then others get a turn. */
const BUSY_MS = 1;
/** Between slices of a slow pass: so many times what one took, so that it takes a twentieth of a core at most. */
const REST_FACTOR = 19;
const SLOW_MS = 250;
/** From the end of a pass to the beginning of the next. */
const PASS_EVERY_MS = 10 * 60_000;
/** A policy that failed is tried again after this: it may have been the machine. */
const AGAIN_MS = 10 * 60_000;
/** A policy that is not loaded by then, since its text cannot be had, is not waited for. */
const LOADING_MS_MAX = 30_000;
/** A policy is known to all who are up long before: servers take in its record and what it has set one after the other. */
const HEARD_MS = 5 * 60_000;
/** Written in one change of the catalog: some 2 ms of work. */
const WRITTEN_AT_ONCE = 16;
/** Changed versions, and answers to be confirmed, that are remembered; beyond that a pass finds them. */
const REMEMBERED_MAX = 10_000;

interface Pass {
  readonly beganMs: number;
  readonly share: string;
  after: FilePath | undefined;
  seen: number;
  failed: number;
}

export class Evaluation {
  readonly unit = new BackgroundUnit("policy", () => this.#step());
  readonly #deps: PolicyDeps;
  #mark: PolicyMark | undefined;
  #rule: Rule | undefined;
  /** By the wall clock: when the policy was heard of here, and when its last whole pass began. */
  #sinceMs = 0;
  /** Since when it might have been loaded here. */
  #loadingSince = 0;
  #passBeganMs: number | undefined;
  #pass: Pass | undefined;
  #nextPassAt = 0;
  #failure: { readonly problem: PolicyError["problem"]; readonly againAt: number } | undefined;
  #written = 0;
  /** In the last pass. */
  #failed = 0;
  /** Servers that lack the policy, or cannot write what it says. */
  readonly #lacking = new Set<ServerId>();
  readonly #changed = new Set<VersionId>();
  #changedAt = 0;
  readonly #unconfirmed = new Map<FilePath, { readonly answer: number; readonly at: number }>();

  constructor(deps: PolicyDeps) {
    this.#deps = deps;
    deps.catalog.onChange((changed) => this.#hear(changed));
    deps.heat.onRise((versions) => this.#hearHeat(versions));
    deps.mesh.onAnswered(({ server, report }) => this.#noteLack(server, leavesFiles(report)));
  }

  /** When its unit has ended or is about to: what it asks is ended now, what it has just loaded when that is there. */
  async close(): Promise<void> {
    await this.#rule?.close();
    await this.unit.ended();
    await this.#rule?.close();
  }

  /** The policy that is in force; "loading": it will be known in a moment. */
  get policy(): LoadedPolicy | "loading" | undefined {
    if (this.#rule !== undefined) return this.#rule.policy;
    if (this.#mark?.content === undefined || this.#failure !== undefined) return undefined;
    return this.#deps.clock.monotonic() - this.#loadingSince > LOADING_MS_MAX ? undefined : "loading";
  }

  /** By the wall clock: when it was heard of here. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** It cannot be loaded here. One that fails for some file is the same policy everywhere, and so nobody else's to ask. */
  get lacksPolicy(): boolean {
    return this.#mark?.content !== undefined && this.policy === undefined;
  }

  get report() {
    const state = this.#state();
    const { files } = this.#deps.catalog.stats();
    return {
      state,
      evaluated: this.#pass?.seen ?? (state === "current" ? files : 0),
      files,
      changed: this.#written,
      failed: Math.max(this.#failed, this.#pass?.failed ?? 0),
      pending: this.#changed.size + this.#unconfirmed.size,
      problem: this.#failure?.problem ?? null,
    };
  }

  #state() {
    if (this.#mark === undefined) return "none" as const;
    if (this.#failure !== undefined) return "failing" as const;
    return this.#passBeganMs === undefined ? ("evaluating" as const) : ("current" as const);
  }

  #hear({ versions, described, replaced }: Changed): void {
    if (replaced) this.#nextPassAt = 0;
    else if (versions.size + described.size === 0) return;
    if (replaced || !isSameMark(readPolicyMark(this.#deps.catalog.read()), this.#mark)) this.unit.wake();
    if (this.#mark === undefined) return;
    if (!this.#remember(versions) || !this.#remember(described)) this.#nextPassAt = 0;
  }

  /** What is not remembered for want of room is found by the pass that comes anyway: heat makes nothing urgent. */
  #hearHeat(versions: Iterable<VersionId>): void {
    if (this.#mark?.content !== undefined) this.#remember(versions);
  }

  /** Versions to be asked about soon. False when there was no room for all. */
  #remember(versions: Iterable<VersionId>): boolean {
    if (this.#changed.size === 0) {
      this.#changedAt = this.#deps.clock.monotonic();
      this.unit.wake();
    }
    for (const version of versions) {
      if (this.#changed.size >= REMEMBERED_MAX) return false;
      this.#changed.add(version);
    }
    return true;
  }

  /** The files of one that cannot ask about them are left to the others, soon. */
  #noteLack(server: ServerId, lacks: boolean): void {
    if (lacks === this.#lacking.has(server)) return;
    if (!lacks) {
      this.#lacking.delete(server);
      return;
    }
    this.#lacking.add(server);
    this.#nextPassAt = 0;
    this.unit.wake();
  }

  async #step(): Promise<NextStep> {
    const { catalog, clock, membership, settings } = this.#deps;
    const mark = readPolicyMark(catalog.read());
    if (!isSameMark(mark, this.#mark)) await this.#begin(mark);
    if (mark === undefined) return { restMs: IDLE_MS };
    if (membership.isBehind && this.#rule === undefined) this.#loadingSince = clock.monotonic();
    const mayWrite = catalog.origin !== undefined && membership.clockErrorSeconds === undefined;
    if (!mayWrite || membership.isBehind || settings.joining !== undefined) return { restMs: BEHIND_MS };
    const leftMs = (this.#failure?.againAt ?? 0) - clock.monotonic();
    if (this.#failure !== undefined && leftMs > 0) return { restMs: leftMs };
    try {
      this.#rule ??= await this.#load(mark);
      const next = await this.#work(this.#rule, mark);
      this.#failure = undefined;
      return next;
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      this.#fail(error);
      return { restMs: AGAIN_MS };
    }
  }

  async #begin(mark: PolicyMark | undefined): Promise<void> {
    const { clock, catalog, journal } = this.#deps;
    await this.#rule?.close();
    if (this.#mark !== undefined && mark?.content === undefined) journal.note("the policy was taken away");
    this.#rule = undefined;
    this.#mark = mark;
    this.#sinceMs = clock.wall();
    this.#loadingSince = clock.monotonic();
    this.#passBeganMs = mark && readPassEnd(catalog.read(), mark);
    this.#pass = undefined;
    this.#nextPassAt = 0;
    this.#failure = undefined;
    this.#written = 0;
    this.#failed = 0;
    this.#changed.clear();
    this.#unconfirmed.clear();
  }

  async #load(mark: PolicyMark): Promise<Rule> {
    if (mark.content === undefined) return NO_POLICY;
    const { evaluator, readSource, journal, factsOf } = this.#deps;
    const policy = await loadPolicy(mark, evaluator, readSource);
    journal.note(`the policy ${mark.content.version} is in force`);
    return ruleOf(policy, factsOf);
  }

  #fail({ problem }: PolicyError): void {
    const { journal, clock } = this.#deps;
    this.#failure = { problem, againAt: clock.monotonic() + AGAIN_MS };
    journal.problem(problem, null, this.#sinceMs);
  }

  /** One slice, of what is most urgent. @throws PolicyError */
  async #work(rule: Rule, mark: PolicyMark): Promise<NextStep> {
    const { clock, mesh, catalog } = this.#deps;
    const share = shareOf(mesh, catalog.self);
    const began = clock.monotonic();
    const urgent = this.#takeUrgent(share);
    if (urgent.length > 0) {
      await this.#evaluate(rule, mark, urgent);
      return { restMs: BUSY_MS };
    }
    if (this.#pass === undefined) {
      if (this.#nextPassAt > began) return { restMs: this.#restMs(began) };
      this.#pass = { beganMs: clock.wall(), share: share.key, after: undefined, seen: 0, failed: 0 };
    }
    await this.#goOn(rule, mark, this.#pass, share);
    if (this.#passBeganMs === undefined) return { restMs: BUSY_MS };
    return { restMs: Math.min(this.#restMs(began), Math.max(SLOW_MS, REST_FACTOR * (clock.monotonic() - began))) };
  }

  async #goOn(rule: Rule, mark: PolicyMark, pass: Pass, share: Share): Promise<void> {
    const { catalog, clock, journal } = this.#deps;
    const { files, seen, after } = walkFiles(catalog.read(), pass.after, clock, share.has);
    pass.failed += await this.#evaluate(rule, mark, files);
    pass.after = after;
    pass.seen += seen;
    if (after !== undefined) return;
    this.#pass = undefined;
    this.#failed = pass.failed;
    this.#nextPassAt = pass.share === share.key ? clock.monotonic() + PASS_EVERY_MS : 0;
    if (this.#passBeganMs === undefined) journal.note(`all files were looked at; N of ${this.#written} is another`);
    this.#passBeganMs = pass.beganMs;
    await this.#deps.store.write((view) => writePassEnd(view, mark, pass.beganMs));
  }

  /** Until something is due. */
  #restMs(now: number): number {
    const [first] = this.#unconfirmed.values();
    const due = [
      this.#pass === undefined ? this.#nextPassAt : Number.POSITIVE_INFINITY,
      first === undefined ? Number.POSITIVE_INFINITY : first.at + CONFIRM_MS,
      this.#changed.size === 0 ? Number.POSITIVE_INFINITY : this.#changedAt + SOON_MS,
      now + IDLE_MS,
    ];
    return Math.max(BUSY_MS, Math.min(...due) - now);
  }

  /** Files that changed, and answers that are to be confirmed. */
  #takeUrgent(share: Share): FileEntry[] {
    const { catalog, clock } = this.#deps;
    const now = clock.monotonic();
    const paths = new Set<FilePath>();
    for (const [path, { at }] of this.#unconfirmed) {
      if (at + CONFIRM_MS > now || paths.size === SLICE_FILES) break;
      paths.add(path);
    }
    const view = catalog.read();
    if (now >= this.#changedAt + SOON_MS) {
      let looked = 0;
      for (const version of this.#changed) {
        if (++looked > SLICE_FILES) break;
        this.#changed.delete(version);
        for (const path of readVersionRow(view, version).paths) paths.add(path);
      }
    }
    const entries: FileEntry[] = [];
    for (const path of paths) {
      const entry = readEntry(view, path);
      if (entry?.type === "file" && isGoverned(path) && share.has(path)) entries.push(entry);
      else this.#unconfirmed.delete(path);
    }
    return entries;
  }

  /** Answers for how many it failed. */
  async #evaluate(rule: Rule, mark: PolicyMark, files: readonly FileEntry[]): Promise<number> {
    if (files.length === 0) return 0;
    const answers = await rule.ask(files, this.#deps.clock.wall());
    const writes: Write[] = [];
    for (const [i, entry] of files.entries()) {
      const target = this.#judge(entry, answers[i]!, mark);
      if (target !== undefined) writes.push({ entry, target });
    }
    for (const slice of slicesOf(writes, WRITTEN_AT_ONCE)) await this.#write(mark, slice);
    return answers.filter((answer) => typeof answer === "object").length;
  }

  /** What N of a file is to become; undefined when it stays, for now at least. */
  #judge({ path, registers, stamp }: FileEntry, answer: Answer, mark: PolicyMark): Write["target"] | undefined {
    const { clock, settings, catalog, journal } = this.#deps;
    const stated = statedTarget(registers);
    const file = path as FilePath;
    const before = this.#unconfirmed.get(file);
    this.#unconfirmed.delete(file);
    if (answer === "default") return stated === undefined ? undefined : answer;
    if (typeof answer !== "number") {
      journal.problem(answer, path, this.#sinceMs);
      return undefined;
    }
    const now = clock.monotonic();
    const register = registers.find(({ field }) => field === TARGET_FIELD);
    const isOwn = register?.stamp.rank === this.#rank(mark);
    const verdict = decide({
      stated,
      defaultTarget: catalog.context.defaultTarget,
      answer,
      before: before && { answer: before.answer, ageMs: now - before.at },
      isFirst: this.#passBeganMs === undefined || wallMsOf(settings.writtenAt(stamp)) >= this.#passBeganMs,
      setAgoMs: isOwn ? clock.wall() - wallMsOf(register.stamp.time) : undefined,
    });
    if (verdict === "write") return answer;
    if (verdict === "confirm" && this.#unconfirmed.size < REMEMBERED_MAX) {
      this.#unconfirmed.set(file, before?.answer === answer ? before : { answer, at: now });
    }
    return undefined;
  }

  #rank({ stamp }: PolicyMark): number {
    const { catalog, settings } = this.#deps;
    return policyRank(catalog.times.epoch, wallMsOf(settings.writtenAt(stamp)));
  }

  /** Whether nobody here has heard for so long of the later policy that has set an N: then only servers knew it that are gone. */
  #isLost({ rank, time }: Stamp): boolean {
    const { catalog, clock } = this.#deps;
    const isOfThisEpoch = rank < policyRank(catalog.times.epoch + 1, 0);
    return isOfThisEpoch && clock.wall() - wallMsOf(time) > HEARD_MS;
  }

  async #write(mark: PolicyMark, writes: readonly Write[]): Promise<void> {
    const { catalog } = this.#deps;
    const unheard = writes.filter(({ entry }) => !this.#changed.has(entry.content.version));
    this.#written += await catalog.change((change) => {
      const rank = this.#rank(mark);
      let written = 0;
      for (const { entry, target } of writes) {
        const path = entry.path as FilePath;
        const registers = change.transaction.registers(path);
        const content = contentOf(registers);
        const set = registers.find(({ field }) => field === TARGET_FIELD);
        // It was put anew meanwhile, or a later policy has spoken already.
        if (content?.type !== "file" || content.version !== entry.content.version) continue;
        const isLater = set !== undefined && set.stamp.rank > rank;
        if (isLater && !this.#isLost(set.stamp)) continue;
        const value = encodeTarget(target === "default" ? undefined : target);
        const stamp = { rank: isLater ? set.stamp.rank : rank, time: change.now(), server: catalog.self };
        change.writePath(path, TARGET_FIELD, value, stamp);
        written += 1;
      }
      return written;
    });
    const view = catalog.read();
    for (const { entry } of unheard) if (isAsAsked(view, entry)) this.#changed.delete(entry.content.version); // By this very change.
  }
}

/** Whether nothing has changed of a file since the policy was asked about it, but for its N. */
function isAsAsked(view: ReadView, { path, registers }: FileEntry): boolean {
  const now = new Map(readRegisters(view, entryKey(path)).map(({ field, stamp }) => [field, stamp]));
  const others = registers.filter(({ field }) => field !== TARGET_FIELD);
  now.delete(TARGET_FIELD);
  return now.size === others.length && others.every(({ field, stamp }) => now.get(field)?.time === stamp.time);
}

interface Write {
  readonly entry: FileEntry;
  readonly target: number | "default";
}
