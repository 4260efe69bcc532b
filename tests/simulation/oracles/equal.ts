/** At rest all servers tell the same: the same listing, the same holders, the same bytes. */
import type { RestView, ServerView } from "../rest.ts";

export function equalCatalogs(view: RestView): string[] {
  const [first, ...others] = view.servers;
  if (!first) return [];
  return others.flatMap((other) =>
    difference(first, other).map((text) => `${first.machine.name} and ${other.machine.name}: ${text}`),
  );
}

function difference(one: ServerView, other: ServerView): string[] {
  const paths = [...new Set([...one.entries.keys(), ...other.entries.keys()])].sort();
  const differing = paths.flatMap((path) => {
    const [a, b] = [one, other].map((server) => told(server, path));
    return a === b ? [] : [`${path} is ${a} and ${b}`];
  });
  if (one.status.files !== other.status.files || one.status.bytes !== other.status.bytes) {
    differing.push(
      `${one.status.files} files of ${one.status.bytes} bytes, ${other.status.files} of ${other.status.bytes}`,
    );
  }
  return differing;
}

function told(server: ServerView, path: string): string {
  const entry = server.entries.get(path);
  const holders = server.locations.get(path)?.servers.map((holder) => holder.name);
  const content = server.contents.get(path);
  const read = content?.kind === "file" ? content.sha256.slice(0, 8) : (content?.kind ?? "");
  const variables = JSON.stringify(entry?.variables);
  return [entry?.type, entry?.version, entry?.copies, variables, holders?.sort().join("+"), read].join(" ");
}
