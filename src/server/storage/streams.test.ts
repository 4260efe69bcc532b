import { describe, expect, it } from "vitest";
import type { VersionId } from "../../core/ids.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { encodeJson } from "../mesh/messages.ts";
import { type ReadRequest, Sources } from "../replication/sources.ts";
import { Throttle } from "../replication/throttle.ts";
import type { Copies, OpenCopy } from "./copies.ts";
import { readCopyRange } from "./streams.ts";

const SIZE_BYTES = 10;

/** A copy that tells whether it is open. */
function openCopy() {
  const state = { isOpen: true };
  const stat = async () => ({ modifiedNs: 1n, sizeBytes: SIZE_BYTES });
  const close = async () => {
    state.isOpen = false;
  };
  const file = { read: async (buffer: Uint8Array) => buffer.length, stat, close };
  return { state, copy: { file, modifiedNs: 1n, sizeBytes: SIZE_BYTES } as unknown as OpenCopy };
}

describe("the bytes of a copy", () => {
  it("close it at their end, and when their reader leaves", async () => {
    for (const takes of [2, 1]) {
      const { state, copy } = openCopy();
      const bytes = readCopyRange(copy, 0, SIZE_BYTES);
      for (let i = 0; i < takes; i++) await bytes.next();
      if (takes === 1) await bytes.return(undefined);
      expect(state.isOpen).toBe(false);
    }
  });

  it("close it as well when nobody ever asked for one of them", async () => {
    const { state, copy } = openCopy();
    await readCopyRange(copy, 0, SIZE_BYTES).return(undefined);
    expect(state.isOpen).toBe(false);
  });

  it.each(["pull", "reader"] as const)("close it when who asked for a %s is gone before the first", async (purpose) => {
    const { state, copy } = openCopy();
    type Handler = Parameters<Mesh["handle"]>[1];
    const handlers = new Map<string, Handler>();
    const mesh = { handle: (method: string, handler: Handler) => handlers.set(method, handler) } as unknown as Mesh;
    const copies = { open: async () => copy } as unknown as Copies;
    const clock = { monotonic: () => 0, wall: () => 0, after: () => () => {} };
    const catalog = { read: () => ({ get: () => undefined }) } as unknown as Catalog;
    new Sources(catalog, mesh, copies, new Throttle(clock, undefined));
    const request: ReadRequest = {
      version: `${"0".repeat(14)}-${"0".repeat(12)}` as VersionId,
      start: 0,
      end: SIZE_BYTES,
      purpose,
    };
    const { signal } = new AbortController();
    const answer = await handlers.get("read")!({ message: encodeJson(request), signal } as Parameters<Handler>[0]);
    await answer.body![Symbol.asyncIterator]().return?.();
    expect(state.isOpen).toBe(false);
  });
});
