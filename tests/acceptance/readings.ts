/** What a reader of each document does before its examples, fills in, and leaves out with the reason. */
import { expect, it } from "vitest";
import { documentText, follow, type Reading, typedCommands } from "./examples.ts";
import type { Namespace } from "./namespaces.ts";

const PASSWORD = "./fsdfs-data/.fsdfs/password";

/** Saves one of the policies of the document. */
const policyOf = (block: number, file: string) =>
  `awk '/^\`\`\`$/ {on = 0} on; /^\`\`\`ts$/ {on = ++blocks == ${block}}' docs/POLICY.md > ${file}`;

const READINGS = {
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
      ...[policyOf(1, "policy.ts"), policyOf(2, "preferring.ts")],
      "./fsdfs policy try preferring.ts",
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
} satisfies Readonly<Record<string, Reading>>;

/** A document has some eighty commands, each of which is a process that starts, and several are servers. */
export const FOLLOW_MS_MAX = 300_000;

/** A test for each: its examples are followed as they stand, on a machine of their own. */
export function canBeFollowed(documents: readonly (keyof typeof READINGS)[], machine: () => Promise<Namespace>): void {
  it.each(documents)(
    "of %s can be followed",
    async (path) => {
      const commands = typedCommands(await documentText(path), READINGS[path]);
      expect(commands.length).toBeGreaterThan(3);
      const output = await follow(commands, await machine());
      expect(output).not.toMatch(/\bat .*\.ts:\d+/);
    },
    FOLLOW_MS_MAX,
  );
}
