import { describe, expect, it } from "vitest";
import { serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { MemoryView } from "../../../tests/catalog/memory-view.ts";
import { clear } from "../../server/catalog/clear.ts";
import type { HybridTime } from "../ids.ts";
import { discard } from "./discard.ts";
import { type Table, tableRange } from "./keys.ts";
import type { KeyRange, KeyValue } from "./kv.ts";

const ROWS = 2_500;
const HELD_MAX = 1_000;
const TABLES: readonly Table[] = ["entries", "versions", "log", "work", "copies"];

/** Counts how many rows it has answered since one of them was changed. */
class CountingView extends MemoryView {
  heldMax = 0;
  #held = 0;

  override *range(range: KeyRange): Iterable<KeyValue> {
    for (const row of super.range(range)) {
      this.#held += 1;
      this.heldMax = Math.max(this.heldMax, this.#held);
      yield row;
    }
  }

  override put(...row: Parameters<MemoryView["put"]>): void {
    this.#held = 0;
    super.put(...row);
  }

  override remove(...row: Parameters<MemoryView["remove"]>): void {
    this.#held = 0;
    super.remove(...row);
  }
}

function viewOfMany(): CountingView {
  const view = new CountingView();
  for (const table of TABLES) {
    const [first] = tableRange(table).start;
    for (let i = 0; i < ROWS; i++) {
      const key = new Uint8Array(15); // As long as that of a version, whose first bytes are its time.
      key[0] = first!;
      new DataView(key.buffer).setUint32(5, i);
      view.put(key, Uint8Array.of(1));
    }
  }
  return view;
}

const rowsOf = (view: MemoryView, table: Table): number => [...view.range(tableRange(table))].length;

describe("a catalog that is emptied", () => {
  it("C7: gives way to another without being held in memory at once", () => {
    const view = viewOfMany();
    const self = serverNumbered(1);
    discard(view, {
      context: { self, counts: () => true, defaultTarget: 3 },
      origin: { server: self, incarnation: 1 as HybridTime },
      floors: [],
      known: () => 0,
      leave: () => {},
    });
    expect(view.heldMax).toBeLessThanOrEqual(HELD_MAX);
    expect(rowsOf(view, "entries")).toBe(0);
    expect([rowsOf(view, "copies"), rowsOf(view, "todo")]).toEqual([ROWS, ROWS]);
  });

  it("C11: is thrown away without being held in memory at once", () => {
    const view = viewOfMany();
    clear(view);
    expect(view.heldMax).toBeLessThanOrEqual(HELD_MAX);
    for (const table of TABLES) expect(rowsOf(view, table)).toBe(0);
  });
});
