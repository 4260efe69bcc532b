/** `fsdfs set PATH NAME=VALUE...`: sets variables of a file, or of many from a list. */
import { createReadStream } from "node:fs";
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
const BYTES_AT_ONCE = 4 * 1024 ** 2;
const LINE_FEED = 0x0a;

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
  for await (const piece of piecesOf(file === "-" ? process.stdin : createReadStream(file))) {
    const before = total.lines;
    const { lines, changed, failed, errors } = await client.setManyVariables(piece);
    total.lines += lines;
    total.changed += changed;
    for (const { line, ...failure } of errors) bulk.fail({ name: `line ${before + line}`, ...failure });
    bulk.failUntold(failed - errors.length);
  }
  if (isJson) writeJson(context.out, { ...total, failed: bulk.failedCount, errors: bulk.failures });
  else context.out.write(`${count(total.changed, "variable")} set, ${bulk.failedCount} failed\n`);
  return bulk.finish();
}

/**
 * Whole lines, many together, as they are: which of their characters end a line, and what is no text, is for the server to say.
 * To readline a U+2028 in a path would be an end.
 */
async function* piecesOf(input: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  let waiting: Buffer[] = [];
  let lines = 0;
  let bytes = 0;
  for await (const chunk of input) {
    let start = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, at + 1)) {
      lines += 1;
      if (lines < LINES_AT_ONCE && bytes + at - start < BYTES_AT_ONCE) continue;
      yield Buffer.concat([...waiting, chunk.subarray(start, at + 1)]);
      start = at + 1;
      [waiting, lines, bytes] = [[], 0, 0];
    }
    waiting.push(chunk.subarray(start));
    bytes += chunk.length - start;
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}
