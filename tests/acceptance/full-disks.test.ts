/** Five full servers, of which one is lost for good (issue 4: section 8, S3, P3). `npm run test:full` does it with music. */
import { expect, test } from "vitest";
import { SeededRandom } from "../simulation/random.ts";
import { bestSurplus, bestSurpluses, fullDisks } from "./full-disks.ts";

const FILES = 24;
const FILE_BYTES = 200_000;
/** Files that each has room for, and a bit that is room for none: two and a half copies of each file. */
const SLOTS = [8, 10, 12, 14, 16];
const VICTIM = 1;
const ARGS = ["--grace", "5s", "--processes", "1"];

test("a server of five that are full is lost for good: every file gets the best surplus that the quotas left allow, nothing is lost, and no server is ever over its quota", async () => {
  const random = SeededRandom.of(7, "full disks");
  const files = new Map(Array.from({ length: FILES }, (_, at) => [`music/${at}.ogg`, random.bytes(FILE_BYTES)]));
  const best = (quotas: readonly number[]) => bestSurpluses(FILES, FILE_BYTES, quotas);
  const quotas = SLOTS.map((slots) => (slots + 0.6) * FILE_BYTES);

  const figures = await fullDisks({
    ...{
      files,
      quotas,
      victim: VICTIM,
      args: ARGS,
      timeoutMs: 120_000,
      tell: (line) => console.log(`full disks: ${line}`),
    },
    isRest: (surpluses, _, left) => JSON.stringify(surpluses) === JSON.stringify(best(left)),
  });

  const left = quotas.filter((_, at) => at !== VICTIM);
  expect(figures.surplusesBefore).toEqual(best(quotas));
  expect(figures.surplusesAfter).toEqual(best(left));
  expect(figures.surplusesAfter[0]).toBe(-1);
  expect(
    bestSurplus(
      [...files.values()].map(({ length }) => length),
      left,
    ),
  ).toBe(-1);
  expect(figures.movedBytes).toBeGreaterThan(0);
  for (const { mostBytes, mostPlainBytes, quotaBytes } of figures.quotas) {
    expect(mostBytes).toBeLessThanOrEqual(quotaBytes);
    expect(mostPlainBytes).toBeGreaterThan(quotaBytes - 2 * FILE_BYTES);
  }
}, 300_000);
