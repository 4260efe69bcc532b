import fc from "fast-check";
import { expect, it } from "vitest";
import { anyPath, serverNumbered } from "../../../tests/catalog/arbitrary.ts";
import { MemoryView } from "../../../tests/catalog/memory-view.ts";
import type { HybridTime } from "../ids.ts";
import { type FilePath, parentOf } from "../paths.ts";
import { encodeContent } from "./content.ts";
import { childrenKey, entryKey, tableRange } from "./keys.ts";
import type { ReadView } from "./kv.ts";
import { CONTENT_FIELD } from "./merge.ts";
import { decodeRegisters, encodeRegisters, type Register } from "./rows.ts";
import { childrenIn, countTree, isLive, noteLive } from "./tree.ts";

const stamp = { rank: 0, time: 5 as HybridTime, server: serverNumbered(1) };
const MADE = encodeContent({ type: "directory" });
const DELETED = encodeContent({ type: "deleted", movedTo: undefined });

function registersOf(value: Uint8Array | undefined): Register[] {
  return value === undefined ? [] : [{ field: CONTENT_FIELD, stamp, value, marks: [] }];
}

function write(view: MemoryView, path: FilePath, registers: Register[]): void {
  if (registers.length === 0) view.remove(entryKey(path));
  else view.put(entryKey(path), encodeRegisters(registers));
}

const counts = (view: ReadView) => [...view.range(tableRange("directories"))];

function isLiveIn(view: MemoryView, path: FilePath): boolean {
  const row = view.get(entryKey(path));
  return row !== undefined && isLive(decodeRegisters(row)) === true;
}

function counted(view: MemoryView) {
  countTree(view);
  return counts(view);
}

const anyChanges = fc.array(fc.tuple(anyPath, fc.constantFrom(MADE, MADE, DELETED, undefined)), { maxLength: 40 });

it("what changes is counted as a count of everything has it", () => {
  fc.assert(
    fc.property(anyChanges, (changes) => {
      const view = new MemoryView();
      const now = new Map<FilePath, Register[]>();
      for (const [path, value] of changes) {
        const registers = registersOf(value);
        const before = isLive(now.get(path) ?? []);
        write(view, path, registers);
        noteLive(view, path, before, isLive(registers));
        now.set(path, registers);
      }
      const kept = counts(view);
      expect(kept).toEqual(counted(view));
    }),
  );
});

it("the children of a directory are counted anew when what was at one of them cannot be read (C5)", () => {
  fc.assert(
    fc.property(anyChanges, anyPath, fc.boolean(), (changes, damaged, isBack) => {
      const view = new MemoryView();
      for (const [path, value] of changes) write(view, path, registersOf(value));
      counted(view);
      const registers = registersOf(isBack ? MADE : DELETED);
      write(view, damaged, registers);
      noteLive(view, damaged, undefined, isLive(registers));
      const kept = counts(view);
      expect(kept).toEqual(counted(view));
    }),
  );
});

it("the children of a directory are counted anew when their number cannot be read (C5)", () => {
  fc.assert(
    fc.property(anyChanges, anyPath, (changes, path) => {
      const view = new MemoryView();
      for (const [at, value] of changes) write(view, at, registersOf(value));
      const wasThere = isLiveIn(view, path);
      countTree(view);
      const inParent = childrenIn(view, parentOf(path));
      view.put(childrenKey(parentOf(path)), Uint8Array.of(0xff));
      expect(childrenIn(view, parentOf(path))).toBe(inParent);
      const registers = registersOf(wasThere ? DELETED : MADE);
      write(view, path, registers);
      noteLive(view, path, wasThere, !wasThere);
      if (childrenIn(view, path) > 0) return; // It is there as before.
      const kept = counts(view);
      expect(kept).toEqual(counted(view));
    }),
  );
});
