import { expect, test } from "vitest";
import type { Client } from "../../client/client.ts";
import type { SwarmId } from "../../core/ids.ts";
import { moved } from "./merge.ts";

type State = Awaited<ReturnType<Client["mergeState"]>>;
type Health = Awaited<ReturnType<Client["health"]>>;
const [OURS, THEIRS] = ["ours" as SwarmId, "theirs" as SwarmId];

test("a merge that takes long says now and then what it waits for, until this server serves in the other swarm", async () => {
  let nowMs = 0;
  const said: string[] = [];
  const state = (): { swarm: SwarmId; phase: State["phase"]; status: string } => {
    if (nowMs < 12_000) return { swarm: OURS, phase: "frozen", status: "ok" };
    if (nowMs < 31_000) return { swarm: OURS, phase: "offering", status: "ok" };
    return { swarm: THEIRS, phase: "none", status: nowMs < 45_000 ? "behind" : "ok" };
  };
  const server = {
    mergeState: async () => ({ ...state(), into: null }),
    health: async () => ({ status: state().status }) as Health,
  };
  const sleep = async (ms: number) => {
    nowMs += ms;
  };
  const tell = (text: string) => said.push(`${nowMs / 1000} s: ${text}`);
  expect(await moved(server, OURS, { tell, sleep })).toBe(THEIRS);
  expect(said).toEqual([
    "10 s: Still waiting: this swarm's servers have not all stopped taking changes.",
    "20 s: Still waiting: the other swarm takes in the files, or is not reached.",
    "30 s: Still waiting: the other swarm takes in the files, or is not reached.",
    "40 s: Still waiting: this server has joined, and catches up.",
  ]);
});
