/** `fsdfs cat PATH...`: writes the content of files to standard output. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Client } from "../../client/client.ts";
import { parsePath } from "../../core/paths.ts";
import { Bulk } from "../bulk.ts";
import { LocalError } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { JsonList } from "../json-list.ts";

/** In JSON a file is one string. */
const JSON_FILE_BYTES_MAX = 64 * 1024 * 1024;

export const cat = clientCommand({
  name: "cat",
  summary: "Writes files to standard output.",
  usage: "PATH...",
  details:
    "Bytes go out as they come; a file whose SHA-256 turns out to be wrong at its end makes the exit code 1. With --json they are in base64.\n\nExample: fsdfs cat /documents/README.md",
  options: {},
  positionals: [1, Number.POSITIVE_INFINITY],
  run: async ({ client, values, positionals, context }) => {
    const bulk = new Bulk(context.err);
    const list = values.json ? new JsonList(context.out, "files") : undefined;
    for (const path of positionals) {
      await bulk.attempt(path, async () => {
        if (list === undefined) await copyToOutput(client, path);
        else list.add(await inJson(client, path));
      });
    }
    list?.end({ errors: bulk.failures });
    return bulk.finish();
  },
});

export async function copyToOutput(client: Client, path: string): Promise<void> {
  const { body } = await client.get(path);
  await pipeline(Readable.from(body, { objectMode: true }), process.stdout, { end: false });
}

async function inJson(client: Client, path: string) {
  const { size } = await client.head(path);
  if (size > JSON_FILE_BYTES_MAX) {
    const most = `${JSON_FILE_BYTES_MAX / 1024 ** 2} MB`;
    throw new LocalError(`It has more than ${most}, too much for one string of JSON.`, "Leave --json out.");
  }
  const download = await client.get(path);
  const { version, sha256 } = download.info;
  const bytes = await download.bytes();
  return {
    path: parsePath(path),
    size: bytes.length,
    sha256,
    version,
    base64: Buffer.from(bytes).toString("base64"),
  };
}
