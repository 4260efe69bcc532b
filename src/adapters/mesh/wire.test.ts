import { PassThrough, Writable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NetworkError } from "../../ports/network.ts";
import { MessageReader, writeHead, writeMessage } from "./wire.ts";

const HEAD_MAX = 1_000;

/** What is on the wire for a message. */
async function encoded(head: Uint8Array, body?: readonly Uint8Array[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      parts.push(Buffer.from(chunk));
      done();
    },
  });
  if (body) await writeMessage(sink, head, chunks(body));
  else writeHead(sink, head);
  return Buffer.concat(parts);
}

async function* chunks(of: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* of;
}

async function decoded(wire: Uint8Array, cuts: readonly number[]): Promise<{ head: Buffer; body: Buffer }> {
  const stream = new PassThrough();
  const reader = new MessageReader(stream, HEAD_MAX);
  const places = [...new Set(cuts.map((cut) => cut % (wire.length + 1)))].sort((a, b) => a - b);
  for (const [i, place] of [0, ...places].entries()) stream.write(wire.subarray(place, places[i] ?? wire.length));
  stream.end();
  const head = Buffer.from(await reader.head());
  const parts: Uint8Array[] = [];
  for await (const chunk of reader.body(() => {})) parts.push(chunk);
  return { head, body: Buffer.concat(parts) };
}

const head = fc.uint8Array({ maxLength: HEAD_MAX });
const body = fc.option(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), { nil: undefined });
const cuts = fc.array(fc.nat({ max: 5_000 }), { maxLength: 6 });

describe("a message on the wire", () => {
  it("comes out as it went in, wherever the transport cuts it", async () => {
    await fc.assert(
      fc.asyncProperty(head, body, cuts, async (head, body, cuts) => {
        const back = await decoded(await encoded(head, body), cuts);
        expect(back.head.equals(head)).toBe(true);
        expect(back.body.equals(Buffer.concat(body ?? []))).toBe(true);
      }),
    );
  });

  it("that ends early is an error at whatever byte it ends, never a shorter message (P4)", async () => {
    await fc.assert(
      fc.asyncProperty(head, body, fc.nat(), cuts, async (head, body, place, cuts) => {
        const wire = await encoded(head, body);
        const outcome = decoded(wire.subarray(0, place % wire.length), cuts);
        await expect(outcome).rejects.toMatchObject({ code: "closed" });
      }),
    );
  });

  it("with a head over the limit is refused from its first four bytes", async () => {
    const wire = await encoded(new Uint8Array(HEAD_MAX + 1));
    const failure = await decoded(wire.subarray(0, 4), []).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NetworkError);
    expect(failure).toMatchObject({ code: "too-large" });
  });

  it("asks for the next chunk of its body only when the one before has left", async () => {
    let written = 0;
    let release = () => {};
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        written += chunk.length;
        release = done;
      },
    });
    let asked = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for (; asked < 3; ) {
        asked += 1;
        yield new Uint8Array(10);
      }
    }
    const sending = writeMessage(slow, new Uint8Array(0), counted());
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toBe(1);
    let ended = false;
    void sending.then(() => {
      ended = true;
    });
    while (!ended) {
      release();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(asked).toBe(3);
    expect(written).toBeGreaterThan(30);
  });
});
