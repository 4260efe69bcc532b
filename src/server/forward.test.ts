import { expect, test } from "vitest";
import type { OutgoingResponse } from "../ports/network.ts";
import type { EntryInfo, Face } from "./face.ts";
import { serveForwarded } from "./forward.ts";
import type { Mesh, ServerHandler, ServerRequest } from "./mesh/mesh.ts";
import { encodeJson } from "./mesh/messages.ts";

const NOW_MS = 1_767_225_600_000;

/** Hands a forwarded call to a server that knows the sender's clock to be `skewMs` ahead. */
async function forwarded(face: Partial<Face>, call: object, skewMs = 0): Promise<OutgoingResponse> {
  let handler: ServerHandler | undefined;
  const mesh = {
    handle: (_method: string, answer: ServerHandler) => {
      handler = answer;
    },
    link: () => ({ clockSkewMs: skewMs }),
  } as unknown as Mesh;
  serveForwarded(mesh, face as Face, { wall: () => NOW_MS, monotonic: () => 0, after: () => () => {} });
  return await handler!({ from: "bbbbbbbbbbbb", message: encodeJson(call) } as unknown as ServerRequest);
}

async function removed(sentAtMs: number, skewMs: number): Promise<boolean> {
  let done = false;
  const remove = async () => {
    done = true;
  };
  await forwarded({ remove }, { operation: "remove", args: ["a"], sentAtMs }, skewMs).catch(() => undefined);
  return done;
}

test("M2: what was forwarded before a cut is not carried out when the cut has healed", async () => {
  expect(await removed(NOW_MS - 1_000, 0)).toBe(true);
  expect(await removed(NOW_MS - 20_000, 0)).toBe(false);
});

test("M2: how long it was under way is told by the sender's clock, right or not", async () => {
  expect(await removed(NOW_MS - 31_000, -30_000)).toBe(true);
  expect(await removed(NOW_MS + 10_000, 30_000)).toBe(false);
});

test("a file that was opened for another server is closed though that one has gone before it read any", async () => {
  let isClosed = false;
  async function* stream(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1);
  }
  const close = async () => {
    isClosed = true;
  };
  const open = async () => ({ kind: "content" as const, info: { version: "v" } as EntryInfo, stream, close });
  const call = { operation: "open", args: ["a", {}, "v", 0, 1], sentAtMs: NOW_MS };
  const { body } = await forwarded({ open }, call);
  await body![Symbol.asyncIterator]().return?.();
  expect(isClosed).toBe(true);
});
