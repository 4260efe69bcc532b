/** `fsdfs set PATH NAME=VALUE...`: sets variables of a file, or of many from a list. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Client } from "../../client/client.ts";
import { parseAssignment } from "../../core/catalog/variable-text.ts";
import type { VariableValue } from "../../core/catalog/variables.ts";
import { option } from "../../options.ts";
import { Bulk } from "../bulk.ts";
import { type Context, UsageError } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { count, writeJson } from "../output.ts";

/** Sent in one request. */
const LINES_AT_ONCE = 20_000;
const CHARACTERS_AT_ONCE = 4 * 1024 ** 2;

export const set = clientCommand({
  name: "set",
  summary: "Sets variables of files, values of your own: popularity=9.",
  usage: "PATH NAME=VALUE... | --from FILE",
  details:
    "VALUE is a number, true, false or a text; a text in double quotes is one whatever it looks like. NAME= removes the variable.\n\nExample: fsdfs set /documents/README.md popularity=9 genre=rock old=",
  options: {
    from: option(
      {
        flag: "from",
        placeholder: "FILE",
        help: "Reads PATH, a tab and NAME=VALUE from each line of a file, - for what is piped in. Lines that are wrong are told, the others are done.",
      },
      String,
      undefined,
    ),
  },
  positionals: [0, 1000],
  run: async ({ client, values, positionals: [path, ...assignments], context }) => {
    if (values.from !== undefined) {
      if (path !== undefined) throw new UsageError("--from stands instead of PATH.", "See: fsdfs set --help");
      return await setFrom(client, values.from, context, values.json);
    }
    if (path === undefined || assignments.length === 0) {
      throw new UsageError("Something is missing: fsdfs set PATH NAME=VALUE...", "See: fsdfs set --help");
    }
    const changes: Record<string, VariableValue | null> = Object.create(null);
    for (const text of assignments) {
      const { name, value } = parseAssignment(text);
      changes[name] = value;
    }
    const variables = await client.setVariables(path, changes);
    if (values.json) writeJson(context.out, { path, variables });
    return 0;
  },
});

async function setFrom(client: Client, file: string, context: Context, isJson: boolean): Promise<number> {
  const bulk = new Bulk(context.err);
  const total = { lines: 0, changed: 0 };
  for await (const text of piecesOf(file === "-" ? process.stdin : createReadStream(file))) {
    const before = total.lines;
    const { lines, changed, failed, errors } = await client.setManyVariables(text);
    total.lines += lines;
    total.changed += changed;
    for (const { line, ...failure } of errors) bulk.fail({ name: `line ${before + line}`, ...failure });
    bulk.failUntold(failed - errors.length);
  }
  if (isJson) writeJson(context.out, { ...total, failed: bulk.failedCount, errors: bulk.failures });
  else context.out.write(`${count(total.changed, "variable")} set, ${bulk.failedCount} failed\n`);
  return bulk.finish();
}

/** Whole lines, many together. */
async function* piecesOf(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  let lines: string[] = [];
  let characters = 0;
  const take = () => {
    const text = `${lines.join("\n")}\n`;
    lines = [];
    characters = 0;
    return text;
  };
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    lines.push(line);
    characters += line.length;
    if (lines.length === LINES_AT_ONCE || characters >= CHARACTERS_AT_ONCE) yield take();
  }
  if (lines.length > 0) yield take();
}
