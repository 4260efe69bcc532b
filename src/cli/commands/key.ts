/** `fsdfs key create|list|revoke`: the keys of people and programs (section 10). */
import { hostname, userInfo } from "node:os";
import { option, parseChoice } from "../../options.ts";
import type { KeyInfo } from "../../server/face.ts";
import { Bulk } from "../bulk.ts";
import type { Command } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { formatTime, shown, table, writeJson } from "../output.ts";

const SCOPES = ["read", "write", "admin"] as const;

const create = clientCommand({
  name: "key create",
  summary: "Makes a key and shows it, once.",
  usage: "",
  details: "Send it as 'Authorization: Bearer KEY', or give it to fsdfs by --key or FSDFS_KEY.",
  options: {
    scope: option(
      {
        flag: "scope",
        placeholder: SCOPES.join("|"),
        defaultText: "write",
        help: "What the key may: read; write as well; or all, which is admin.",
      },
      (text) => parseChoice(text, SCOPES),
      "write" as const,
    ),
    name: option(
      { flag: "name", placeholder: "NAME", defaultText: "user@host", help: "Whose it is, for the list of keys." },
      String,
      undefined,
    ),
  },
  positionals: [0, 0],
  run: async ({ client, values, context }) => {
    const created = await client.createKey(values.name ?? `${userInfo().username}@${hostname()}`, values.scope);
    if (values.json) writeJson(context.out, created);
    else {
      context.out.write(`${created.secret}\n`);
      context.err.write(`This ${created.scope} key ${created.id} is shown only now.\n`);
    }
    return 0;
  },
});

const list = clientCommand({
  name: "key list",
  summary: "Lists the keys, without their secrets.",
  usage: "",
  options: {},
  positionals: [0, 0],
  run: async ({ client, values, context }) => {
    const keys = await client.listKeys();
    if (values.json) writeJson(context.out, { keys });
    else context.out.write(describe(keys));
    return 0;
  },
});

const revoke = clientCommand({
  name: "key revoke",
  summary: "Makes keys worthless, on every server.",
  usage: "ID...",
  options: {},
  positionals: [1, 100],
  run: async ({ client, values, positionals, context }) => {
    const bulk = new Bulk(context.err);
    const revoked: string[] = [];
    for (const id of positionals) {
      await bulk.attempt(id, async () => {
        await client.revokeKey(id);
        revoked.push(id);
      });
    }
    const code = bulk.finish();
    if (values.json) writeJson(context.out, { revoked, errors: bulk.failures });
    return code;
  },
});

export const KEY_COMMANDS: readonly Command[] = [create, list, revoke];

function describe(keys: readonly KeyInfo[]): string {
  return table(keys, [
    { title: "KEY", value: (key) => key.id },
    { title: "SCOPE", value: (key) => key.scope },
    { title: "CREATED", value: (key) => formatTime(key.created) },
    { title: "NAME", value: (key) => shown(key.name) },
  ]);
}
