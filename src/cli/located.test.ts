import { expect, test } from "vitest";
import type { Client } from "../client/client.ts";
import type { Location } from "../server/face.ts";
import { located } from "./located.ts";

test("many paths take few requests, each answer comes with its own item, and what needs none has none", async () => {
  const asked: number[] = [];
  const locateMany = async (paths: readonly string[]) => {
    asked.push(paths.length);
    return paths.map((path) => (path.endsWith("3") ? null : ({ path } as Location)));
  };
  const items = async function* () {
    for (let at = 0; at < 1203; at++) yield at;
  };
  const pathOf = (at: number) => (at % 10 === 5 ? undefined : `f${at}`);
  let seen = 0;
  for await (const { item, location } of located({ locateMany } as Partial<Client> as Client, items(), pathOf)) {
    expect(item).toBe(seen++);
    expect(location?.path).toBe(item % 10 === 5 || item % 10 === 3 ? undefined : `f${item}`);
  }
  expect(seen).toBe(1203);
  expect(asked).toEqual([450, 450, 183]);
});

test("no request grows beyond what a server takes, however long the paths are", async () => {
  let most = 0;
  const locateMany = async (paths: readonly string[]) => {
    most = Math.max(most, JSON.stringify({ paths }).length);
    return paths.map(() => null);
  };
  const items = async function* () {
    for (let at = 0; at < 1000; at++) yield "\u0001".repeat(1800);
  };
  for await (const _ of located({ locateMany } as Partial<Client> as Client, items(), (path) => path)) void _;
  expect(most).toBeLessThan(1_000_000);
});
