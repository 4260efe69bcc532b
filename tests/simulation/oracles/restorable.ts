/**
 * S2 and P5: what an acknowledged put brought is at some path, or lies in the trash, where nothing wants its room; as that version
 * or, where it was overwritten by its own bytes, as another.
 */
import type { History } from "../history.ts";
import type { RestView } from "../rest.ts";
import { BIN } from "../trash-clients.ts";

export function restorable(history: History, view: RestView): string[] {
  return view.servers.flatMap(({ machine, locations, trash }) => {
    const all = [...locations.values(), ...trash];
    const there = new Set<string | null | undefined>(
      all.flatMap(({ version, sha256 }) => [version, sha256 ?? version]),
    );
    return history.operations.flatMap(({ id, kind, path, outcome, version, sha256 }) => {
      // Below BIN clients delete files forever.
      const isMeant = kind === "put" && outcome === "acknowledged" && !path.startsWith(BIN);
      if (!isMeant || version === undefined || there.has(version) || there.has(sha256)) return [];
      return [`${machine.name} has neither a file nor trash of put #${id} of ${path}, version ${version}`];
    });
  });
}
