import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { FsdfsError } from "../../errors.ts";
import type { ManyVariablesOptions, Principal, VariableChange, VariableFailure } from "../../server/face.ts";
import { LINE_ERRORS_MAX, LINES_AT_ONCE, UNDER_WAY_MAX, VariableLines } from "./variable-lines.ts";

const PRINCIPAL: Principal = { scope: "write" };
const MISSING: VariableFailure = { code: "file-not-found", message: "There is none.", hint: "Look." };

/** Lines handed on together, until the test makes them and lets them be acknowledged. */
interface Call {
  readonly changes: readonly VariableChange[];
  readonly made: () => void;
  readonly acknowledge: (failures?: readonly (VariableFailure | null)[]) => void;
  readonly fail: (error: Error) => void;
}

class HeldFace {
  readonly calls: Call[] = [];

  async setManyVariables(changes: readonly VariableChange[], { onMade }: ManyVariablesOptions = {}) {
    const { promise, resolve, reject } = Promise.withResolvers<(VariableFailure | null)[]>();
    const none = () => changes.map(() => null);
    this.calls.push({
      changes,
      made: () => onMade?.(),
      acknowledge: (failures) => resolve([...(failures ?? none())]),
      fail: reject,
    });
    return await promise;
  }
}

const textOf = (number: number) => `file${number}\tplays=${number}`;

async function addAll(lines: VariableLines, count: number, text = textOf) {
  for (let number = 1; number <= count; number++) await lines.add({ number, text: text(number) });
  return await lines.end();
}

/** Everything that can go on has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
}

describe("lines of variables", () => {
  it("V1: are handed on when those before them are made, and before these are acknowledged", async () => {
    const face = new HeldFace();
    const told = addAll(new VariableLines(face, PRINCIPAL), 2 * LINES_AT_ONCE + 1);
    for (const handedOn of [1, 2, 3]) {
      await settled();
      expect(face.calls).toHaveLength(handedOn);
      face.calls[handedOn - 1]!.made();
    }
    for (const { acknowledge } of face.calls.toReversed()) acknowledge();
    expect(await told).toEqual({ lines: 801, changed: 801, failed: 0, errors: [] });
    expect(face.calls.flatMap(({ changes }) => changes.map(({ value }) => value))).toEqual(
      Array.from({ length: 801 }, (_, i) => i + 1),
    );
  });

  it("are told of when all are acknowledged, and no more than some are under way before", async () => {
    const face = new HeldFace();
    let isTold = false;
    const told = addAll(new VariableLines(face, PRINCIPAL), (UNDER_WAY_MAX + 1) * LINES_AT_ONCE);
    void told.then(() => {
      isTold = true;
    });
    for (let i = 0; i < UNDER_WAY_MAX; i++) {
      await settled();
      face.calls[i]!.made();
    }
    await settled();
    expect(face.calls).toHaveLength(UNDER_WAY_MAX);
    for (const { acknowledge } of face.calls.slice(1)) acknowledge();
    await settled();
    expect(face.calls).toHaveLength(UNDER_WAY_MAX);
    face.calls[0]!.acknowledge();
    await settled();
    expect(face.calls).toHaveLength(UNDER_WAY_MAX + 1);
    face.calls.at(-1)!.made();
    await settled();
    expect(isTold).toBe(false);
    face.calls.at(-1)!.acknowledge();
    expect((await told).changed).toBe((UNDER_WAY_MAX + 1) * LINES_AT_ONCE);
  });

  it("what some meet as a whole is told when those before them are done, and no more is handed on", async () => {
    const face = new HeldFace();
    const told = addAll(new VariableLines(face, PRINCIPAL), 10 * LINES_AT_ONCE);
    told.catch(() => undefined);
    for (let i = 0; i < UNDER_WAY_MAX; i++) {
      await settled();
      face.calls[i]!.made();
    }
    face.calls[0]!.fail(new FsdfsError("interrupted"));
    face.calls[1]!.acknowledge();
    await expect(told).rejects.toMatchObject({ code: "interrupted" });
    face.calls[2]!.fail(new FsdfsError("stopping"));
    face.calls[3]!.acknowledge();
    await settled();
    expect(face.calls).toHaveLength(UNDER_WAY_MAX);
  });

  it("that fail before they are made are the last", async () => {
    const face = new HeldFace();
    const told = addAll(new VariableLines(face, PRINCIPAL), 10 * LINES_AT_ONCE);
    told.catch(() => undefined);
    await settled();
    face.calls[0]!.made();
    await settled();
    face.calls[1]!.fail(new FsdfsError("no-space"));
    await expect(told).rejects.toMatchObject({ code: "no-space" });
    face.calls[0]!.acknowledge();
    await settled();
    expect(face.calls).toHaveLength(2);
  });

  it("the first that were wrong are told in their order, whatever was acknowledged first", async () => {
    const face = new HeldFace();
    const wrong = (number: number) => (number % 2 === 0 ? "no tab" : textOf(number));
    const told = addAll(new VariableLines(face, PRINCIPAL), 4 * LINES_AT_ONCE, wrong);
    for (let i = 0; i < 4; i++) {
      await settled();
      face.calls[i]!.made();
    }
    await settled();
    for (const { changes, acknowledge } of face.calls.toReversed()) {
      acknowledge(changes.map((_, i) => (i % 2 === 0 ? MISSING : null)));
      await settled();
    }
    const { changed, failed, errors } = await told;
    expect([changed, failed]).toEqual([LINES_AT_ONCE, 3 * LINES_AT_ONCE]);
    const wanted = Array.from({ length: 4 * LINES_AT_ONCE }, (_, i) => i + 1).filter((line) => line % 4 !== 3);
    expect(errors.map(({ line }) => line)).toEqual(wanted.slice(0, LINE_ERRORS_MAX));
    expect(errors.slice(0, 3).map(({ code }) => code)).toEqual(["file-not-found", "line-invalid", "line-invalid"]);
  });
});
