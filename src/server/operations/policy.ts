/** The policy: what it is and does, trying another one, putting it in force and taking it away (docs/POLICY.md). */
import { copyOf } from "../../core/bytes.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { wallMsOf } from "../../core/hybrid-clock.ts";
import type { ServerId } from "../../core/ids.ts";
import { isoTime } from "../../core/iso-time.ts";
import { POLICY_PATH, readPolicyMark } from "../../core/policy/mark.ts";
import type { FileFacts } from "../../core/policy/policy.ts";
import type { PolicyProblem } from "../../core/policy/verdicts.ts";
import { FsdfsError } from "../../errors.ts";
import { type LoadedPolicy, PolicyError } from "../../ports/policy-evaluator.ts";
import type { PolicyLogEntry, PolicyStatus, PolicyTrial } from "../face.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import type { Parts } from "../parts.ts";
import type { PolicyWord } from "../policy/compose.ts";
import { serversOf } from "../policy/preferences.ts";
import { tryOut } from "../policy/trial.ts";
import { remove } from "./change-names.ts";
import { put } from "./put.ts";
import { open } from "./read.ts";

/** Some million files. */
const TRY_MS_MAX = 50_000;
/** Before a policy is put in force: some hundred thousand files. */
const SAMPLE_MS = 3000;
const ASK_TIMEOUT_MS = 3000;

export async function policyStatus(parts: Parts): Promise<PolicyStatus> {
  const mark = readPolicyMark(parts.catalog.read());
  const content = mark?.content;
  const words = await askAll(parts);
  return {
    version: content?.version ?? null,
    since: content && mark ? isoTime(wallMsOf(parts.settings.writtenAt(mark.stamp))) : null,
    servers: words.map(({ id, name, word }) => ({ id, name, ...word.report })),
  };
}

export async function policyLog(parts: Parts): Promise<readonly PolicyLogEntry[]> {
  const words = await askAll(parts);
  const entries = words.flatMap(({ id: server, name, word }) =>
    word.log.map(({ timeMs, ...entry }) => ({ time: isoTime(timeMs), server, name, ...entry })),
  );
  return entries.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

/** @throws FsdfsError `policy-invalid`, `overloaded` */
export function tryPolicy(parts: Parts, source: Bytes, limitMs = TRY_MS_MAX): Promise<PolicyTrial> {
  return parts.policy.trials.run(() => tried(parts, source, limitMs));
}

async function tried(parts: Parts, source: Bytes, limitMs: number): Promise<PolicyTrial> {
  let policy: LoadedPolicy | undefined;
  try {
    policy = await parts.policy.evaluator.load(source);
    const trial = await tryOut(parts, policy, limitMs);
    if (trial.evaluated === 0) await tryOnNothing(parts, policy);
    return trial;
  } catch (error) {
    if (error instanceof PolicyError) throw invalid(error.problem);
    throw error;
  } finally {
    await policy?.close();
  }
}

/** @throws FsdfsError `policy-invalid`, and what a PUT may meet */
export async function setPolicy(parts: Parts, source: Bytes): Promise<PolicyTrial> {
  const trial = await tryPolicy(parts, source, SAMPLE_MS);
  const [failure] = trial.failures;
  if (failure !== undefined) throw invalid({ ...failure, message: `${failure.message}, for ${failure.path}` });
  await put(parts, POLICY_PATH, pieces(source), { sizeBytes: source.length });
  return trial;
}

/** @throws FsdfsError `policy-missing` */
export async function resetPolicy(parts: Parts): Promise<void> {
  try {
    await remove(parts, POLICY_PATH, { only: "file" });
  } catch (error) {
    if (error instanceof FsdfsError && error.code === "file-not-found") throw new FsdfsError("policy-missing");
    throw error;
  }
}

/** Where there are no files yet, an imagined one has to do. */
async function tryOnNothing(parts: Parts, policy: LoadedPolicy): Promise<void> {
  const nowMs = parts.ports.clock.wall();
  const file: FileFacts = {
    path: "music/song.ogg",
    size: 4e6,
    type: "audio/ogg",
    modified: nowMs,
    variables: {},
    heat: 0,
  };
  const [verdict] = await policy.evaluate([file], nowMs);
  if (typeof verdict !== "number") throw invalid(verdict ?? { message: "it answers nothing", stack: "" });
  if (!policy.prefers) return;
  const [weighed] = await policy.weigh([file], serversOf(parts.settings), nowMs);
  if (weighed !== undefined && "message" in weighed) throw invalid(weighed);
}

function invalid({ message, stack }: PolicyProblem): FsdfsError {
  return new FsdfsError("policy-invalid", { reason: stack === "" ? message : `${message}\n${stack}` });
}

async function* pieces(source: Bytes): AsyncGenerator<Bytes> {
  yield source;
}

/** The text of the policy, from whoever has it. */
export async function readPolicySource(parts: Parts): Promise<Bytes> {
  const opened = await open(parts, POLICY_PATH, { redirect: "never" });
  if (opened.kind === "redirect") throw new FsdfsError("internal");
  try {
    const chunks: Bytes[] = [];
    for await (const chunk of opened.stream(0, opened.info.size)) chunks.push(copyOf(chunk)); // Its memory is used again.
    return Buffer.concat(chunks);
  } finally {
    await opened.close();
  }
}

interface Told {
  readonly id: ServerId;
  readonly name: string;
  readonly word: PolicyWord;
}

/** Of this server and of those that are up and answer. */
async function askAll(parts: Parts): Promise<readonly Told[]> {
  const { catalog, mesh, settings, policy } = parts;
  const nameOf = (id: ServerId) => settings.roster.get(id)?.name ?? id;
  const own: PolicyWord = { report: policy.evaluation.report, log: policy.journal.entries };
  const asked = mesh.upLinks().map(async (link): Promise<Told[]> => {
    const answer = await link.call("policy", encodeJson({}), ASK_TIMEOUT_MS).catch(() => undefined);
    if (answer === undefined) return [];
    return [{ id: link.server, name: nameOf(link.server), word: decodeJson<PolicyWord>(answer) }];
  });
  return [{ id: catalog.self, name: nameOf(catalog.self), word: own }, ...(await Promise.all(asked)).flat()];
}
