import { spawnSync } from "node:child_process";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createLeaseRegister, type OwnLeaseRegister } from "./lease-register.ts";

const MODULE = new URL("./lease-register.ts", import.meta.url).href;

describe("the lease register", () => {
  let register: OwnLeaseRegister | undefined;
  afterEach(() => register?.close());

  it("has no lease at first, and then what was written last", () => {
    register = createLeaseRegister();
    expect(register.read()).toEqual({ until: 0, revision: 0, changes: 0 });
    const lease = { until: register.now() + 0.25, revision: 2 ** 40, changes: 7 };
    register.write(lease);
    expect(register.read()).toEqual(lease);
  });

  it("M2: has none any more when the machine has slept", () => {
    register = createLeaseRegister();
    register.write({ until: register.now() + 900, revision: 1, changes: 1 });
    const woken = Date.now() + 3_600_000;
    vi.spyOn(Date, "now").mockReturnValue(woken);
    expect(register.read()).toEqual({ until: 0, revision: 1, changes: 1 });
    vi.restoreAllMocks();
  });

  it("F6: is the same for another process, and so is its clock", () => {
    register = createLeaseRegister();
    register.write({ until: 12.5, revision: 3, changes: 9 });
    const program = `const { openLeaseRegister } = await import(${JSON.stringify(MODULE)});
      const register = openLeaseRegister(3);
      console.log(JSON.stringify({ ...register.read(), now: register.now() }));
      register.write({ until: 0, revision: 4, changes: 9 });`;
    const before = register.now();
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["ignore", "pipe", "inherit", register.descriptor],
      encoding: "utf8",
    });
    const { now, ...lease } = JSON.parse(stdout) as { now: number; until: number; revision: number; changes: number };
    expect(lease).toEqual({ until: 12.5, revision: 3, changes: 9 });
    expect(now).toBeGreaterThan(before);
    expect(now).toBeLessThan(register.now());
    expect(register.read()).toEqual({ until: 0, revision: 4, changes: 9 });
  });
});
