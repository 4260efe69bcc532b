/** `fsdfs find [PATH...]`: the files and directories below a path that fit what is asked for. */
import { nameOf, parseDirectoryPath, parsePath } from "../../core/paths.ts";
import {
  flagOption,
  type Option,
  option,
  parseChoice,
  parseDurationMs,
  parseSizeBytes,
  type ValuesOf,
} from "../../options.ts";
import type { EntryInfo, Listing } from "../../server/face.ts";
import { Bulk } from "../bulk.ts";
import { clientCommand } from "../connection.ts";
import { globMatcher } from "../glob.ts";
import { JsonList } from "../json-list.ts";
import { shown } from "../output.ts";
import { joinRemote, remoteKind, withDirectories } from "../remote.ts";
import { parseWhere } from "../where.ts";

const TYPES = ["file", "directory", "f", "d"] as const;

const wholeNumber = (text: string) => {
  if (!/^-?\d{1,9}$/.test(text)) throw new Error(`'${text}' is not a whole number`);
  return Number(text);
};

const count = (flag: string, placeholder: string, help: string): Option<number | undefined> =>
  option({ flag, placeholder, help }, wholeNumber, undefined);
const size = (flag: string, help: string): Option<number | undefined> =>
  option({ flag, placeholder: "SIZE", help }, parseSizeBytes, undefined);
const age = (flag: string, help: string): Option<number | undefined> =>
  option({ flag, placeholder: "AGE", help }, parseDurationMs, undefined);

const OPTIONS = {
  name: option(
    { flag: "name", placeholder: "GLOB", help: "Whose name fits a pattern with *, ?, [a-z]; quote it." },
    (text) => globMatcher(text),
    undefined,
  ),
  iname: option(
    { flag: "iname", placeholder: "GLOB", help: "The same, whether letters are large or small." },
    (text) => globMatcher(text, { ignoreCase: true }),
    undefined,
  ),
  type: option(
    { flag: "type", placeholder: "TYPE", help: "Only file (f) or directory (d)." },
    (text) => parseChoice(text, TYPES),
    undefined,
  ),
  larger: size("larger", "Files larger than this: 500k, 10M, 2Gi."),
  smaller: size("smaller", "Files smaller than this."),
  newer: age("newer", "Files changed within this time: 90s, 10m, 2h, 7d."),
  older: age("older", "Files not changed within this time."),
  copiesBelow: count("copies-below", "COUNT", "Files with fewer copies than this."),
  surplusBelow: count("surplus-below", "COUNT", "Files whose copies minus wanted copies are below this; 0: too few."),
  where: option(
    {
      flag: "where",
      placeholder: "CONDITION",
      help: "Files whose variables are so: 'popularity>5 and genre=rock'. = != < <= > >=; quote it.",
    },
    parseWhere,
    undefined,
  ),
  zero: flagOption({ flag: "zero", short: "0", help: "Ends each path with a zero byte, for xargs -0." }),
};

type Wanted = ValuesOf<typeof OPTIONS>;
type Entry = Listing["entries"][number];

export const find = clientCommand({
  name: "find",
  summary: "Finds files by name, size, age, copies or variables.",
  usage: "[PATH...]",
  details:
    "Looks at everything below each PATH, or below the root. All that is asked for must fit. Directories end in '/'.\n\nExample: fsdfs find / --name '*.ogg' --larger 5M --surplus-below 0",
  options: OPTIONS,
  positionals: [0, 1000],
  run: async ({ client, values, positionals, context }) => {
    const bulk = new Bulk(context.err);
    const list = values.json ? new JsonList(context.out, "entries") : undefined;
    const nowMs = Date.now();
    const tell = (entry: EntryInfo) => {
      if (!fits(entry, values, nowMs)) return;
      const surplus = entry.copies === null || entry.target === null ? null : entry.copies - entry.target;
      const path = `/${entry.path}${entry.type === "directory" ? "/" : ""}`;
      if (list !== undefined) list.add({ ...entry, surplus });
      else context.out.write(values.zero ? `${path}\0` : `${shown(path)}\n`);
    };
    for (const path of positionals.length === 0 ? ["/"] : positionals) {
      await bulk.attempt(path, async () => {
        const kind = parseDirectoryPath(path) === "" ? "directory" : await remoteKind(client, path);
        if (kind !== "directory") {
          const { target, variables } = await client.locate(path);
          const info = { ...(await client.head(path)), path: parsePath(path), target };
          tell(variables === undefined ? info : { ...info, variables });
          return;
        }
        for await (const entry of withDirectories(client.listAll(path, { recursive: true }))) tell(below(path, entry));
      });
    }
    list?.end({ errors: bulk.failures });
    return bulk.finish();
  },
});

function below(directory: string, { name, ...rest }: Entry): EntryInfo {
  return { path: joinRemote(directory, name), ...rest };
}

function fits(entry: EntryInfo, wanted: Wanted, nowMs: number): boolean {
  const { name, iname, type } = wanted;
  const own = nameOf(parsePath(entry.path));
  if (name !== undefined && !name(own)) return false;
  if (iname !== undefined && !iname(own)) return false;
  if (type !== undefined && type[0] !== entry.type[0]) return false;
  return entry.type === "directory" ? !asksForFiles(wanted) : fileFits(entry, wanted, nowMs);
}

/** Only a file has sizes, ages, copies and variables. */
function asksForFiles({ larger, smaller, newer, older, copiesBelow, surplusBelow, where }: Wanted): boolean {
  return [larger, smaller, newer, older, copiesBelow, surplusBelow, where].some((each) => each !== undefined);
}

function fileFits(entry: EntryInfo, wanted: Wanted, nowMs: number): boolean {
  const { larger, smaller, newer, older, copiesBelow, surplusBelow, where } = wanted;
  const ageMs = entry.modified === null ? Number.POSITIVE_INFINITY : nowMs - Date.parse(entry.modified);
  const copies = entry.copies ?? 0;
  return (
    (larger === undefined || entry.size > larger) &&
    (smaller === undefined || entry.size < smaller) &&
    (newer === undefined || ageMs < newer) &&
    (older === undefined || ageMs >= older) &&
    (copiesBelow === undefined || copies < copiesBelow) &&
    (surplusBelow === undefined || copies - (entry.target ?? 0) < surplusBelow) &&
    (where === undefined || where(entry.variables))
  );
}
