/** The parts of a server that have to do with its policy, put together. */
import type { Bytes } from "../../core/catalog/kv.ts";
import { wallMsOf } from "../../core/hybrid-clock.ts";
import { type FileEntry, factsOf } from "../../core/policy/facts.ts";
import type { FileFacts } from "../../core/policy/policy.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { PolicyEvaluator } from "../../ports/policy-evaluator.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { SwarmHeat } from "../heat.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { encodeJson } from "../mesh/messages.ts";
import type { Settings } from "../settings.ts";
import { Evaluation } from "./evaluation.ts";
import { Journal, type JournalEntry } from "./journal.ts";
import { Preferences } from "./preferences.ts";
import { Trials } from "./trial.ts";

export interface PolicyWiring {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: CatalogStore;
  readonly evaluator: PolicyEvaluator;
  readonly catalog: Catalog;
  readonly settings: Settings;
  readonly mesh: Mesh;
  readonly membership: Membership;
  readonly heat: SwarmHeat;
  /** The text of the policy that is in force, from wherever there is a copy. */
  readSource(): Promise<Bytes>;
}

export interface PolicyDeps extends PolicyWiring {
  readonly journal: Journal;
  readonly factsOf: (entry: FileEntry) => FileFacts;
}

export interface PolicyParts {
  readonly evaluation: Evaluation;
  readonly preferences: Preferences;
  readonly journal: Journal;
  readonly trials: Trials;
  readonly evaluator: PolicyEvaluator;
  readonly factsOf: (entry: FileEntry) => FileFacts;
}

/** What a server tells another of its policy, for `fsdfs policy show` and `log`. */
export interface PolicyWord {
  readonly report: Evaluation["report"];
  readonly log: readonly JournalEntry[];
}

export function composePolicy(wiring: PolicyWiring): PolicyParts {
  const { evaluator, settings, mesh, heat } = wiring;
  const journal = new Journal(wiring.clock, wiring.log);
  const ofEntry = (entry: FileEntry) => {
    const { content, stamp } = entry;
    return factsOf(entry, wallMsOf(settings.madeAt(content, stamp)), heat.readsPerHour(content.version));
  };
  const evaluation = new Evaluation({ ...wiring, journal, factsOf: ofEntry });
  const preferences = new Preferences({ ...wiring, journal, factsOf: ofEntry, evaluation });
  mesh.handle("policy", async () => {
    const word: PolicyWord = { report: evaluation.report, log: journal.entries };
    return { head: encodeJson(word) };
  });
  return { evaluation, preferences, journal, trials: new Trials(), evaluator, factsOf: ofEntry };
}
