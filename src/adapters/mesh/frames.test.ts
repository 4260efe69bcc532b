import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DATA_BYTES_MAX,
  encodeFrame,
  FRAME,
  FRAME_HEADER_BYTES,
  type FrameKind,
  FrameReader,
  frameHeader,
} from "./frames.ts";

interface Told {
  readonly kind: FrameKind;
  readonly exchange: number;
  readonly payload: Buffer;
}

/** Reads a wire that is cut at these places. What comes of one body's pieces is put together. */
function read(wire: Buffer, cuts: readonly number[]): Told[] {
  const told: Told[] = [];
  const reader = new FrameReader({
    frame: (kind, exchange, payload) => told.push({ kind, exchange, payload: Buffer.from(payload) }),
    data(exchange, bytes) {
      const last = told.at(-1);
      if (last?.kind === FRAME.data && last.exchange === exchange) {
        told[told.length - 1] = { ...last, payload: Buffer.concat([last.payload, bytes]) };
      } else told.push({ kind: FRAME.data, exchange, payload: Buffer.from(bytes) });
    },
  });
  const places = [...new Set(cuts.map((cut) => cut % (wire.length + 1)))].sort((a, b) => a - b);
  for (const [i, place] of [0, ...places].entries()) reader.take(wire.subarray(place, places[i] ?? wire.length));
  return told;
}

const kinds = Object.values(FRAME).filter((kind) => kind !== FRAME.data);
const frame = fc.record({
  kind: fc.constantFrom(...kinds),
  exchange: fc.nat({ max: 0xffff_ffff }),
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});
const cuts = fc.array(fc.nat({ max: 5_000 }), { maxLength: 8 });

describe("frames on the wire", () => {
  it("come out as they went in, wherever the transport cuts them", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), cuts, (frames, cuts) => {
        const wire = Buffer.concat(
          frames.map(({ kind, exchange, payload }) =>
            encodeFrame(kind, exchange, payload.subarray(0, 7), payload.subarray(7)),
          ),
        );
        expect(read(wire, cuts)).toEqual(frames);
      }),
    );
  });

  it("of bodies are told piece by piece, all bytes in order, each to its exchange (P4)", () => {
    const pieces = fc.array(fc.record({ exchange: fc.nat({ max: 2 }), bytes: fc.uint8Array({ maxLength: 200 }) }));
    fc.assert(
      fc.property(pieces, cuts, (pieces, cuts) => {
        const wire = Buffer.concat(
          pieces.flatMap(({ exchange, bytes }) => [frameHeader(FRAME.data, exchange, bytes.length), bytes]),
        );
        const told = read(wire, cuts);
        for (const exchange of [0, 1, 2]) {
          const of = (list: readonly { exchange: number; bytes: Uint8Array }[]) =>
            Buffer.concat(list.filter((each) => each.exchange === exchange).map(({ bytes }) => bytes));
          expect(of(told.map(({ exchange, payload }) => ({ exchange, bytes: payload })))).toEqual(of(pieces));
        }
      }),
    );
  });

  it("are not told before they are whole, unless they are pieces of a body", () => {
    const wire = encodeFrame(FRAME.response, 7, Buffer.from("abc"));
    for (let length = 0; length < wire.length; length++) expect(read(wire.subarray(0, length), [])).toEqual([]);
    const body = Buffer.concat([frameHeader(FRAME.data, 7, 3), Buffer.from("ab")]);
    expect(read(body, [])).toEqual([{ kind: FRAME.data, exchange: 7, payload: Buffer.from("ab") }]);
  });

  it.each([
    ["of no kind", 0, 0],
    ["of an unknown kind", 14, 0],
    ["with more of a body than a frame may hold", FRAME.data, DATA_BYTES_MAX + 1],
    ["with a head that is longer than any may be", FRAME.request, 0x7fff_ffff],
  ])("%s are refused from their header", (_name, kind, length) => {
    const header = frameHeader(kind as FrameKind, 1, length);
    expect(() => read(header, [])).toThrow(RangeError);
    expect(read(header.subarray(0, FRAME_HEADER_BYTES - 1), [])).toEqual([]);
  });
});
