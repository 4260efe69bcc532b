/** `fsdfs demo`: a swarm of three servers on this machine, for as long as one looks at it. */
import { resolve } from "node:path";
import { option } from "../../options.ts";
import { command } from "../command.ts";

export const demo = command({
  name: "demo",
  summary: "Shows a swarm of three servers on this machine, with music.",
  usage: "",
  details:
    "It starts three servers on free ports, in a temporary directory and for this machine only, and lets one watch how files are copied, how a server is killed, and how it comes back. Ctrl-C ends the servers and removes the directory. Where nobody looks on, it ends by itself.",
  options: {
    music: option(
      {
        flag: "music",
        placeholder: "DIR",
        defaultText: "tunes made on the spot",
        help: "Takes audio files from there instead, 60 and 300 MB at most. They are only read.",
      },
      (text) => resolve(text),
      undefined,
    ),
  },
  positionals: [0, 0],
  run: async ({ values, context }) => {
    // Loaded only now: the other commands do without the orchestra.
    const { runDemo } = await import("../demo/run.ts");
    return await runDemo(values.music, context);
  },
});
