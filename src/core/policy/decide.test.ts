import { expect, test } from "vitest";
import { CONFIRM_MS, decide, type Said } from "./decide.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const said = (some: Partial<Said>) =>
  decide({
    stated: undefined,
    defaultTarget: 3,
    answer: 3,
    before: undefined,
    isFirst: false,
    setAgoMs: undefined,
    ...some,
  });

test("N that is as the policy says stays, stated or by default", () => {
  expect(said({})).toBe("keep");
  expect(said({ stated: 5, answer: 5, isFirst: true })).toBe("keep");
  expect(said({ stated: 5, answer: 3, isFirst: true })).toBe("write");
});

test("what is said for the first time counts at once", () => {
  expect(said({ answer: 5, isFirst: true })).toBe("write");
  expect(said({ answer: 1, isFirst: true, setAgoMs: 0 })).toBe("write");
});

test("afterwards N changes when the same was said twice, some seconds apart", () => {
  expect(said({ answer: 5 })).toBe("confirm");
  expect(said({ answer: 5, before: { answer: 5, ageMs: CONFIRM_MS - 1 } })).toBe("confirm");
  expect(said({ answer: 5, before: { answer: 4, ageMs: CONFIRM_MS } })).toBe("confirm");
  expect(said({ answer: 5, before: { answer: 5, ageMs: CONFIRM_MS } })).toBe("write");
});

test("N that this policy has set is lowered once a day at most, and raised whenever it is to be", () => {
  const before = { answer: 4, ageMs: CONFIRM_MS };
  expect(said({ stated: 5, answer: 4, before, setAgoMs: DAY_MS - 1 })).toBe("keep");
  expect(said({ stated: 5, answer: 4, before, setAgoMs: DAY_MS })).toBe("write");
  expect(said({ stated: 5, answer: 4, before })).toBe("write");
  expect(said({ stated: 3, answer: 4, before, setAgoMs: 0 })).toBe("write");
});
