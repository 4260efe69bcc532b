/** `fsdfs drop PATH...`: a server gives up its own copies, when enough others promise theirs (D1). */
import { Bulk } from "../bulk.ts";
import { clientCommand } from "../connection.ts";
import { writeJson } from "../output.ts";

export const drop = clientCommand({
  name: "drop",
  summary: "Makes the server that is asked give up its own copies.",
  usage: "PATH...",
  details: "A copy is given up only when enough other servers promise theirs. Name the server with --server.",
  options: {},
  positionals: [1, Number.POSITIVE_INFINITY],
  run: async ({ client, values, positionals, context }) => {
    const bulk = new Bulk(context.err);
    const dropped: string[] = [];
    for (const path of positionals) {
      await bulk.attempt(path, async () => {
        await client.drop(path);
        dropped.push(path);
      });
    }
    const code = bulk.finish();
    if (values.json) writeJson(context.out, { dropped, errors: bulk.failures });
    return code;
  },
});
