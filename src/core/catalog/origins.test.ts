import { expect, it } from "vitest";
import type { HybridTime, ServerId } from "../ids.ts";
import { originKey } from "./keys.ts";
import type { WriteView } from "./kv.ts";
import { ORIGINS_MAX, OriginTable } from "./origins.ts";
import { encodeOriginRow } from "./rows.ts";

const SERVER = "aaaaaaaaaaaa" as ServerId;

/** A catalog that knows as many origins as there can be. */
function full(): WriteView {
  const rows = Array.from({ length: ORIGINS_MAX }, (_, index) => ({
    key: originKey(index),
    value: encodeOriginRow({
      ...{ server: SERVER, incarnation: index as HybridTime },
      ...{ contiguous: 0, seen: 0, floor: 0, chain: 0 },
    }),
  }));
  return { get: () => undefined, range: () => rows, put: () => {}, remove: () => {} };
}

it("C6: one origin more than there are indexes is refused, and takes nobody's place", () => {
  const table = new OriginTable(full());
  expect(table.intern({ server: SERVER, incarnation: 7 as HybridTime })).toBe(7);
  expect(() => table.intern({ server: SERVER, incarnation: ORIGINS_MAX as HybridTime })).toThrow("65536 origins");
  expect(table.changed.size).toBe(0);
});
