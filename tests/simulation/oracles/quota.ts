/** S3: the bytes that a server says it uses are those that a scan of its disk finds. */
import type { Location } from "../../../src/server/face.ts";
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

/**
 * Files on the disk that are copies; an operator's own files are none. A version that is at two paths has one copy, at either of
 * them: what lies at the other need not be fsdfs's.
 */
function copyBytes(disk: DiskView, locations: readonly Location[]): number {
  const held = locations.filter(({ servers }) => servers.some(({ id }) => id === disk.server));
  const versions = [...Map.groupBy(held, ({ version }) => version).values()];
  return versions.reduce((sum, places) => sum + sizeOnDisk(disk, places), 0);
}

function sizeOnDisk({ sizes }: DiskView, places: readonly Location[]): number {
  const { version, size } = places[0]!;
  const found = [...places.map(({ path }) => sizes.get(path)), sizes.get(version)].filter((each) => each !== undefined);
  return found.includes(size) ? size : (found[0] ?? 0);
}
