/** The examples of the reference documents and of the help texts are followed as they stand. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { follow } from "./examples.ts";
import { Namespaces, namespacesAvailable } from "./namespaces.ts";
import { canBeFollowed, FOLLOW_MS_MAX } from "./readings.ts";

describe.runIf(namespacesAvailable())("the examples of the reference documents", () => {
  let namespaces: Namespaces;
  beforeEach(() => {
    namespaces = new Namespaces();
  });
  afterEach(() => namespaces.remove());

  canBeFollowed(["docs/API.md", "docs/OPERATIONS.md"], () => namespaces.add("reader"));

  it(
    "of the help texts can be followed",
    async () => {
      const machine = await namespaces.add("reader");
      const examples = COMMANDS.flatMap((command) =>
        Array.from(command.help().matchAll(/^Examples?: (.*(?:\n {2,}.*)*)/gm), ([, text = ""]) => ({
          name: command.name,
          line: text.replaceAll(/\s+/g, " ").trim(),
        })),
      );
      const order = ["put", ...examples.map(({ name }) => name).filter((name) => name !== "put")];
      examples.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
      expect(examples.map(({ name }) => name)).toEqual(expect.arrayContaining(["put", "get", "find", "sync"]));
      await follow(["fsdfs start", ...examples.map(({ line }) => line)], machine);
    },
    FOLLOW_MS_MAX,
  );
});
