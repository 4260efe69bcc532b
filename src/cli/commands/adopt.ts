/** `fsdfs adopt DIR [DEST]`: files that lie on a server's machine already become the swarm's, without being copied. */
import { realpath } from "node:fs/promises";
import { createClient } from "../../client/node.ts";
import { flagOption } from "../../options.ts";
import type { AdoptCounts, AdoptEvent } from "../../server/face.ts";
import { type Context, command, LocalError } from "../command.ts";
import { trustOf } from "../connection.ts";
import { findLocalServers, type LocalServer } from "../local-access.ts";
import { chooseLocalServer, LOCAL_DATA_OPTION } from "../local-choice.ts";
import { count, formatSeconds, formatSize, shown, writeJson } from "../output.ts";
import { writeFailure } from "../report.ts";

type Skipped = AdoptEvent & { readonly kind: "skipped" };

const SKIPPED_SHOWN_MAX = 20;
/** Kept to be told with --json. */
const SKIPPED_KEPT_MAX = 10_000;
/** Left out on purpose, as put does. */
const LEFT_OUT = "no-regular-file";

export const adopt = command({
  name: "adopt",
  summary: "Makes files of this machine the swarm's where they lie, without copying them.",
  usage: "DIR [DEST]",
  details:
    "DIR lies in the data directory of a server that runs on this machine, and its files stay where they are; or beside it on the same file system, and its files get a second name (a hard link) in the data directory, below DEST. Such a file has one content under both names: to edit it, write a new file in its place, or take away the second name with --move. It can be ended at any time and run again: what is adopted already is passed over. Links are not followed, empty directories are left out.",
  options: {
    move: flagOption({ flag: "move", help: "Takes files away from DIR once they are the swarm's." }),
    overwrite: flagOption({
      flag: "overwrite",
      help: "Makes files of DIR the newer versions where the swarm has another content; they are passed over otherwise.",
    }),
    dryRun: flagOption({ flag: "dry-run", help: "Only tells what would be done, without reading the files." }),
    data: LOCAL_DATA_OPTION,
    json: flagOption({ flag: "json", help: "Writes what was done as JSON." }),
  },
  positionals: [1, 2],
  run: async ({ values, positionals, context }) => {
    const [given = "", to] = positionals;
    const directory = await realDirectory(given);
    const server = await serverFor(directory, values.data, context);
    const { url, requestKey, localSecret } = server;
    const client = createClient({
      url,
      credential: { kind: "signing", requestKey },
      trust: await trustOf(server),
      ...(localSecret === undefined ? {} : { localSecret }),
    });
    try {
      const { move, overwrite, dryRun } = values;
      const options = { move, overwrite, dryRun, ...(to === undefined ? {} : { to }) };
      const report = new Report(context, dryRun);
      for await (const event of client.adopt(directory, options)) report.take(event);
      return report.finish(values.json);
    } finally {
      client.close();
    }
  },
});

async function realDirectory(given: string): Promise<string> {
  return await realpath(given).catch((error: unknown) => {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new LocalError(`${given} cannot be adopted: ${reason}.`, "Name a directory of this machine.", {
      cause: error,
    });
  });
}

/** The one in whose data directory it lies, else the only one. */
async function serverFor(directory: string, data: string | undefined, context: Context): Promise<LocalServer> {
  const locals = await findLocalServers(context.environment, data);
  for (const local of locals) {
    const root = await realpath(local.data).catch(() => local.data);
    if (directory === root || directory.startsWith(`${root}/`)) return local;
  }
  const chosen = await chooseLocalServer(context.environment, data, "adopt DIR");
  if (chosen !== undefined) return chosen;
  throw new LocalError(
    "No server of yours runs on this machine.",
    "Start one whose data directory is on the file system of the files, or contains them: fsdfs start --data DIR",
  );
}

class Report {
  readonly #context: Context;
  readonly #dryRun: boolean;
  readonly #startedMs = performance.now();
  readonly #skipped: Skipped[] = [];
  #failed = 0;
  #counts: AdoptCounts = { total: 0, adopted: 0, present: 0, skipped: 0, bytes: 0, readBytes: 0 };
  #lineLength = 0;

  constructor(context: Context, dryRun: boolean) {
    this.#context = context;
    this.#dryRun = dryRun;
  }

  take(event: AdoptEvent): void {
    if (event.kind === "skipped") {
      if (event.code !== LEFT_OUT) this.#failed += 1;
      if (this.#skipped.length < SKIPPED_KEPT_MAX) this.#skipped.push(event);
      return;
    }
    this.#counts = event;
    this.#show(event.kind === "done" ? "" : this.#progress());
  }

  finish(asJson: boolean): 0 | 1 {
    const { out } = this.#context;
    if (asJson) {
      const skipped = this.#skipped.map(({ kind: _kind, ...rest }) => rest);
      const { adopted, present, bytes } = this.#counts;
      writeJson(out, { adopted, present, bytes, dryRun: this.#dryRun, skipped, skippedFiles: this.#counts.skipped });
    } else {
      this.#tellSkipped();
      out.write(`${this.#summary()}\n`);
    }
    return this.#failed === 0 ? 0 : 1;
  }

  #tellSkipped(): void {
    const { err } = this.#context;
    const hints = new Set<string>();
    for (const { message, hint, code } of this.#skipped.slice(0, SKIPPED_SHOWN_MAX)) {
      writeFailure(err, { message, hint: undefined, code });
      hints.add(hint);
    }
    const more = this.#counts.skipped - Math.min(this.#skipped.length, SKIPPED_SHOWN_MAX);
    if (more > 0) err.write(`fsdfs: … and ${more.toLocaleString("en-US")} more\n`);
    for (const hint of hints) err.write(`${shown(hint)}\n`);
  }

  #summary(): string {
    const { adopted, present, skipped, bytes } = this.#counts;
    const verb = this.#dryRun ? "would be adopted" : "adopted";
    const size = this.#dryRun || bytes > 0 ? `, ${formatSize(bytes)}` : "";
    const parts = [`${count(adopted, "file")}${size} ${verb} in ${formatSeconds(performance.now() - this.#startedMs)}`];
    if (present > 0) parts.push(`${present.toLocaleString("en-US")} there already`);
    if (skipped > 0) parts.push(`${skipped.toLocaleString("en-US")} left as they are`);
    return parts.join(", ");
  }

  #progress(): string {
    const { total, adopted, present, skipped, readBytes } = this.#counts;
    const done = adopted + present + skipped;
    const ms = Math.max(performance.now() - this.#startedMs, 1);
    const left = done === 0 ? "" : `, ${formatSeconds((ms / done) * Math.max(0, total - done))} left`;
    const rate = formatSize((readBytes / ms) * 1000);
    return `${done.toLocaleString("en-US")} of ${count(total, "file")}, ${formatSize(readBytes)} read (${rate}/s)${left}`;
  }

  #show(line: string): void {
    const { err } = this.#context;
    if (!err.terminal) return;
    const text = line.slice(0, Math.max(err.columns - 1, 20));
    err.write(`\r${text.padEnd(this.#lineLength)}${text === "" ? "\r" : ""}`);
    this.#lineLength = text.length;
  }
}
