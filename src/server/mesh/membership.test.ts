/** What a server knows of its own standing still. */
import { expect, test } from "vitest";
import { Membership, type MembershipParts } from "./membership.ts";

/** A membership that only its clock matters to. */
function begin() {
  const now = { monotonicMs: 1_000, wallMs: 1_767_225_600_000 };
  const listens = { onKnown: () => {}, onAnswered: () => {}, onChange: () => {}, onRolledBack: () => {} };
  const parts = {
    clock: { monotonic: () => now.monotonicMs, wall: () => now.wallMs, after: () => () => {} },
    ...{ greeting: listens, mesh: listens, settings: listens, catalog: listens },
  } as unknown as MembershipParts;
  return { now, membership: new Membership(parts) };
}

test("M2: a process that was stopped stood still", () => {
  const { now, membership } = begin();
  const asked = now.monotonicMs;
  now.monotonicMs += 1_000;
  now.wallMs += 1_000;
  expect(membership.stoodStillSince(asked)).toBe(false);
  now.monotonicMs += 10_000;
  now.wallMs += 10_000;
  expect(membership.stoodStillSince(asked)).toBe(true);
});

test("M2: so did one whose machine slept, and with it the clock that goes on otherwise", () => {
  const { now, membership } = begin();
  now.wallMs += 3_600_000;
  expect(membership.stoodStillSince(now.monotonicMs)).toBe(true);
});

test("M2: a clock that is set back is no standstill", () => {
  const { now, membership } = begin();
  now.wallMs -= 3_600_000;
  expect(membership.stoodStillSince(now.monotonicMs)).toBe(false);
});
