import { expect, it } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import type { ServerId } from "../../core/ids.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { AlarmInfo, SwarmEvent } from "../face.ts";
import { Events, type SeenServer } from "./events.ts";

const SERVER: SeenServer = {
  ...{ id: "0123456789ab" as ServerId, name: "attic", url: "http://attic:4242", zone: "home", load: 0 },
  ...{ state: "up", alarms: [] },
};
const ALARM: AlarmInfo = {
  kind: "disk",
  since: "2026-01-01T00:00:00.000Z",
  message: "The disk of attic returns errors",
};

it("who watches is told that an alarm is raised and that it has ended, and not that it has ended when its server goes down", async () => {
  const clock = new ManualClock();
  const ending = new AbortController();
  let now = SERVER;
  const catalog = { self: SERVER.id, onChange: () => undefined } as unknown as Catalog;
  const events = new Events({ clock, catalog, ending: ending.signal, servers: () => [now] });
  const told: SwarmEvent[] = [];
  const watching = (async () => {
    for await (const event of events.watch({ types: ["alarm"], under: "music", signal: ending.signal }))
      told.push(event);
  })();
  const seen: SeenServer[] = [
    SERVER,
    { ...SERVER, alarms: [ALARM] },
    { ...SERVER, state: "down" },
    { ...SERVER, alarms: [ALARM] },
    SERVER,
  ];
  for (const each of seen) {
    now = each;
    await clock.pass(600);
  }
  ending.abort();
  await watching;
  expect(told.map((event) => ("change" in event ? event.change : event.type))).toEqual([
    ...["ready", "raised", "raised", "cleared"],
  ]);
  expect(told[1]).toMatchObject({ type: "alarm", kind: "disk", name: "attic", message: ALARM.message });
});
