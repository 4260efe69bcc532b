/** `fsdfs merge HOST`: makes the swarm of this server a part of another one, with all files (C11). */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../client/client.ts";
import { parseJoin } from "../../config-values.ts";
import { FsdfsError } from "../../errors.ts";
import { flagOption } from "../../options.ts";
import type { MergePlan, MergeState } from "../../server/face.ts";
import { swarmAddressOf } from "../../starting/ask-health.ts";
import { clientCommand } from "../connection.ts";
import { shown, writeJson } from "../output.ts";

const HEALTH_TIMEOUT_MS = 5_000;
const POLL_MS = 500;
/** Between two words to somebody who waits: 10 s. */
const POLLS_A_WORD = 20;

export const merge = clientCommand({
  name: "merge",
  summary: "Makes this swarm a part of another one that has files as well.",
  usage: "HOST[:PORT]",
  details:
    "Both swarms must have the same password, and every server of this one must be up. Shows what would become of the files; with --yes it is done: this swarm takes no changes while the other takes in its files, then its servers join. Nothing is copied. Of two files at one path the one that was written later stays, and the other goes to the trash; what only one swarm has deleted, and the other has, stays.",
  options: { yes: flagOption({ flag: "yes", help: "Does it." }) },
  positionals: [1, 1],
  run: async ({ client, values, positionals, context }) => {
    const address = await swarmAddress(positionals[0]!);
    if (!values.yes) {
      const plan = await client.planMerge(address);
      if (values.json) writeJson(context.out, plan);
      else
        context.out.write(`${describe(plan)}\n\nNothing was changed. To do it: fsdfs merge ${positionals[0]} --yes\n`);
      return 0;
    }
    const begun = await client.merge(address);
    if (!values.json) context.err.write("This swarm takes no changes until its files are taken in …\n");
    const tell = (text: string) => context.err.write(`${text}\n`);
    const swarm = await moved(client, begun.swarm, { tell: values.json ? () => undefined : tell, sleep });
    if (values.json) writeJson(context.out, { swarm });
    else context.out.write(`Done: this server belongs to the swarm ${swarm}. Its servers: fsdfs servers\n`);
    return 0;
  },
});

async function swarmAddress(text: string): Promise<string> {
  const at = parseJoin(text);
  try {
    return await swarmAddressOf(at, HEALTH_TIMEOUT_MS);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FsdfsError("server-unreachable", { url: `${at.host}:${at.port}`, reason });
  }
}

const WAITS: Readonly<Record<MergeState["phase"], string>> = {
  frozen: "this swarm's servers have not all stopped taking changes",
  offering: "the other swarm takes in the files, or is not reached",
  none: "this server is not about to join; its log says why",
};

/** Resolves with the other swarm's id once this server belongs to it and serves; tells now and then why it does not yet. */
export async function moved(
  client: Pick<Client, "mergeState" | "health">,
  from: string,
  { tell, sleep: rest }: { tell: (text: string) => void; sleep: (ms: number) => Promise<unknown> },
): Promise<string> {
  for (let polls = 1; ; polls++) {
    await rest(POLL_MS);
    const [{ swarm, phase }, { status }] = await Promise.all([client.mergeState(), client.health()]);
    if (swarm !== from && status === "ok") return swarm;
    if (polls % POLLS_A_WORD > 0) continue;
    tell(`Still waiting: ${swarm === from ? WAITS[phase] : "this server has joined, and catches up"}.`);
  }
}

function describe(plan: MergePlan): string {
  const lines = [
    `The other swarm, ${plan.swarm}, has ${plan.files} files on ${plan.servers} servers. Of the entries here`,
    `  ${plan.taken} are new there`,
    `  ${plan.same} are there already`,
    `  ${plan.replaces} take the place of an older file, which goes to the trash`,
    `  ${plan.kept} give way to a later file, and go to the trash`,
  ];
  const examples = plan.examples.map(
    ({ path, verdict }) => `    ${verdict === "kept" ? "gives way" : "replaces "}  ${shown(path)}`,
  );
  return [...lines, ...examples].join("\n");
}
