/** The examples of the documents that are read first are followed as they stand; the others by examples.long.test.ts. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { follow, typedCommands } from "./examples.ts";
import { Namespaces, namespacesAvailable } from "./namespaces.ts";
import { canBeFollowed } from "./readings.ts";

describe.runIf(namespacesAvailable())("the examples of the documents", () => {
  let namespaces: Namespaces;
  beforeEach(() => {
    namespaces = new Namespaces();
  });
  afterEach(() => namespaces.remove());

  canBeFollowed(["README.md", "docs/POLICY.md"], () => namespaces.add("reader"));

  it("this can fail", async () => {
    const machine = await namespaces.add("reader");
    await expect(follow(["./fsdfs status --server http://127.0.0.1:1"], machine)).rejects.toThrow("FAILED");
    expect(() => typedCommands("```sh\ntrue\n```", { notRun: { false: "is none" } })).toThrow("not among the examples");
  });
});
