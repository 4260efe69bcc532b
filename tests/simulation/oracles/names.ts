/** P4: a version's name is given to one content only, whatever happened to the catalog and the clock of who gave it. */
import type { VersionId } from "../../../src/core/ids.ts";
import type { History, Operation } from "../history.ts";

export function namesGivenOnce(history: History): string[] {
  const named = new Map<VersionId, Operation>();
  return history.operations.flatMap((put) => {
    if (put.kind !== "put" || put.version === undefined) return [];
    const before = named.get(put.version);
    named.set(put.version, put);
    if (before === undefined || before.sha256 === put.sha256) return [];
    return [`#${before.id} and #${put.id} of different contents are both version ${put.version}`];
  });
}
