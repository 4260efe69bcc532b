import { describe, expect, it } from "vitest";
import type { ServerInfo } from "../../server/face.ts";
import { describeDrain, drained } from "./drain.ts";

const NOTHING = { room: 0, servers: 0, copies: 0 };
const server = (drain: ServerInfo["drain"], draining = true) =>
  ({ id: "aaaaaaaaaaaa", name: "attic", state: "up", settings: { draining }, drain }) as ServerInfo;

describe("how far a drain is", () => {
  it("is told with what is left, what it waits for, and whether the server can be taken away", () => {
    const waiting = { ...NOTHING, room: 12, copies: 1 };
    expect(describeDrain(server({ files: 40, bytes: 4_000_000, waiting, safe: false }))).toBe(
      "40 files, 4.0 MB left on attic, 12 files wait for room on the other servers, 1 file waits until the others have copied it, safe to unplug: no",
    );
    expect(describeDrain(server({ files: 0, bytes: 0, waiting: NOTHING, safe: true }))).toBe(
      "attic is empty, safe to unplug: yes",
    );
    expect(describeDrain({ ...server(null), state: "down" })).toBe("attic has not told yet: it is down");
  });

  it("is waited for until it is safe, told once for each change", async () => {
    const waiting = { ...NOTHING, copies: 2 };
    const states = [null, 2, 2, 0].map((files) =>
      server(files === null ? null : { files, bytes: files, waiting, safe: files === 0 }),
    );
    const told: string[] = [];
    const end = await drained(
      { servers: async () => [states.shift()!] },
      "aaaaaaaaaaaa",
      (text) => told.push(text),
      async () => {},
    );
    expect(end.drain?.safe).toBe(true);
    expect(told).toEqual([
      "attic has not told yet",
      "2 files, 2 B left on attic, 2 files wait until the others have copied them, safe to unplug: no",
      "attic is empty, safe to unplug: yes",
    ]);
  });

  it("ends when somebody cancels it", async () => {
    const told: string[] = [];
    const client = { servers: async () => [server(null, false)] };
    await drained(
      client,
      "aaaaaaaaaaaa",
      (text) => told.push(text),
      async () => {},
    );
    expect(told).toEqual(["attic is not drained any more"]);
  });
});
