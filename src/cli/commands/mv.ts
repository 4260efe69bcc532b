/** `fsdfs mv SRC... DEST`: gives files and directories other paths. No byte is copied. */
import { Bulk } from "../bulk.ts";
import { clientCommand } from "../connection.ts";
import { writeJson } from "../output.ts";
import { isTargetDirectory, joinRemote, remoteName } from "../remote.ts";

export const mv = clientCommand({
  name: "mv",
  summary: "Moves or renames files and directories.",
  usage: "SRC... DEST",
  details: "What exists at DEST and is a directory, or ends in '/', takes SRC in under its own name.",
  options: {},
  positionals: [2, Number.POSITIVE_INFINITY],
  run: async ({ client, values, positionals, context }) => {
    const sources = positionals.slice(0, -1);
    const destination = positionals.at(-1) ?? "";
    const into = await isTargetDirectory(client, destination, sources.length);
    const bulk = new Bulk(context.err);
    const moved: { from: string; to: string }[] = [];
    for (const source of sources) {
      await bulk.attempt(source, async () => {
        const from = joinRemote(source, "");
        const to = joinRemote(destination, into ? remoteName(source) : "");
        await client.move(from, to);
        moved.push({ from, to });
      });
    }
    const code = bulk.finish();
    if (values.json) writeJson(context.out, { moved, errors: bulk.failures });
    return code;
  },
});
