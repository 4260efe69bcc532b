/** How catalogs are compared with each other. */
import { expect, test } from "vitest";
import { ByteReader } from "../../core/bytes.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Claims } from "./claims.ts";
import type { Intake } from "./intake.ts";
import type { Membership } from "./membership.ts";
import type { Mesh } from "./mesh.ts";
import { SelfCheck } from "./self-check.ts";

test("C5: what cannot be compared keeps nothing behind it from being compared", async () => {
  const ending = new AbortController();
  const asked: string[] = [];
  const link = {
    report: { behind: false },
    call: async (_method: string, message: Uint8Array) => {
      asked.push(new ByteReader(message).text());
      if (asked.length === 3) ending.abort();
      throw new Error("too large");
    },
  };
  const mesh = { handle: () => {}, upLinks: () => [link] } as unknown as Mesh;
  const catalog = { read: () => ({ get: () => undefined, range: () => [] }) } as unknown as Catalog;
  const membership = { isBehind: false } as unknown as Membership;
  const claims = { isBelow: () => false } as unknown as Claims;
  const random: Random = { fraction: () => 0, bytes: (length) => new Uint8Array(length) };
  const after: Clock["after"] = (_ms, callback) => {
    queueMicrotask(callback);
    return () => {};
  };
  const clock: Clock = { monotonic: () => 0, wall: () => 0, after };
  const log = { warn: () => {}, info: () => {} } as unknown as Log;
  const check = new SelfCheck(catalog, mesh, membership, {} as unknown as Intake, claims, random, log);
  check.unit.start(clock, log, ending.signal);
  await check.unit.ended();
  expect(asked).toEqual(["entries", "versions", "settings"]);
});
