import { describe, expect, test } from "vitest";
import type { Face } from "../../server/face.ts";
import type { Call, Operation } from "./operation.ts";
import { merge } from "./operations/merge.ts";
import { move } from "./operations/move.ts";

describe("a request whose work grows with the swarm", () => {
  test.each<[string, Operation, object, string]>([
    ["move", move, { from: "a", to: "b" }, "move"],
    ["planMerge", merge, { with: "other:4243", dryRun: true }, "planMerge"],
  ])("%s lets its connection stand still meanwhile", async (_, operation, body, method) => {
    const order: string[] = [];
    const face = { [method]: async () => void order.push(method) } as unknown as Face;
    const call: Partial<Call> = {
      face,
      principal: { scope: "admin" },
      json: async () => body,
      outlasting: () => {
        order.push("outlasting");
        return new AbortController().signal;
      },
    };
    await operation.run(call as Call);
    expect(order).toEqual(["outlasting", method]);
  });
});
