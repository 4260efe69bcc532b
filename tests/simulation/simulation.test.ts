/**
 * A share of the simulation, in processes of its own: seeds that once found something, some that did not, and every so
 * manieth case of the crash enumeration. The whole of it is `npm run simulate`.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { SIMULATING } from "./node-options.ts";
import pinned from "./pinned-seeds.json" with { type: "json" };

const PROGRAM = fileURLToPath(new URL("main.ts", import.meta.url));
const SEEDS = 12;
const CASES_STRIDE = 101;
const TIMEOUT_MS = 300_000;

function simulate(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 64 * 1024 * 1024, env: { ...process.env, ...SIMULATING.env } };
    execFile(process.execPath, [PROGRAM, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error ? 1 : 0, output: `${stdout}${stderr}` });
    });
  });
}

describe("the simulation", () => {
  it("a run of one seed repeats itself bit for bit, and another seed is another run", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const hashOf = async (seed: number) =>
      /"hash":"([0-9a-f]+)"/.exec((await simulate("--seed", String(seed))).output)?.[1];
    const [one, again, other] = await Promise.all([hashOf(3), hashOf(3), hashOf(4)]);
    expect(one).toMatch(/^[0-9a-f]{8}$/);
    expect(again).toBe(one);
    expect(other).not.toBe(one);
  });

  it.each([
    ["long runs", pinned.long, ["--long"]],
    ["runs of the size that the seed draws", pinned.drawn, []],
  ])("seeds that once found a fault find none: %s", { timeout: TIMEOUT_MS }, async (_, seeds, options) => {
    const { code, output } = await simulate(...options, "--list", seeds.join(","));
    expect(output).toContain(`${seeds.length} seeds, 0 failed`);
    expect(code).toBe(0);
  });

  it("random faults break no promise", { timeout: TIMEOUT_MS }, async () => {
    const { code, output } = await simulate("--from", "1000", "--seeds", String(SEEDS));
    expect(output).toContain(`${SEEDS} seeds, 0 failed`);
    expect(code).toBe(0);
  });

  it("crashes and power cuts at port calls of every operation break no promise", { timeout: TIMEOUT_MS }, async () => {
    const { code, output } = await simulate("--crashes", "--stride", String(CASES_STRIDE));
    expect(output).toMatch(/\d+ of \d+ cases/);
    expect(output).not.toContain("FAILED");
    expect(code).toBe(0);
  });
});
