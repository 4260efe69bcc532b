/**
 * N of single files, where no policy says any: records of a server that wrote them and has left, on the disk of one
 * that is about to start. They spread as those of any absent server do.
 */
import { OwnLog } from "../../../src/core/catalog/own.ts";
import { encodeTarget, TARGET_FIELD } from "../../../src/core/catalog/surplus.ts";
import { CatalogTransaction } from "../../../src/core/catalog/transaction.ts";
import { hybridTimeOf } from "../../../src/core/hybrid-clock.ts";
import type { ServerId } from "../../../src/core/ids.ts";
import type { FilePath } from "../../../src/core/paths.ts";
import type { Machine } from "../machine.ts";

const LEFT = "eeeeeeeeeeee" as ServerId;

/**
 * Only while nothing runs on the machine.
 *
 * @param self the server that is started there: what it has yet to do is indexed by it
 * @param defaultTarget N of the swarm
 */
export async function writeTargets(
  machine: Machine,
  self: ServerId,
  targets: ReadonlyMap<FilePath, number>,
  defaultTarget: number,
): Promise<void> {
  const time = hybridTimeOf(machine.wallMs());
  await machine.catalog.write((view) => {
    const transaction = new CatalogTransaction(view, { self, counts: () => true, defaultTarget });
    const log = new OwnLog(transaction, { server: LEFT, incarnation: time });
    for (const [path, target] of targets) {
      const key = { kind: "path", path, field: TARGET_FIELD } as const;
      log.write(key, { rank: 0, time, server: LEFT }, encodeTarget(target));
    }
    transaction.finish();
  });
  await machine.catalog.flushed();
}
