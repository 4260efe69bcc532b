/** `fsdfs copies [N]`: how many copies files are to have, in the whole swarm. */
import { COPIES_MAX } from "../../config.ts";
import { option, parseInteger } from "../../options.ts";
import type { SwarmChanges } from "../../server/face.ts";
import { UsageError } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { writeJson } from "../output.ts";

export const copies = clientCommand({
  name: "copies",
  summary: "Shows or changes how many servers are to hold each file.",
  usage: "[N]",
  details: "For the whole swarm, from now on. More are made where there is room; none is given up for a lower N alone.",
  options: {
    writeCopies: option(
      {
        flag: "write-copies",
        placeholder: "W",
        help: "How many servers must have a file on their disks before its upload is acknowledged.",
      },
      parseCopies,
      undefined,
    ),
  },
  positionals: [0, 1],
  run: async ({ client, values, positionals, context }) => {
    const { writeCopies } = values;
    const changes: SwarmChanges = {
      ...(positionals[0] === undefined ? {} : { copies: checked(positionals[0]) }),
      ...(writeCopies === undefined ? {} : { writeCopies }),
    };
    const isAsked = Object.keys(changes).length === 0;
    const status = isAsked ? await client.status() : await client.configureSwarm(changes);
    if (values.json) writeJson(context.out, status);
    else
      context.out.write(
        `Each file is to have ${status.copies} copies, and is acknowledged with ${status.writeCopies}.\n`,
      );
    return 0;
  },
});

function parseCopies(text: string): number {
  return parseInteger(text, 1, COPIES_MAX);
}

function checked(text: string): number {
  try {
    return parseCopies(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`N is not valid: ${reason}`, "See: fsdfs copies --help");
  }
}
