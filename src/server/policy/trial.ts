/** What a policy would change, found out by asking it about the files there are. */
import { statedTarget } from "../../core/catalog/surplus.ts";
import type { ServerId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import type { FileEntry } from "../../core/policy/facts.ts";
import type { PolicyServer } from "../../core/policy/policy.ts";
import type { PolicyProblem, Verdict, Weighed } from "../../core/policy/verdicts.ts";
import { slicesOf } from "../../core/slices.ts";
import { FsdfsError } from "../../errors.ts";
import type { LoadedPolicy } from "../../ports/policy-evaluator.ts";
import type { PolicyTrial } from "../face.ts";
import type { Parts } from "../parts.ts";
import { serversOf, WEIGHED_AT_ONCE } from "./preferences.ts";
import { walkFiles } from "./walk.ts";

const EXAMPLES_MAX = 10;
const FAILURES_MAX = 3;

/** Each takes a process, and looks through all files. */
const TRIALS_MAX = 4;

export class Trials {
  #running = 0;

  /** @throws FsdfsError `overloaded` */
  async run<T>(trial: () => Promise<T>): Promise<T> {
    if (this.#running === TRIALS_MAX) throw new FsdfsError("overloaded");
    this.#running += 1;
    try {
      return await trial();
    } finally {
      this.#running -= 1;
    }
  }
}

/** For `limitMs` at most. */
export async function tryOut(parts: Parts, policy: LoadedPolicy, limitMs: number): Promise<PolicyTrial> {
  const { ports, catalog } = parts;
  const until = ports.clock.monotonic() + limitMs;
  const tally = new Tally(parts);
  let after: FilePath | undefined;
  do {
    const slice = walkFiles(catalog.read(), after, ports.clock);
    const facts = slice.files.map(parts.policy.factsOf);
    const verdicts = facts.length === 0 ? [] : await policy.evaluate(facts, ports.clock.wall());
    for (const [i, entry] of slice.files.entries()) tally.add(entry, verdicts[i]!);
    if (policy.prefers) {
      const sound = slice.files.filter((_, i) => typeof verdicts[i] === "number");
      await weighEach(parts, policy, sound, tally);
    }
    after = slice.after;
  } while (after !== undefined && ports.clock.monotonic() < until);
  return tally.result(after === undefined);
}

async function weighEach(parts: Parts, policy: LoadedPolicy, files: readonly FileEntry[], tally: Tally): Promise<void> {
  const servers = serversOf(parts.settings);
  for (const some of slicesOf(files, WEIGHED_AT_ONCE)) {
    const weighed = await policy.weigh(some.map(parts.policy.factsOf), servers, parts.ports.clock.wall());
    for (const [i, entry] of some.entries()) tally.weigh(entry, weighed[i]!, servers);
  }
  tally.prefers = true;
}

class Tally {
  readonly #parts: Parts;
  readonly #counts = { evaluated: 0, raised: 0, lowered: 0, failed: 0 };
  readonly #examples: PolicyTrial["examples"][number][] = [];
  readonly #failures: PolicyTrial["failures"][number][] = [];
  #beforeBytes = 0;
  #afterBytes = 0;
  #heldBytes = 0;
  #most = 0;
  #shunned = { copies: 0, bytes: 0 };
  prefers = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  add({ path, content, registers }: FileEntry, verdict: Verdict): void {
    const { settings } = this.#parts;
    const counts = this.#counts;
    const before = statedTarget(registers) ?? settings.copies;
    const after = typeof verdict === "number" ? verdict : before;
    counts.evaluated += 1;
    if (after > before) counts.raised += 1;
    if (after < before) counts.lowered += 1;
    if (after !== before && this.#examples.length < EXAMPLES_MAX) this.#examples.push({ path, before, after });
    if (typeof verdict !== "number") this.#fail(path, verdict);
    this.#beforeBytes += content.sizeBytes * before;
    this.#afterBytes += content.sizeBytes * after;
    this.#heldBytes += content.sizeBytes * Math.min(after, settings.roster.size);
    this.#most = Math.max(this.#most, after);
  }

  weigh({ path, content }: FileEntry, weighed: Weighed, servers: readonly PolicyServer[]): void {
    if ("message" in weighed) {
      this.#fail(path, weighed);
      return;
    }
    const holders = this.#parts.sources.allHolders(content.version);
    for (const [i, { id }] of servers.entries()) {
      if (weighed[i] !== 0 || !holders.includes(id as ServerId)) continue;
      this.#shunned.copies += 1;
      this.#shunned.bytes += content.sizeBytes;
    }
  }

  #fail(path: string, problem: PolicyProblem): void {
    this.#counts.failed += 1;
    if (this.#failures.length < FAILURES_MAX) this.#failures.push({ path, ...problem });
  }

  result(isWhole: boolean): PolicyTrial {
    const { settings, catalog, space, mesh } = this.#parts;
    const quota = mesh.upLinks().reduce((sum, { report }) => sum + report.quotaBytes, space.quotaBytes);
    const { files: known } = catalog.stats();
    const { evaluated } = this.#counts;
    const files = isWhole ? evaluated : Math.max(known, evaluated);
    return {
      ...this.#counts,
      shunned: this.prefers ? this.#shunned : null,
      files,
      bytes: { before: this.#beforeBytes, after: this.#afterBytes, quota },
      fits: evaluated === 0 || this.#heldBytes * (files / evaluated) <= quota,
      most: this.#most,
      servers: settings.roster.size,
      examples: this.#examples,
      failures: this.#failures,
    };
  }
}
