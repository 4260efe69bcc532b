/** `fsdfs rm PATH...`: deletes files and, with -r, directories with all that is in them. */
import { parseDirectoryPath } from "../../core/paths.ts";
import { flagOption } from "../../options.ts";
import { Bulk } from "../bulk.ts";
import { UsageError } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { count, writeJson } from "../output.ts";
import { remoteKind } from "../remote.ts";
import { removeTree } from "../removing.ts";

export const rm = clientCommand({
  name: "rm",
  summary: "Deletes files, empty directories and, with -r, whole directories.",
  usage: "PATH...",
  details: "What is deleted can be had back for some days: fsdfs trash ls, fsdfs trash restore.",
  options: {
    recursive: flagOption({ flag: "recursive", short: "r", help: "Directories with all that is in them." }),
    forever: flagOption({ flag: "forever", help: "Not to the trash: nobody can have them back." }),
  },
  positionals: [1, Number.POSITIVE_INFINITY],
  run: async ({ client, values, positionals, context }) => {
    if (positionals.some((path) => parseDirectoryPath(path) === "")) {
      throw new UsageError("That would delete everything.", "Name what is in it instead: fsdfs ls");
    }
    const bulk = new Bulk(context.err);
    const removed: string[] = [];
    const file = async (path: string) => {
      await client.remove(path, { forever: values.forever });
      removed.push(path);
    };
    for (const path of positionals) {
      await bulk.attempt(path, async () => {
        const kind = await remoteKind(client, path);
        if (kind !== "directory") await file(path);
        else if (values.recursive) await removeTree(client, path, bulk, file);
        else await client.removeDirectory(path);
      });
    }
    const code = bulk.finish();
    if (values.json) writeJson(context.out, { removed, errors: bulk.failures });
    else if (values.recursive) context.out.write(`${count(removed.length, "file")} deleted\n`);
    return code;
  },
});
