/** `fsdfs stat PATH...`: all that the swarm knows of files and directories. */
import type { Client } from "../../client/client.ts";
import { formatVariable } from "../../core/catalog/variable-text.ts";
import { parseDirectoryPath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import { Bulk } from "../bulk.ts";
import { clientCommand } from "../connection.ts";
import { JsonList } from "../json-list.ts";
import { formatSize, formatTime, shown } from "../output.ts";
import { remoteKind } from "../remote.ts";

export const stat = clientCommand({
  name: "stat",
  summary: "Shows what is known of files: size, SHA-256, version, copies, heat, variables.",
  usage: "PATH...",
  details: "Example: fsdfs stat /documents/README.md",
  options: {},
  positionals: [1, 1000],
  run: async ({ client, values, positionals, context }) => {
    const bulk = new Bulk(context.err);
    const list = values.json ? new JsonList(context.out, "entries") : undefined;
    for (const path of positionals) {
      await bulk.attempt(path, async () => {
        const found = await statOf(client, path);
        if (list === undefined) context.out.write(describe(found));
        else list.add(found);
      });
    }
    list?.end({ errors: bulk.failures });
    return bulk.finish();
  },
});

type Found = Awaited<ReturnType<typeof statOf>>;

async function statOf(client: Client, path: string) {
  const nothing = { size: 0, modified: null, sha256: null, version: null, target: null, copies: null, surplus: null };
  if (parseDirectoryPath(path) === "" || path.endsWith("/")) {
    await client.list(path, { limit: 1 });
    return { path: parseDirectoryPath(path), type: "directory" as const, ...nothing, servers: [] };
  }
  try {
    const { modified } = await client.head(path);
    const { path: parsed, ...located } = await client.locate(path);
    const [heat = null] = await client.heat([path]);
    return { path: parsed, type: "file" as const, modified, heat, ...located };
  } catch (error) {
    // An answer to a HEAD has a status only, and that of a directory has others' as well.
    if (!(error instanceof FsdfsError) || (await remoteKind(client, path)) !== "directory") throw error;
    return { path: parseDirectoryPath(path), type: "directory" as const, ...nothing, servers: [] };
  }
}

function describe(found: Found): string {
  if (found.type === "directory") return `${shown(`/${found.path}`)}\n  type      directory\n`;
  const exact = `${found.size.toLocaleString("en-US")} bytes`;
  const lines = [
    ["type", "file"],
    ["size", found.size < 1000 ? exact : `${exact} (${formatSize(found.size)})`],
    ["modified", formatTime(found.modified)],
    ["sha256", found.sha256],
    ["version", found.version],
    ["copies", `${found.copies} of ${found.target} wanted, surplus ${found.surplus}`],
    ["servers", found.servers.map(({ name, state }) => (state === "up" ? name : `${name} (${state})`)).join(", ")],
    ["heat", `${(found.heat ?? 0).toFixed(1)} reads an hour`],
    ...Object.entries(found.variables ?? {}).map(([name, value]) => ["variable", `${name}=${formatVariable(value)}`]),
  ];
  return `${shown(`/${found.path}`)}\n${lines.map(([name, value]) => `  ${name?.padEnd(10)}${shown(value ?? "-")}\n`).join("")}`;
}
