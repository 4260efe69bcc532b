import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyServer } from "../../tests/catalog/arbitrary.ts";
import { type HybridTime, isServerId, isSwarmId, isVersionId, versionId, versionServer, versionTime } from "./ids.ts";

const anyTime = fc.maxSafeNat().map((time) => time as HybridTime);

describe("ids", () => {
  it("a version tells its time and its server", () => {
    fc.assert(
      fc.property(anyTime, anyServer, (time, server) => {
        const version = versionId(time, server);
        expect(isVersionId(version)).toBe(true);
        expect([versionTime(version), versionServer(version)]).toEqual([time, server]);
      }),
    );
  });

  it("versions sort by age as text", () => {
    fc.assert(
      fc.property(anyTime, anyTime, anyServer, anyServer, (a, b, one, two) => {
        fc.pre(a !== b);
        expect(versionId(a, one) < versionId(b, two)).toBe(a < b);
      }),
    );
  });

  it.each(["", "00000000000", "0000000000000", "00000000000A", "00000000000g", " 00000000000", "000000000001\n"])(
    "%j is no server",
    (text) => {
      expect(isServerId(text)).toBe(false);
    },
  );

  it("takes only its own kind for one", () => {
    const [server, swarm] = ["0123456789ab", "0123456789abcdef"];
    const version = `${"0".repeat(14)}-${server}`;
    expect([isServerId(server), isServerId(swarm), isServerId(version)]).toEqual([true, false, false]);
    expect([isSwarmId(server), isSwarmId(swarm), isSwarmId(version)]).toEqual([false, true, false]);
    expect([isVersionId(server), isVersionId(swarm), isVersionId(version)]).toEqual([false, false, true]);
  });
});
