/** S2 and P5: what an acknowledged put brought is at some path, or lies in the trash, where nothing wants its room. */
import type { History } from "../history.ts";
import type { RestView } from "../rest.ts";
import { BIN } from "../trash-clients.ts";

export function restorable(history: History, view: RestView): string[] {
  return view.servers.flatMap(({ machine, locations, trash }) => {
    const there = new Set([...locations.values(), ...trash].map(({ version }) => version));
    return history.operations.flatMap(({ id, kind, path, outcome, version }) => {
      // Below BIN clients delete files forever.
      const isMeant = kind === "put" && outcome === "acknowledged" && !path.startsWith(BIN);
      if (!isMeant || version === undefined || there.has(version)) return [];
      return [`${machine.name} has neither a file nor trash of put #${id} of ${path}, version ${version}`];
    });
  });
}
