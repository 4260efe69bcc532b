import { describe, expect, it } from "vitest";
import { NetworkError } from "../../ports/network.ts";
import { IncomingBody } from "./incoming-body.ts";

const WINDOW_BYTES = 800;

function incoming() {
  const told = { granted: 0, left: 0 };
  const body = new IncomingBody(WINDOW_BYTES, {
    granted: (bytes) => {
      told.granted += bytes;
    },
    left: () => {
      told.left += 1;
    },
  });
  return { body, told };
}

describe("a body that arrives", () => {
  it("is read in order, and grants what was read", async () => {
    const { body, told } = incoming();
    const reading = body.bytes();
    for (let i = 0; i < 4; i++) {
      body.arrived(Buffer.alloc(100, i));
      expect((await reading.next()).value?.[0]).toBe(i);
    }
    expect(told.granted).toBe(400);
    body.arrived(Buffer.alloc(100, 4));
    body.end();
    const rest: number[] = [];
    for await (const piece of { [Symbol.asyncIterator]: () => reading }) rest.push(piece[0]!);
    expect(rest).toEqual([4]);
    expect(told).toEqual({ granted: 400, left: 0 }); // Nothing more comes: nobody need be told.
  });

  it("is read in pieces of more than came in each, when many have come", async () => {
    const { body } = incoming();
    for (let i = 0; i < 4; i++) body.arrived(Buffer.alloc(100, i));
    body.end();
    const pieces: Buffer[] = [];
    for await (const piece of body.bytes()) pieces.push(Buffer.from(piece));
    expect(pieces.map(({ length }) => length)).toEqual([400]);
    expect(pieces[0]).toEqual(Buffer.concat([0, 1, 2, 3].map((i) => Buffer.alloc(100, i))));
  });

  it("is an error for its reader when the rest does not come, behind what has (P4)", async () => {
    const { body } = incoming();
    body.arrived(Buffer.from("half"));
    body.fail(new NetworkError("closed", "cut"));
    body.end(); // Too late to make it whole.
    const reading = body.bytes();
    expect(Buffer.from((await reading.next()).value!).toString()).toBe("half");
    await expect(reading.next()).rejects.toMatchObject({ code: "closed" });
  });

  it("that was whole stays so, whatever becomes of the connection", async () => {
    const { body } = incoming();
    body.end();
    body.fail(new NetworkError("closed", "cut"));
    expect((await body.bytes().next()).done).toBe(true);
  });

  it("is refused beyond what was granted, read or not", async () => {
    const { body } = incoming();
    body.arrived(Buffer.alloc(WINDOW_BYTES - 1));
    await body.bytes().next();
    body.arrived(Buffer.alloc(WINDOW_BYTES)); // The first was granted anew.
    expect(() => body.arrived(Buffer.alloc(1))).toThrow(RangeError);
  });

  it("that its reader leaves early tells so once, and one that was left at its end does not", async () => {
    const early = incoming();
    await early.body.bytes().return?.();
    expect(early.told.left).toBe(1);
    const whole = incoming();
    whole.body.end();
    await whole.body.bytes().return?.();
    expect(whole.told.left).toBe(0);
  });
});
