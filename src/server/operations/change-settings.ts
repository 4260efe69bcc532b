/** Writing settings of the swarm, on which every server that is up agrees when it is done. */
import { FsdfsError } from "../../errors.ts";
import type { Change } from "../catalog/change.ts";
import { afterChange } from "../failures.ts";
import type { Parts } from "../parts.ts";
import { checkNotJoining } from "../swarms/messages.ts";

/** @throws FsdfsError `behind`, `clock-wrong`, `merging` */
export async function changeSettings(parts: Parts, apply: (change: Change) => void): Promise<void> {
  const { catalog, readiness } = parts;
  readiness.checkClock();
  if (!(await readiness.becomesFresh())) throw new FsdfsError("behind");
  const number = await catalog.change((change) => {
    checkNotJoining(change.view);
    apply(change);
    return change.number;
  });
  await afterChange(async () => {
    await catalog.flushed();
    await readiness.known(number);
  });
}
