import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { fromUtf8, utf8 } from "../../core/bytes.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { FsdfsError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { BUNDLE_METHOD, Bundler, bundleHandler } from "./bundles.ts";
import type { ServerHandler } from "./mesh.ts";

const PIECE_BYTES = 3;

/** A clock on which nothing comes due but what is let come due. */
function stillClock() {
  const due = new Set<() => void>();
  const clock = {
    after: (_ms: number, callback: () => void) => {
      due.add(callback);
      return () => void due.delete(callback);
    },
  } as unknown as Clock;
  return { clock, pass: () => [...due].map((callback) => callback()) };
}

/** A bundler whose other side has these handlers, and the number of calls in each of its requests. */
function pair(handlers: Record<string, (message: string) => Promise<string>>) {
  const requests: Bytes[] = [];
  const known = new Map<string, ServerHandler>();
  for (const [method, handler] of Object.entries(handlers)) {
    known.set(method, async ({ message }) => ({ head: utf8(await handler(fromUtf8(message))) }));
  }
  const answer = bundleHandler(known);
  const { clock, pass } = stillClock();
  const from = "00" as never;
  const bundler = new Bundler(clock, async (message, _timeoutMs, signal) => {
    requests.push(message);
    const { body } = await answer({ from, message, body: (async function* () {})(), signal });
    return inBytes(body!, signal);
  });
  const call = async (method: string, message: string) => fromUtf8(await bundler.call(method, utf8(message)));
  return { bundler, call, requests, pass };
}

/**
 * Three bytes at a time, as a wire may hand them over: Buffers, whose memory is used again when the next is asked for. It
 * breaks when the signal is aborted.
 */
async function* inBytes(body: AsyncIterable<Bytes>, signal: AbortSignal): AsyncGenerator<Bytes> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")));
  });
  aborted.catch(() => undefined);
  const pieces = body[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await Promise.race([pieces.next(), aborted]);
    if (done === true) return;
    for (let at = 0; at < value.length; at += PIECE_BYTES) {
      const piece = Buffer.from(value.subarray(at, at + PIECE_BYTES));
      yield piece;
      piece.fill(0xdb);
    }
  }
}

test("calls of one turn share a request, and each gets its own answer", async () => {
  const { call, requests } = pair({ twice: async (text) => text + text });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => call("twice", `${i}.`)));
  expect(answers).toEqual(Array.from({ length: 20 }, (_, i) => `${i}.${i}.`));
  expect(requests.length).toBe(1);
});

test("P4: an answer is its caller's, though what it came in is used again", async () => {
  const { bundler } = pair({ echo: async (text) => text });
  const texts = Array.from({ length: 20 }, (_, i) => "x".repeat(i));
  const answers = await Promise.all(texts.map((text) => bundler.call("echo", utf8(text))));
  expect(answers.map(fromUtf8)).toEqual(texts);
});

test("an answer does not wait for those of slower calls in the same request", async () => {
  const slow = Promise.withResolvers<string>();
  const { call, requests } = pair({ slow: () => slow.promise, quick: async (text) => text });
  const waiting = call("slow", "");
  expect(await call("quick", "now")).toBe("now");
  expect(requests.length).toBe(1);
  slow.resolve("late");
  expect(await waiting).toBe("late");
});

test("while two requests have no answer yet, calls are gathered for the next", async () => {
  const held: (() => void)[] = [];
  const { call, requests } = pair({
    held: (text) => new Promise((resolve) => void held.push(() => resolve(text))),
  });
  const calls: Promise<string>[] = [];
  for (let i = 0; i < 10; i++) {
    calls.push(call("held", String(i)));
    await nextTurn();
  }
  expect(requests.length).toBe(2);
  held[0]?.();
  expect(await calls[0]).toBe("0");
  await nextTurn();
  expect(requests.length).toBe(3);
  for (const release of held) release();
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 10 }, (_, i) => String(i)));
});

test("no request has more calls or bytes than the other side takes, and a large call goes alone", async () => {
  const { call, requests } = pair({ size: async (text) => String(text.length) });
  const sizes = [...Array<number>(200).fill(1), 100_000, 100_000, 500_000, 1];
  expect(await Promise.all(sizes.map((size) => call("size", "x".repeat(size))))).toEqual(sizes.map(String));
  expect(requests.map(({ length }) => length).filter((length) => length > 130_000).length).toBe(1);
  expect(requests.length).toBeGreaterThan(5);
});

test("a call that fails is told its own error, and no other is", async () => {
  const { call } = pair({
    full: async () => {
      throw new FsdfsError("body-incomplete", { received: 7 });
    },
    buggy: async () => {
      throw new Error("a secret");
    },
    right: async (text) => text,
  });
  const [full, buggy, right, unknown, nested] = await Promise.allSettled([
    call("full", ""),
    call("buggy", ""),
    call("right", "yes"),
    call("unknown", ""),
    call(BUNDLE_METHOD, ""),
  ]);
  expect(full).toMatchObject({ reason: { code: "body-incomplete", params: { received: 7 } } });
  expect(buggy).toMatchObject({ reason: { code: "internal", message: expect.not.stringContaining("secret") } });
  expect(right).toMatchObject({ value: "yes" });
  expect(unknown).toMatchObject({ reason: { code: "method-not-allowed" } });
  expect(nested).toMatchObject({ reason: { code: "method-not-allowed" } });
});

test("what is not answered in time fails, and what was answered before does not", async () => {
  const { call, pass } = pair({ never: () => new Promise(() => undefined), quick: async (text) => text });
  const [never, quick] = [call("never", ""), call("quick", "now")];
  expect(await quick).toBe("now");
  pass();
  await expect(never).rejects.toThrow("aborted");
});
