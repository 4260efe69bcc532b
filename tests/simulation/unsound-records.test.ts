/** A server of the swarm that sends records that say what cannot be: whole servers in simulated time. */
import { describe, expect, it } from "vitest";
import { MemoryNetwork } from "../../src/adapters/memory/network.ts";
import { encodeBatch } from "../../src/core/catalog/batch.ts";
import { encodeContent } from "../../src/core/catalog/content.ts";
import type { CatalogRecord, RegisterKey } from "../../src/core/catalog/types.ts";
import { hybridTimeOf } from "../../src/core/hybrid-clock.ts";
import type { ServerId, SwarmId, VersionId } from "../../src/core/ids.ts";
import type { FilePath } from "../../src/core/paths.ts";
import { encodeEnvelope } from "../../src/server/mesh/messages.ts";
import { play, putText } from "./play.ts";
import { PASSWORD, type Swarm } from "./swarm.ts";

const ROGUE = "0123456789ab" as ServerId;

/** Sends `records` to the first server as one of the swarm does. */
async function send(swarm: Swarm, records: readonly CatalogRecord[]): Promise<void> {
  const { world, fabric, machines } = swarm;
  const [first] = machines;
  const status = await first!.ask((face) => face.status(), 1_000);
  const network = new MemoryNetwork({ fabric, host: "10.0.0.99", port: 4243, password: PASSWORD, scheduler: world });
  fabric.hostUp("10.0.0.99");
  const connection = await network.connect(first!.address, "control");
  const announcements = [{ origin: records[0]!.origin, number: records.length, chain: 0, floor: 0 }];
  const message = encodeBatch({ records, announcements });
  const head = encodeEnvelope({ from: ROGUE, swarm: status.swarm as SwarmId, generation: 0, message });
  await connection.request({ method: "records", head, timeoutMs: 5_000 });
  connection.close();
}

function directories(paths: readonly string[], wallMs: number): CatalogRecord[] {
  const incarnation = hybridTimeOf(wallMs);
  return paths.map((path, at) => ({
    key: { kind: "path", path: path as FilePath, field: "content" },
    stamp: { rank: 0, time: incarnation, server: ROGUE },
    value: encodeContent({ type: "directory" }),
    origin: { server: ROGUE, incarnation },
    number: at + 1,
  }));
}

describe("a record with a path that is none", () => {
  it("S7, C3: is left out on every server; those that came with it are merged everywhere, and the sync goes on", () =>
    play({}, async (swarm) => {
      const [first, ...others] = swarm.machines;
      const paths = ["one", "../outside", "two", "a//b", `${"x".repeat(300)}`, "three"];
      await send(swarm, directories(paths, first!.wallMs()));
      await swarm.world.sleep(5_000);
      await putText(swarm, first!, "after", "it");
      for (const machine of [first!, ...others]) {
        const { entries } = await machine.ask((face) => face.list("", { recursive: true }), 1_000);
        expect(entries.map(({ name }) => name)).toEqual(["after", "one", "three", "two"]);
        expect(await machine.ask(async (face) => face.health().status, 1_000)).toBe("ok");
      }
    }));

  it("S7: alone in a batch does not keep what follows from coming", () =>
    play({}, async (swarm) => {
      const [first, other] = swarm.machines;
      const records = directories(["../outside", "good"], first!.wallMs());
      await send(swarm, records.slice(0, 1));
      await send(swarm, records);
      await swarm.world.sleep(5_000);
      const { entries } = await other!.ask((face) => face.list(""), 1_000);
      expect(entries.map(({ name }) => name)).toEqual(["good"]);
    }));
});

/** Records of one rogue server, numbered from 1 on. */
function recordsOf(wallMs: number, said: readonly (readonly [RegisterKey, Uint8Array])[]): CatalogRecord[] {
  const incarnation = hybridTimeOf(wallMs);
  return said.map(([key, value], at) => ({
    key,
    stamp: { rank: 0, time: incarnation, server: ROGUE },
    value,
    origin: { server: ROGUE, incarnation },
    number: at + 1,
  }));
}

const registerOf = (path: string, field = "content"): RegisterKey => ({ kind: "path", path: path as FilePath, field });
const setting = (name: string): RegisterKey => ({ kind: "setting", name });
const text = (value: string) => new TextEncoder().encode(value);

describe("a record whose value cannot be read", () => {
  it.each<[string, RegisterKey, Uint8Array]>([
    ["a content of a kind that there is not", registerOf("bad"), Uint8Array.of(99)],
    ["a content that is cut", registerOf("bad"), Uint8Array.of(1, 2, 3)],
    ["an N that says nothing", registerOf("after", "target"), new Uint8Array()],
    ["an N beyond all counting", registerOf("after", "target"), Uint8Array.of(255, 255, 255, 255, 255, 7)],
    ["a setting that is no JSON", setting("swarm/copies"), text("{")],
    ["a server's entry that is none", setting(`roster/${ROGUE}`), text("null")],
    ["a server's entry without addresses", setting(`roster/${ROGUE}`), text(`{"id":"${ROGUE}"}`)],
    ["a setting without a name", setting(""), text("1")],
    ["a setting with a name that no key holds", setting("x".repeat(3_000)), text("1")],
  ])("S7, C3: %s stops no server, not after a restart, nor what comes behind it", (_what, key, value) =>
    play({}, async (swarm) => {
      const [first, ...others] = swarm.machines;
      const directory = encodeContent({ type: "directory" });
      await send(
        swarm,
        recordsOf(first!.wallMs(), [
          [key, value],
          [registerOf("good"), directory],
        ]),
      );
      await swarm.world.sleep(5_000);
      await putText(swarm, first!, "after", "it");
      for (const machine of [first!, ...others]) {
        await machine.shutdown();
        machine.start();
        await swarm.world.sleep(10_000);
        const { entries } = await machine.ask((face) => face.list("", { recursive: true }), 1_000);
        expect(entries.map(({ name }) => name)).toEqual(["after", "good"]);
      }
    }),
  );
});

it("C3: sizes beyond all counting stop no server", () =>
  play({}, async (swarm) => {
    const [first, ...others] = swarm.machines;
    const huge = encodeContent({
      ...{ type: "file", version: `${"0".repeat(14)}-${ROGUE}` as VersionId, sizeBytes: Number.MAX_SAFE_INTEGER },
      ...{ sha256: "0".repeat(64), request: undefined },
    });
    const records = ["huge", "as huge"].map((path) => [registerOf(path), huge] as const);
    await send(swarm, recordsOf(first!.wallMs(), records));
    await putText(swarm, first!, "after", "it");
    await swarm.world.sleep(5_000);
    for (const machine of [first!, ...others]) {
      const { entries } = await machine.ask((face) => face.list("", { recursive: true }), 1_000);
      expect(entries.map(({ name }) => name)).toEqual(["after", "as huge", "huge"]);
    }
  }));
