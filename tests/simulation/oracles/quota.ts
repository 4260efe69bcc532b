/** S3: the bytes that a server says it uses are those that a scan of its disk finds. */
import type { DiskView, RestView } from "../rest.ts";

export function exactQuota(view: RestView): string[] {
  return view.servers.flatMap(({ machine, servers, locations }) => {
    const disk = view.disks.find((candidate) => candidate.machine === machine);
    const told = servers.find((server) => server.self)?.quota.used;
    if (!disk || told === undefined) return [`${machine.name} tells nothing of itself`];
    const ownBytes = [...disk.own.values()].reduce((sum, bytes) => sum + bytes, 0);
    const found = ownBytes + copyBytes(disk, [...locations.values()]);
    const own = [...disk.own].map(([name, bytes]) => `${name} ${bytes}`).join(", ");
    return told === found
      ? []
      : [`${machine.name} says it uses ${told} bytes, its disk holds ${found}: copies and ${own}`];
  });
}

/** Files on the disk that are copies; an operator's own files are none. */
function copyBytes(
  disk: DiskView,
  locations: readonly {
    readonly path: string;
    readonly version: string;
    readonly servers: readonly { readonly id: string }[];
  }[],
): number {
  return locations
    .filter(({ servers }) => servers.some(({ id }) => id === disk.server))
    .reduce((sum, { path, version }) => sum + (disk.sizes.get(path) ?? disk.sizes.get(version) ?? 0), 0);
}
