/** A server's face that tests can look behind: each method may be replaced, and what is open is counted. */
import type { Face } from "../../src/server/face.ts";

const METHODS = [
  "put",
  "makeDirectory",
  "head",
  "open",
  "remove",
  "move",
  "heat",
  "setVariables",
  "setManyVariables",
  "list",
  "locate",
  "status",
  "servers",
  "serverFiles",
  "drop",
  "adopt",
  "verify",
  "events",
  "health",
  "configureServer",
  "configureSwarm",
  "removeServer",
  "clock",
  "repairClock",
  "merge",
  "planMerge",
  "mergeState",
  "listTrash",
  "restore",
  "emptyTrash",
  "policy",
  "tryPolicy",
  "setPolicy",
  "resetPolicy",
  "policyLog",
  "createKey",
  "listKeys",
  "revokeKey",
  "authenticate",
] as const satisfies readonly (keyof Face)[];

export interface ObservedFace extends Face {
  /** Contents that were opened and not closed. */
  openContents: number;
  begunPuts: number;
  /** Of those, the ones that have ended, well or not. */
  endedPuts: number;
}

export function observe(face: Face): ObservedFace {
  const bound = Object.fromEntries(METHODS.map((method) => [method, face[method].bind(face)])) as unknown as Face;
  const observed: ObservedFace = { ...bound, openContents: 0, begunPuts: 0, endedPuts: 0 };
  observed.put = async (path, body, options) => {
    observed.begunPuts += 1;
    try {
      return await face.put(path, body, options);
    } finally {
      observed.endedPuts += 1;
    }
  };
  observed.open = async (path, options) => {
    const opened = await face.open(path, options);
    if (opened.kind === "redirect") return opened;
    observed.openContents += 1;
    const close = async () => {
      observed.openContents -= 1;
      await opened.close();
    };
    return { ...opened, close };
  };
  return observed;
}
