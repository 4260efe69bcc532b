/** P3 and honest numbers: at rest every file has its copies, and K and the holders are what the disks hold. */
import type { Location, ServerInfo } from "../../../src/server/face.ts";
import type { Losses } from "../losses.ts";
import type { DiskView, RestView } from "../rest.ts";

export function copies(view: RestView, losses: Losses, copiesWanted: number): string[] {
  return view.servers.flatMap(({ machine, locations, servers }) => {
    const all = [...locations.values()];
    return all.flatMap((location) => {
      const places = all.filter(({ version }) => version === location.version).map(({ path }) => path);
      const problem =
        dishonest(location, places, view.disks, losses, countsNot(servers)) ?? tooFew(location, copiesWanted);
      return problem ? [`${location.path} ${location.version}: ${problem}, says ${machine.name}`] : [];
    });
  });
}

/** Servers that are drained: their copies are there, and count for no K. */
function countsNot(servers: readonly ServerInfo[]): ReadonlySet<string> {
  return new Set(servers.filter(({ settings }) => settings.draining).map(({ id }) => id));
}

/**
 * K equals the disks: who is said to hold it has it, right, and nobody else has it. A file that two servers moved at the
 * same moment is at both places, and each copy of it lies at one of them.
 */
function dishonest(
  location: Location,
  places: readonly string[],
  disks: readonly DiskView[],
  losses: Losses,
  countsNot: ReadonlySet<string>,
): string | undefined {
  const said = new Set<string>(location.servers.map(({ id }) => id));
  for (const { machine, server, files } of disks) {
    if (losses.isRotten(machine, location.sha256)) continue;
    const isAt = (name: string) => files.get(name) === location.sha256;
    const found = files.get([...places, location.version].find(isAt) ?? location.path);
    const has = found === location.sha256;
    if (has && !said.has(server) && !losses.mayLieForgotten(machine, location.sha256))
      return `${machine.name} has a copy that nobody counts`;
    if (!has && said.has(server)) return `${machine.name} is said to hold it, and has ${found ?? "nothing"}`;
  }
  const counted = location.servers.filter(({ id, state }) => state !== "absent" && !countsNot.has(id)).length;
  if (location.copies !== counted) return `K is told as ${location.copies}, with ${counted} holders`;
  if (location.surplus !== location.copies - location.target) return `a surplus of ${location.surplus}`;
  return undefined;
}

function tooFew(location: Location, wanted: number): string | undefined {
  return location.copies < wanted ? `${location.copies} copies where ${wanted} are possible` : undefined;
}
