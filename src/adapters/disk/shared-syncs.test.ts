import { describe, expect, it } from "vitest";
import { SharedSyncs } from "./shared-syncs.ts";

/** Syncs that end when they are told to. */
function held() {
  const begun: { readonly name: string; readonly end: PromiseWithResolvers<void> }[] = [];
  const syncs = new SharedSyncs((name) => {
    const end = Promise.withResolvers<void>();
    begun.push({ name, end });
    return end.promise;
  });
  return { begun, syncs };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

describe("shared syncs of directories", () => {
  it("P3: whoever asks while a sync is under way waits for one that began later, and all of them for the same", async () => {
    const { begun, syncs } = held();
    const first = syncs.sync("a");
    let [second, third] = [false, false];
    void syncs.sync("a").then(() => (second = true));
    void syncs.sync("a").then(() => (third = true));
    begun[0]!.end.resolve();
    await first;
    await settled();
    expect({ second, third, begun: begun.length }).toEqual({ second: false, third: false, begun: 2 });
    let fourth = false;
    void syncs.sync("a").then(() => (fourth = true));
    begun[1]!.end.resolve();
    await settled();
    expect({ second, third, fourth, begun: begun.length }).toEqual({
      second: true,
      third: true,
      fourth: false,
      begun: 3,
    });
    begun[2]!.end.resolve();
    await settled();
    expect(fourth).toBe(true);
    void syncs.sync("a");
    expect(begun).toHaveLength(4);
  });

  it("S4: a sync that fails fails those that shared it, and no other", async () => {
    const { begun, syncs } = held();
    const first = syncs.sync("a");
    const second = syncs.sync("a");
    const third = syncs.sync("a");
    begun[0]!.end.reject(new Error("io"));
    await expect(first).rejects.toThrow("io");
    await settled();
    begun[1]!.end.resolve();
    await Promise.all([second, third]);
    expect(begun).toHaveLength(2);
  });

  it("directories do not wait for each other", () => {
    const { begun, syncs } = held();
    void syncs.sync("a");
    void syncs.sync("b");
    expect(begun.map(({ name }) => name)).toEqual(["a", "b"]);
  });
});
