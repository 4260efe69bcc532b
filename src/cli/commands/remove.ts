/** `fsdfs remove SERVER`: takes a server out of the swarm for good. */
import { flagOption } from "../../options.ts";
import { clientCommand } from "../connection.ts";
import { count, shown, writeJson } from "../output.ts";
import { whichServer } from "../which-server.ts";

export const remove = clientCommand({
  name: "remove",
  summary: "Takes a server out of the swarm for good: one that is drained, or one that will not come back.",
  usage: "SERVER",
  details:
    "SERVER is an id or a name. It is refused while files would be lost, or have fewer copies than they must. A server that is removed serves no more; it may join again as a new one (fsdfs start --new), with the files in its data directory.",
  options: {
    acceptLoss: flagOption({ flag: "accept-loss", help: "Does it all the same: what only that server has is lost." }),
  },
  positionals: [1, 1],
  run: async ({ client, values, positionals, context }) => {
    const { id } = await whichServer(client, positionals[0]);
    const removed = await client.removeServer(id, { acceptLoss: values.acceptLoss });
    if (values.json) writeJson(context.out, removed);
    else {
      const { lost, below } = removed;
      const loss = below === 0 ? "" : `; ${count(lost, "file")} lost, ${count(below, "file")} with too few copies`;
      context.out.write(`${shown(removed.name)} is removed${loss}\n`);
    }
    return 0;
  },
});
