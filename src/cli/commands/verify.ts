/** `fsdfs verify [PATH]`: has all servers re-hash their copies now, and tells what they found. */
import { rate } from "../../config-values.ts";
import { option } from "../../options.ts";
import type { VerifyEvent } from "../../server/face.ts";
import { type Context, LocalError } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { formatSeconds, formatSize, shown, writeJson } from "../output.ts";
import { StatusLine } from "../status-line.ts";

export const verify = clientCommand({
  name: "verify",
  summary: "Has all servers read their copies now and compare them with their SHA-256; what is wrong is repaired.",
  usage: "[PATH]",
  details:
    "Below PATH; everything unless given. What is wrong is set aside in .fsdfs/aside of its server, and copied anew from a server that has it right, which is waited for. Ctrl-C ends it on all servers. The exit code is 1 when a copy was not good, or a server did not answer.",
  options: {
    rate: option(
      {
        flag: "rate",
        placeholder: "SIZE",
        defaultText: "unlimited",
        help: "How much each server reads in a second, as in 50M.",
      },
      rate,
      undefined,
    ),
  },
  positionals: [0, 1],
  run: async ({ client, values, positionals: [path = "/"], context }) => {
    const startedMs = performance.now();
    const total = path === "/" ? (await client.servers()).reduce((sum, { files }) => sum + files, 0) : undefined;
    const progress = new Progress(context, startedMs, total);
    let last: VerifyEvent | undefined;
    for await (const event of client.verify(path, values.rate === undefined ? {} : { rate: values.rate })) {
      last = event;
      progress.show(event);
    }
    if (last?.kind !== "done") throw new LocalError("The server ended it before it was done.", "Run it again.");
    progress.clear();
    if (values.json) writeJson(context.out, last);
    else context.out.write(describeVerify(last, performance.now() - startedMs));
    return isWhole(last) ? 0 : 1;
  },
});

/** All copies were looked at, and good. */
function isWhole({ bad, missing, unreadable, servers }: VerifyEvent): boolean {
  return bad + missing + unreadable === 0 && servers.every(({ state }) => state === "done");
}

function describeVerify(report: VerifyEvent, ms: number): string {
  const { copies, bytes, good, bad, missing, unreadable, changed, repaired, lost, servers, examples } = report;
  const lines = [
    `${copies.toLocaleString("en-US")} ${copies === 1 ? "copy" : "copies"}, ${formatSize(bytes)} read in ${formatSeconds(ms)}`,
  ];
  const found = { good, bad, missing, unreadable, "changed meanwhile": changed, repaired, lost };
  const told = Object.entries(found).filter(([name, files]) => name === "good" || files > 0);
  lines.push(told.map(([name, files]) => `${files.toLocaleString("en-US")} ${name}`).join(", "));
  for (const { path, server, found: what, now } of examples) {
    const since = what === "unreadable" ? "" : `, ${now ?? "not repaired yet"}`;
    lines.push(`${what} on ${shown(server)}${since}: /${shown(path)}`);
  }
  const more = bad + missing + unreadable - examples.length;
  if (more > 0) lines.push(`… and ${more.toLocaleString("en-US")} more`);
  for (const { name, state } of servers) {
    if (state === "down") lines.push(`${shown(name)} is not up: its copies were not read`);
    if (state === "interrupted") lines.push(`${shown(name)} did not end it: not all of its copies were read`);
  }
  if (lost > 0) lines.push("What is lost: no server has it right. See .fsdfs/aside on the servers named above");
  return `${lines.join("\n")}\n`;
}

class Progress {
  readonly #line: StatusLine;
  readonly #startedMs: number;
  readonly #total: number | undefined;

  constructor(context: Context, startedMs: number, total: number | undefined) {
    this.#line = new StatusLine(context.err);
    this.#startedMs = startedMs;
    this.#total = total;
  }

  show({ copies, bytes, bad, missing, unreadable, repaired, servers }: VerifyEvent): void {
    const of = this.#total === undefined ? "" : ` of ${Math.max(this.#total, copies).toLocaleString("en-US")}`;
    const perS = formatSize((bytes / Math.max(performance.now() - this.#startedMs, 1)) * 1000);
    const damaged = bad + missing + unreadable;
    const told = [`${copies.toLocaleString("en-US")}${of} copies, ${formatSize(bytes)} read (${perS}/s)`];
    if (damaged > 0)
      told.push(`${damaged.toLocaleString("en-US")} not good, ${repaired.toLocaleString("en-US")} repaired`);
    if (servers.every(({ state }) => state !== "reading")) told.push("waiting for repairs");
    this.#line.show(told.join(", "));
  }

  clear(): void {
    this.#line.clear();
  }
}
