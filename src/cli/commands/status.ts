/** `fsdfs status`: the swarm in a few lines, and what to do about it. */
import { clientCommand } from "../connection.ts";
import { formatSize, shown, writeJson } from "../output.ts";
import { describeScrub } from "./servers.ts";

export const status = clientCommand({
  name: "status",
  summary: "Shows how the swarm is, and what to do about it.",
  usage: "",
  options: {},
  positionals: [0, 0],
  run: async ({ client, values, context }) => {
    const found = await client.status();
    if (values.json) {
      writeJson(context.out, found);
      return 0;
    }
    const lines = [
      ["swarm", found.swarm],
      ["servers", `${found.servers.up} up of ${found.servers.total}`],
      ["files", `${found.files.toLocaleString("en-US")}, ${formatSize(found.bytes)}`],
      ["quota", `${formatSize(found.quota.used)} used of ${formatSize(found.quota.total)}`],
      ["copies", `${found.copies} of each file, ${found.writeCopies} before an upload is acknowledged`],
      ["surplus", `${found.minSurplus ?? "-"} at least`],
      ["scrub", describeScrub(found.scrub)],
      ["advice", shown(found.advice)],
    ];
    context.out.write(lines.map(([name, value]) => `${name?.padEnd(9)}${value}\n`).join(""));
    return 0;
  },
});
