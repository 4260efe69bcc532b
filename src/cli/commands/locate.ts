/** `fsdfs locate PATH...`: which servers hold files, the best to ask first (S6). */
import { FsdfsError } from "../../errors.ts";
import type { Location } from "../../server/face.ts";
import { clientCommand } from "../connection.ts";
import { count, formatSize, shown, table, writeJson } from "../output.ts";
import { failureOf, writeFailure } from "../report.ts";

export const locate = clientCommand({
  name: "locate",
  summary: "Shows which servers hold files, the best to ask first.",
  usage: "PATH...",
  options: {},
  positionals: [1, 1000],
  run: async ({ client, values, positionals, context }) => {
    const files = await client.locateMany(positionals);
    if (values.json) writeJson(context.out, { files });
    files.forEach((file, at) => {
      if (file !== null && !values.json) context.out.write(describe(file));
      if (file === null) {
        writeFailure(context.err, failureOf(new FsdfsError("file-not-found", { path: positionals[at] ?? "" })));
      }
    });
    return files.includes(null) ? 1 : 0;
  },
});

function describe(file: Location): string {
  const head = `${shown(file.path)}: ${formatSize(file.size)}, ${count(file.copies, "copy").replace("copys", "copies")} of ${file.target} wanted, surplus ${file.surplus}\n`;
  return (
    head +
    table(file.servers, [
      { title: "SERVER", value: (server) => server.id },
      { title: "NAME", value: (server) => shown(server.name) },
      { title: "STATE", value: (server) => server.state },
      { title: "ZONE", value: (server) => shown(server.zone) },
      { title: "LOAD", value: (server) => server.load.toFixed(2), right: true },
      { title: "URL", value: (server) => shown(server.url) },
    ])
  );
}
