/** What a check of `fsdfs doctor` is, and how all of them are run: at once, each within its time. */
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "../../client/client.ts";
import type { Environment } from "../../options.ts";
import type { ServerInfo } from "../../server/face.ts";
import type { LocalServer } from "../local-access.ts";

export type Level = "ok" | "warn" | "fail";

export interface Finding {
  readonly check: string;
  readonly level: Level;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** What is looked at. */
export interface Subject {
  readonly data: string;
  /** The directory that the catalog lies in, or is to lie in. */
  readonly state: string;
  readonly port: number;
  readonly swarmPort: number;
  readonly listen: string | undefined;
  readonly quotaBytes: number | undefined;
  /** False where it was switched off. */
  readonly discovery: boolean;
  readonly environment: Environment;
  /** The data directory belongs to a running process. */
  readonly inUse: boolean;
  /** That process, when it is ours. */
  readonly server: LocalServer | undefined;
  readonly client: Client | undefined;
  /** As the running server tells them; undefined when it does not, or none runs. */
  readonly roster: readonly ServerInfo[] | undefined;
}

/** What a check found out, without its name. */
export type Found = Omit<Finding, "check">;

export interface Check {
  readonly name: string;
  run(subject: Subject): Promise<readonly Found[]>;
}

/** Each has its own shorter limits; this is for a disk or a call that never comes back. */
const CHECK_MS_MAX = 8_000;

export async function runChecks(checks: readonly Check[], subject: Subject, msMax = CHECK_MS_MAX): Promise<Finding[]> {
  const found = await Promise.all(checks.map((check) => runCheck(check, subject, msMax)));
  return found.flat();
}

async function runCheck({ name, run }: Check, subject: Subject, msMax: number): Promise<Finding[]> {
  const late = delay(msMax, undefined, { ref: false }).then(() => [
    fail(`This did not end within ${msMax / 1000} s.`, "A disk or a network that does not answer? See dmesg."),
  ]);
  const found = await Promise.race([run(subject), late]).catch((error: unknown) => [
    fail(`It could not be checked: ${error instanceof Error ? error.message : String(error)}`),
  ]);
  return found.map((each) => ({ check: name, ...each }));
}

export const ok = (message: string): Found => ({ level: "ok", message });
export const warn = (message: string, hint?: string): Found => hinted({ level: "warn", message }, hint);
export const fail = (message: string, hint?: string): Found => hinted({ level: "fail", message }, hint);

function hinted(found: Found, hint: string | undefined): Found {
  return hint === undefined ? found : { ...found, hint };
}
