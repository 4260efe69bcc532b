/** `fsdfs logs`: what a server in the background has logged, and goes on to log. */
import { harmless, readableLine } from "../../core/log-line.ts";
import { flagOption, option, parseInteger } from "../../options.ts";
import { command, LocalError } from "../command.ts";
import { readLocalAccess } from "../local-access.ts";
import { chooseLog, LOCAL_DATA_OPTION } from "../local-choice.ts";
import { logFile } from "../log-file.ts";
import { followLines, lastLines } from "../log-reader.ts";
import { quoted } from "../output.ts";

const LINES = 50;
const LINES_MAX = 1_000_000;

export const logs = command({
  name: "logs",
  summary: "Shows the log of a server that runs in the background.",
  usage: "",
  options: {
    data: LOCAL_DATA_OPTION,
    lines: option(
      {
        flag: "lines",
        short: "n",
        placeholder: "COUNT",
        defaultText: String(LINES),
        help: "How many of the last lines to show.",
      },
      (text) => parseInteger(text, 0, LINES_MAX),
      LINES,
    ),
    follow: flagOption({ flag: "follow", short: "f", help: "Goes on with the lines that come, until Ctrl-C." }),
    json: flagOption({ flag: "json", help: "Writes the lines as they are logged: an object of JSON each, mostly." }),
  },
  positionals: [0, 0],
  run: async ({ values, context }) => {
    const data = await chooseLog(context.environment, values.data);
    const file = logFile(data);
    const running = await readLocalAccess(data);
    const found = await lastLines(file, values.lines);
    const elsewhere = running !== undefined && running.background !== true;
    if (found === undefined) throw noLog(data, elsewhere);
    if (elsewhere) context.err.write(`fsdfs: the server that runs now does not log here; these lines are older.\n`);
    const show = (line: string) => {
      context.out.write(`${values.json ? line : (readableLine(line) ?? harmless(line))}\n`);
    };
    found.lines.forEach(show);
    if (!values.follow) return 0;
    const interrupted = new AbortController();
    context.onInterrupt(() => interrupted.abort());
    for await (const line of followLines(file, found.place, interrupted.signal)) show(line);
    return 0;
  },
});

function noLog(data: string, elsewhere: boolean): LocalError {
  return elsewhere
    ? new LocalError(
        `The server on ${data} runs in the foreground and logs to its standard error.`,
        "Look at its terminal, or where its supervisor keeps that, as journalctl -u fsdfs does for systemd.",
      )
    : new LocalError(
        `There is no log in ${data}.`,
        `A server has one when it is started in the background: fsdfs start --detach --data ${quoted(data)}`,
      );
}
