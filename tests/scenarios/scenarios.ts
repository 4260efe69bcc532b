/** The scenarios of the original fsdfs that hold so far, by name. Each is told once and played live and simulated. */
import type { Stage } from "./stage.ts";
import { deletedWhileAway, downAndBack, fourHundredFiles } from "./stories/absence.ts";
import { importByUrl, importOfDirectory } from "./stories/import.ts";
import { administration, errors } from "./stories/outside.ts";
import { quotaConflict, rebalancing, rulesChange, unevenQuotas } from "./stories/quota.ts";
import { deleteEverywhere, manyServers, putAgain, twoServers } from "./stories/replication.ts";

export interface Scenario {
  /** In the list of the original's scenarios. */
  readonly number: number;
  readonly title: string;
  readonly play: (stage: Stage) => Promise<void>;
}

/** Scenario 10, "Restart keeps everything", is each of these with every server stopped and started in the middle. */
export const SCENARIOS = {
  "two-servers": { number: 1, title: "Two servers", play: twoServers },
  "delete-everywhere": { number: 2, title: "Delete everywhere", play: deleteEverywhere },
  "put-again": { number: 3, title: "Put again after delete", play: putAgain },
  "many-servers": { number: 4, title: "Many servers", play: manyServers },
  quota: { number: 5, title: "Quota conflict", play: quotaConflict },
  "uneven-quotas": { number: 6, title: "Uneven quotas", play: unevenQuotas },
  "down-and-back": { number: 7, title: "A server goes down and comes back", play: downAndBack },
  "deleted-while-away": { number: 8, title: "Deleted while a server was away", play: deletedWhileAway },
  rebalancing: { number: 9, title: "Rebalancing when quota grows", play: rebalancing },
  errors: { number: 11, title: "Errors come back as errors", play: errors },
  administration: { number: 12, title: "Administration from outside", play: administration },
  "four-hundred-files": { number: 13, title: "400 files, one server stopped and started", play: fourHundredFiles },
  "import-by-url": { number: 14, title: "Import by URL", play: importByUrl },
  "import-of-a-directory": { number: 15, title: "Import of a directory", play: importOfDirectory },
  "rules-change": { number: 16, title: "Rules change", play: rulesChange },
} as const satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof SCENARIOS;

export const SCENARIO_NAMES = Object.keys(SCENARIOS) as ScenarioName[];

export function isScenarioName(text: string): text is ScenarioName {
  return Object.hasOwn(SCENARIOS, text);
}
