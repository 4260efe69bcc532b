/** Every example of the documents is followed as it stands. What is left out says why. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { documentText, follow, type Reading, typedCommands } from "./examples.ts";
import { Namespaces, namespacesAvailable } from "./namespaces.ts";

const PASSWORD = "./fsdfs-data/.fsdfs/password";

const READINGS: Readonly<Record<string, Reading>> = {
  "README.md": {
    fillIn: {
      "start --password ...": `start --data ./second --port 5000 --password-file ${PASSWORD}`,
      "/tmp/": "./",
    },
    notRun: { "./fsdfs demo": "tests/acceptance/demo.test.ts plays it" },
  },
  "docs/API.md": {
    before: ["./fsdfs start --detach --fetch-private", "./fsdfs put song.ogg /music/a.ogg"],
    fillIn: {
      "fsdfs_…": "$(./fsdfs key create --scope admin)",
      "https://example.org/live.ogg": "$URL/files/music/song.ogg",
    },
  },
  "docs/POLICY.md": {
    before: [
      "./fsdfs start --detach",
      "./fsdfs put song.ogg /music/a.ogg",
      "sed -n '/^```ts$/,/^```$/{/^```/!p}' docs/POLICY.md > policy.ts",
    ],
  },
  "docs/OPERATIONS.md": {
    fillIn: {
      "/srv/fsdfs": "./srv",
      "/etc/fsdfs/password": "./srv/.fsdfs/password",
      "203.0.113.7:4242": "127.0.0.1:4242",
      "fsdfs_...": "$(./fsdfs key create --data ./srv --scope admin)",
    },
    instead: {
      "./fsdfs start --detach --data /srv/fsdfs": "./fsdfs stop --data ./srv && ./fsdfs start --detach --data ./srv",
      "./fsdfs stop --data /srv/fsdfs": "./fsdfs stop --data ./srv && ./fsdfs start --detach --data ./srv",
      "./fsdfs start --data /srv/fsdfs --password-file /etc/fsdfs/password":
        "./fsdfs start --data ./second --port 5000 --password-file ./srv/.fsdfs/password",
      "./fsdfs start --data /srv/fsdfs --password-file /etc/fsdfs/password --join 203.0.113.7":
        "./fsdfs start --data ./third --port 5010 --password-file ./srv/.fsdfs/password --join 127.0.0.1",
      "./fsdfs start --data /srv/fsdfs --password-file /etc/fsdfs/password --join 203.0.113.7:5000 --join files.example.org":
        "./fsdfs start --data ./fourth --name attic --port 5020 --password-file ./srv/.fsdfs/password --join 127.0.0.1:5000 --join localhost",
      "./fsdfs key revoke 3f9c21d07a44":
        "./fsdfs key revoke $(./fsdfs key list --json | grep -o '[0-9a-f]\\{12\\}' | head -1)",
      "./fsdfs locate music/song.ogg": "./fsdfs locate Music/song.ogg",
      "./fsdfs verify music --rate 50M": "./fsdfs verify Music --rate 50M",
    },
    notRun: {
      "git clone <the address of this repository> fsdfs": "this is the checkout",
      "cd fsdfs": "this is the checkout",
      "git pull": "this is the checkout",
      "rm -r /srv/fsdfs/.fsdfs": "the examples that follow need the server",
      "./fsdfs drain attic": "it waits until others have copied everything; control.test.ts does",
      "./fsdfs remove attic": "control.test.ts does",
      "./fsdfs merge other-host": "merge.test.ts does",
      "./fsdfs merge other-host --yes": "merge.test.ts does",
    },
  },
};

/** A document has some eighty commands, each of which is a process that starts, and several are servers. */
const TIMEOUT_MS = 300_000;

describe.runIf(namespacesAvailable())("the examples of the documents", () => {
  let namespaces: Namespaces;
  beforeEach(() => {
    namespaces = new Namespaces();
  });
  afterEach(() => namespaces.remove());

  it.each(Object.entries(READINGS))(
    "of %s can be followed",
    async (path, reading) => {
      const machine = await namespaces.add("reader");
      const commands = typedCommands(await documentText(path), reading);
      expect(commands.length).toBeGreaterThan(3);
      const output = await follow(commands, machine);
      expect(output).not.toMatch(/\bat .*\.ts:\d+/);
    },
    TIMEOUT_MS,
  );

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
    TIMEOUT_MS,
  );

  it("this can fail", async () => {
    const machine = await namespaces.add("reader");
    await expect(follow(["./fsdfs status --server http://127.0.0.1:1"], machine)).rejects.toThrow("FAILED");
    expect(() => typedCommands("```sh\ntrue\n```", { notRun: { false: "is none" } })).toThrow("not among the examples");
  });
});
