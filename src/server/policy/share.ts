/**
 * Which server evaluates which file: of those that are up, not behind (C10), have the policy and can write their catalog, the
 * first for the path by rendezvous.
 */
import type { ServerId } from "../../core/ids.ts";
import { rendezvousWeight } from "../../core/rendezvous.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { ServerReport } from "../mesh/messages.ts";

export interface Share {
  /** Another one when other servers are up. */
  readonly key: string;
  has(path: string): boolean;
}

/** Whether a server that is up asks about no file: it lacks the policy, or could not write what it says. */
export function leavesFiles({ lacksPolicy, diskAlarm }: ServerReport): boolean {
  return lacksPolicy === true || diskAlarm?.catalog === true;
}

export function shareOf(mesh: Mesh, self: ServerId): Share {
  const others = mesh.upLinks().flatMap(({ server, report }) => (report.behind || leavesFiles(report) ? [] : [server]));
  return {
    key: others.sort().join(" "),
    has: (path) => {
      if (others.length === 0) return true;
      const digest = rendezvousWeight(path, "").toString(36); // A path may be long, and servers many.
      const own = rendezvousWeight(digest, self);
      return others.every((other) => {
        const weight = rendezvousWeight(digest, other);
        return weight < own || (weight === own && other > self);
      });
    },
  };
}
