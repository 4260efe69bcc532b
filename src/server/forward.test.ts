import { expect, test } from "vitest";
import type { Face } from "./face.ts";
import { serveForwarded } from "./forward.ts";
import type { Mesh, ServerHandler, ServerRequest } from "./mesh/mesh.ts";
import { encodeJson } from "./mesh/messages.ts";

const NOW_MS = 1_767_225_600_000;

/** Hands a forwarded removal to a server that knows the sender's clock to be `skewMs` ahead. */
async function removed(sentAtMs: number, skewMs: number): Promise<boolean> {
  let done = false;
  let handler: ServerHandler | undefined;
  const mesh = {
    handle: (_method: string, answer: ServerHandler) => {
      handler = answer;
    },
    link: () => ({ clockSkewMs: skewMs }),
  } as unknown as Mesh;
  const face = {
    remove: async () => {
      done = true;
    },
  } as unknown as Face;
  serveForwarded(mesh, face, { wall: () => NOW_MS, monotonic: () => 0, after: () => () => {} });
  const message = encodeJson({ operation: "remove", args: ["a"], sentAtMs });
  await handler!({ from: "bbbbbbbbbbbb", message } as unknown as ServerRequest).catch(() => undefined);
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
