import { expect, test } from "vitest";
import type { FilePath } from "../../core/paths.ts";
import type { Parts } from "../parts.ts";
import { move } from "./change-names.ts";

test("a move that ends amid its changes is told as interrupted: 'behind' says that nothing was done, and is repeated", async () => {
  let changes = 0;
  const parts: { [Name in "readiness" | "catalog"]: Partial<Parts[Name]> } = {
    readiness: {
      checkClock: () => undefined,
      stillWanted: () => () => undefined,
      becomesFresh: async () => changes === 0,
      known: async () => undefined,
    },
    catalog: {
      // Some are left each time.
      change: (async () => ({ answer: true, number: ++changes })) as unknown as Parts["catalog"]["change"],
      flushed: async () => undefined,
    },
  };
  const moving = move(parts as unknown as Parts, "a" as FilePath, "b" as FilePath);
  await expect(moving).rejects.toMatchObject({ code: "interrupted" });
  expect(changes).toBe(1);
});
