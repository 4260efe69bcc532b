/** `fsdfs policy show|try|set|reset|log`: how many copies files are to have, by the user's own rule (docs/POLICY.md). */
import { readFile } from "node:fs/promises";
import type { Client } from "../../client/client.ts";
import type { PolicyLogEntry, PolicyOfServer, PolicyStatus, PolicyTrial } from "../../server/face.ts";
import { type Command, LocalError } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { count, formatSize, formatTime, shown, table, writeJson } from "../output.ts";

const show = clientCommand({
  name: "policy show",
  summary: "Shows whether there is a policy, and how far it is evaluated.",
  usage: "",
  details: "The policy itself: fsdfs cat /.fsdfs/policy.ts",
  options: {},
  positionals: [0, 0],
  run: async ({ client, values, context }) => {
    const found = await client.policy();
    if (values.json) writeJson(context.out, found);
    else context.out.write(describeStatus(found));
    return 0;
  },
});

const tryOut = clientCommand({
  name: "policy try",
  summary: "Tells what a policy would change.",
  usage: "FILE",
  options: {},
  positionals: [1, 1],
  run: async ({ client, values, positionals, context }) => {
    const trial = await client.tryPolicy(await source(positionals[0]!));
    if (values.json) writeJson(context.out, trial);
    else
      context.out.write(`${describeTrial(trial)}Nothing was changed. To do it: fsdfs policy set ${positionals[0]}\n`);
    return trial.failed > 0 ? 1 : 0;
  },
});

const set = clientCommand({
  name: "policy set",
  summary: "Puts a policy in force, unless it fails for some file.",
  usage: "FILE",
  options: {},
  positionals: [1, 1],
  run: async ({ client, values, positionals, context }) => {
    const trial = await client.setPolicy(await source(positionals[0]!));
    if (values.json) writeJson(context.out, trial);
    else context.out.write(`${describeTrial(trial)}The policy is in force. How far it is: fsdfs policy show\n`);
    return 0;
  },
});

const reset = clientCommand({
  name: "policy reset",
  summary: "Takes the policy away: all files get the swarm's N again.",
  usage: "",
  options: {},
  positionals: [0, 0],
  run: async ({ client, context }) => {
    await client.resetPolicy();
    context.out.write("There is no policy any more. How far its traces are gone: fsdfs policy show\n");
    return 0;
  },
});

const log = clientCommand({
  name: "policy log",
  summary: "Shows what became of the policy, its failures above all.",
  usage: "",
  options: {},
  positionals: [0, 0],
  run: async ({ client, values, context }) => {
    const entries = await client.policyLog();
    if (values.json) writeJson(context.out, entries);
    else context.out.write(entries.map(describeEntry).join(""));
    return 0;
  },
});

export const POLICY_COMMANDS: readonly Command[] = [show, tryOut, set, reset, log];

async function source(file: string): Promise<Parameters<Client["setPolicy"]>[0]> {
  try {
    return await readFile(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LocalError(`${file} cannot be read: ${reason}.`, "Name the file with the policy.", { cause: error });
  }
}

const STATES: Readonly<Record<PolicyOfServer["state"], string>> = {
  none: "no policy",
  evaluating: "evaluating",
  current: "done, goes on",
  failing: "failing",
};

function describeStatus({ version, since, servers }: PolicyStatus): string {
  const head =
    version === null
      ? "There is no policy: all files have the swarm's N (fsdfs copies).\n"
      : `The policy /.fsdfs/policy.ts is in force since ${formatTime(since)}.\n`;
  const rows = table(servers, [
    { title: "SERVER", value: ({ name }) => shown(name) },
    { title: "STATE", value: ({ state }) => STATES[state] },
    { title: "LOOKED AT", value: ({ evaluated, files }) => `${evaluated} of ${files}`, right: true },
    { title: "CHANGED", value: ({ changed }) => String(changed), right: true },
    { title: "FAILED", value: ({ failed }) => String(failed), right: true },
    { title: "PENDING", value: ({ pending }) => String(pending), right: true },
  ]);
  const isFailing = servers.some(({ failed, problem }) => failed > 0 || problem !== null);
  const problems = servers.flatMap(({ name, problem }) =>
    problem === null ? [] : `\n${shown(name)}: ${failure(problem)}\n`,
  );
  return `${head}\n${rows}${problems.join("")}${isFailing ? "\nWhere it fails: fsdfs policy log\n" : ""}`;
}

function describeTrial(trial: PolicyTrial): string {
  const { evaluated, files, raised, lowered, failed, shunned, bytes, fits, most, servers, examples, failures } = trial;
  const more = bytes.after - bytes.before;
  const lines = [
    `${count(raised + lowered, "file")} of ${evaluated === files ? evaluated : `the first ${evaluated} of ${files}`} would change: ${raised} to more copies, ${lowered} to fewer.`,
    ...examples.map(({ path, before, after }) => `  ${shown(path)}: ${before} -> ${after}`),
    `All copies would take ${formatSize(bytes.after)}, ${formatSize(Math.abs(more))} ${more < 0 ? "less" : "more"}; the quotas have ${formatSize(bytes.quota)}${fits ? "" : ", which is too little"}.`,
    ...(most > servers
      ? [`Some files are to have ${most} copies, and the swarm has ${count(servers, "server")}.`]
      : []),
    ...(shunned === null
      ? []
      : [
          `Copies that lie where prefer says 0: ${shunned.copies}, ${formatSize(shunned.bytes)}. Each goes when N others are elsewhere.`,
        ]),
    ...(failed > 0 ? [`It fails for ${count(failed, "file")}, which keep what they have:`] : []),
    ...failures.map((each) => `  ${shown(each.path)}: ${failure(each)}`),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function describeEntry({ time, name, path, ...problem }: PolicyLogEntry): string {
  const about = path === null ? "" : `${shown(path)}: `;
  return `${formatTime(time)}  ${shown(name)}  ${about}${failure(problem)}\n`;
}

/** Both are the policy's own words. */
function failure({ message, stack }: { readonly message: string; readonly stack: string }): string {
  const lines = stack === "" ? [message] : [message, ...stack.split("\n")];
  return lines.map(shown).join("\n");
}
