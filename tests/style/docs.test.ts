/** What the help and the documents say of the command line is there, and what is there they say. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { createClient } from "../../src/client/sdk-node.ts";
import { START_OPTIONS } from "../../src/config.ts";
import { ERRORS } from "../../src/errors.ts";
import { projectFiles, ROOT, sources } from "./sources.ts";

const documents = projectFiles()
  .filter((path) => path.endsWith(".md"))
  .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));

const flagsOf = (command: (typeof COMMANDS)[number]) => Object.values(command.options).map(({ flag }) => flag);
const allFlags = new Set(COMMANDS.flatMap(flagsOf));
const allVariables = new Set(COMMANDS.flatMap(({ options }) => Object.values(options).map(({ env }) => env)));

/** Command lines in documents: what follows "fsdfs " or "./fsdfs " in code, up to the end of the command. */
function commandLines(text: string): string[] {
  const code = [...text.matchAll(/```[a-z]*\n([\s\S]*?)```|`([^`\n]+)`/g)].map(
    ([, block, span]) => block ?? span ?? "",
  );
  return code
    .join("\n")
    .replaceAll("\\\n", " ")
    .split("\n")
    .flatMap((line) =>
      [...line.matchAll(/(?:^|[\s$(/])fsdfs ((?:(?![|;&)#]|\s{3}).)+)/g)].map((match) => match[1] ?? ""),
    );
}

/** Words in a document's command line that the program does not know. */
function unknownIn(line: string): string[] {
  const words = line.trim().split(/\s+/);
  const wordsOf = ({ name }: (typeof COMMANDS)[number]) => name.split(" ").length;
  const named = COMMANDS.filter((each) => each.name === words.slice(0, wordsOf(each)).join(" "));
  const command = named.sort((a, b) => wordsOf(b) - wordsOf(a))[0];
  const flags = words.flatMap((word) => /^--([a-z][a-z-]*)/.exec(word)?.[1] ?? []);
  if (command === undefined) {
    const known = /^(COMMAND|help|key|--help|--version)\b/.test(line.trim());
    return known || !/^[a-z]/.test(line) ? [] : [line];
  }
  return flags.filter((flag) => !flagsOf(command).includes(flag)).map((flag) => `${command.name} --${flag}`);
}

describe("the documents", () => {
  test("name only commands and options that exist", () => {
    const found = documents.flatMap(({ path, text }) =>
      commandLines(text).flatMap((line) => unknownIn(line).map((unknown) => `${path}: fsdfs ${unknown}`)),
    );
    expect(found).toEqual([]);
  });

  test("this can fail", () => {
    expect(commandLines("Run `./fsdfs start --nonsense 3`.").flatMap(unknownIn)).toEqual(["start --nonsense"]);
    expect(commandLines("```sh\n$ fsdfs key make\n```").flatMap(unknownIn)).toEqual([]);
    expect(commandLines("```sh\n$ fsdfs pit a b\n```").flatMap(unknownIn)).toEqual(["pit a b"]);
  });

  test("name only environment variables that exist", () => {
    const found = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\bFSDFS_[A-Z_]+\b/g)]
        .filter(([name]) => !allVariables.has(name))
        .map(([name]) => `${path}: ${name}`),
    );
    expect(found).toEqual([]);
  });

  test("docs/OPERATIONS.md describes every option of start", () => {
    const text = readFileSync(join(ROOT, "docs/OPERATIONS.md"), "utf8");
    const missing = Object.values(START_OPTIONS).filter(({ flag }) => !text.includes(`--${flag}`));
    expect(missing.map(({ flag }) => flag)).toEqual([]);
  });
});

describe("what must be there to pass the tests", () => {
  /** Program or file -> Debian package. */
  const needs = new Map(
    [...readFileSync(join(ROOT, ".ci/run"), "utf8").matchAll(/^ {2}\[(\S+)\]=(\S+)$/gm)].map(
      ([, program = "", debianPackage = ""]) => [program, debianPackage],
    ),
  );

  test("is named by README.md", () => {
    const text = readFileSync(join(ROOT, "README.md"), "utf8");
    expect([...needs.values()].filter((name) => !text.includes(name))).toEqual([]);
    expect(needs.size).toBeGreaterThan(4);
  });

  test("is installed by .ci/run, as far as not every Debian has it", () => {
    // git is asked for the project's files, and done without where it is not.
    const everywhere = ["sh", "sleep", "mkfifo", "touch", "git"];
    const started = sources()
      .filter(({ path }) => path.startsWith("tests/") || path.endsWith(".test.ts"))
      .flatMap(({ code }) => [...code.matchAll(/\b(?:spawn|spawnSync|execFile|execFileSync)\)?\(\s*"([a-z]+)"/g)])
      .map(([, program = ""]) => program);
    expect(started).toContain("openssl");
    expect(started.filter((program) => !needs.has(program) && !everywhere.includes(program))).toEqual([]);
  });
});

test("docs/SDK.md names every method of the client", () => {
  const text = readFileSync(join(ROOT, "docs/SDK.md"), "utf8");
  const methods = Object.keys(createClient({ url: "http://localhost:4242" }));
  expect(methods).toContain("put");
  expect(methods.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

describe("the help", () => {
  test.each(COMMANDS.map((command) => [command.name, command] as const))(
    "of %s names only options that exist",
    (_, command) => {
      const named = [...command.help().matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map((match) => match[1] ?? "");
      expect(named.filter((flag) => !allFlags.has(flag))).toEqual([]);
      for (const flag of flagsOf(command)) expect(named).toContain(flag);
    },
  );

  test("the hints of errors name only commands and options that exist", () => {
    const hints = Object.values(ERRORS).map(({ hint }) => hint);
    const lines = hints.flatMap((hint) => commandLines(`\`${hint.replaceAll(/[.,;](\s|$)/g, "`\n`")}\``));
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.flatMap(unknownIn)).toEqual([]);
    const flags = hints.flatMap((hint) =>
      [...hint.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map((match) => match[1] ?? ""),
    );
    expect(flags.filter((flag) => !allFlags.has(flag))).toEqual(flags.filter((flag) => flag === "set-ntp"));
  });
});
