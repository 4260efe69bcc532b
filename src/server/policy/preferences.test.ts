import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../tests/manual-clock.ts";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import { encodeContent } from "../../core/catalog/content.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import type { FileContent } from "../../core/catalog/types.ts";
import { type HybridTime, type ServerId, type VersionId, versionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { factsOf } from "../../core/policy/facts.ts";
import type { FileFacts } from "../../core/policy/policy.ts";
import { type LoadedPolicy, PolicyError, type Weighed } from "../../ports/policy-evaluator.ts";
import { Journal } from "./journal.ts";
import { Preferences } from "./preferences.ts";

const SELF = "aaaaaaaaaaaa" as ServerId;
const OTHER = "bbbbbbbbbbbb" as ServerId;
const silent = () => {};

const versionOf = (i: number) => versionId((1_767_225_600_000 * 1024 + i) as HybridTime, OTHER);

async function put(world: DiskWorld, i: number, path = `file ${i}`): Promise<VersionId> {
  const version = versionOf(i);
  const content: FileContent = { type: "file", version, sizeBytes: i, sha256: "0".repeat(64), request: undefined };
  await world.catalog.change((change) => {
    change.writePath(path as FilePath, CONTENT_FIELD, encodeContent(content));
  });
  return version;
}

/** A policy whose `prefer` answers as `answer` does for each file; it counts how often it is asked about files. */
function policyOf(answer: (file: FileFacts) => Weighed | Promise<Weighed>) {
  const asked: string[] = [];
  const policy: LoadedPolicy = {
    prefers: true,
    evaluate: async (files) => files.map(() => 3),
    weigh: async (files) => {
      asked.push(...files.map(({ path }) => path));
      return await Promise.all(files.map(answer));
    },
    close: async () => undefined,
  };
  return { policy, asked };
}

async function preferencesOf(world: DiskWorld, policy: LoadedPolicy | "loading" | undefined) {
  const clock = new ManualClock();
  const entry = (id: ServerId, name: string) => [id, { id, name, zone: id }] as const;
  const roster = new Map([entry(SELF, "big"), entry(OTHER, "small")]);
  const settings = { roster };
  const journal = new Journal(clock, { debug: silent, info: silent, warn: silent, error: silent });
  const evaluation = { policy, sinceMs: 0 };
  const preferences = new Preferences({
    clock,
    catalog: world.catalog,
    settings,
    evaluation,
    factsOf: (file) => factsOf(file, 0, 0),
    journal,
  });
  return { preferences, clock, journal, evaluation };
}

describe("R5: what a policy prefers", () => {
  it("is asked once for each version as it is, and again when it has changed or ten minutes have gone by", async () => {
    const world = await DiskWorld.begin();
    const version = await put(world, 1);
    const { policy, asked } = policyOf(() => [3, 0]);
    const { preferences, clock } = await preferencesOf(world, policy);
    expect(preferences.areMissing(version)).toBe(true);
    for (let i = 0; i < 3; i++) await preferences.prepare([version]);
    expect(asked).toEqual(["file 1"]);
    expect(preferences.areMissing(version)).toBe(false);
    expect([preferences.of(version).of(SELF), preferences.of(version).shuns(OTHER)]).toEqual([3, true]);
    await put(world, 1, "moved");
    expect(preferences.areMissing(version)).toBe(true);
    await preferences.prepare([version]);
    await clock.pass(10 * 60_000);
    await preferences.prepare([version]);
    expect(asked).toHaveLength(3);
  });

  it("is nothing of files that no policy is asked about, and of none without a policy that prefers", async () => {
    const world = await DiskWorld.begin();
    const own = await put(world, 1, ".fsdfs/policy.ts");
    const { policy, asked } = policyOf(() => [0, 0]);
    const { preferences, evaluation } = await preferencesOf(world, policy);
    await preferences.prepare([own]);
    expect([preferences.of(own).share(SELF), preferences.areMissing(own), asked]).toEqual([1, false, []]);
    for (const other of [undefined, { ...policy, prefers: false }]) {
      evaluation.policy = other;
      expect([preferences.areAsked, preferences.areMissing(versionOf(2))]).toEqual([false, false]);
    }
    evaluation.policy = "loading";
    expect([preferences.areAsked, preferences.areMissing(versionOf(2))]).toEqual([false, true]);
  });

  it("Y3: is nothing where it fails: for one file, or for all while it cannot be asked; both are told", async () => {
    const world = await DiskWorld.begin();
    const [good, bad] = [await put(world, 1), await put(world, 2)];
    const { policy } = policyOf(({ size }) => (size === 2 ? { message: "no", stack: "" } : [0, 1]));
    const { preferences, clock, journal, evaluation } = await preferencesOf(world, policy);
    await preferences.prepare([good, bad]);
    expect([preferences.of(good), preferences.of(bad)].map((weights) => weights.shuns(SELF))).toEqual([true, false]);
    evaluation.policy = policyOf(() => {
      throw new PolicyError({ message: "it loops", stack: "" });
    }).policy;
    await preferences.prepare([good]);
    expect([preferences.areAsked, preferences.of(good).shuns(SELF)]).toEqual([false, false]);
    expect(journal.entries.map(({ message, path }) => [message, path])).toEqual([
      ["no", "file 2"],
      ["it loops", null],
    ]);
    await clock.pass(10 * 60_000);
    expect(preferences.areAsked).toBe(true);
  });

  it("is not waited for long, by an upload neither", async () => {
    const world = await DiskWorld.begin();
    const version = await put(world, 1);
    const answer = Promise.withResolvers<Weighed>();
    const { preferences, clock } = await preferencesOf(world, policyOf(() => answer.promise).policy);
    const upload = preferences.ofUpload("new" as FilePath, 5);
    await clock.pass(500);
    expect((await upload).shuns(OTHER)).toBe(false);
    const prepared = preferences.prepare([version]);
    await clock.pass(500);
    await prepared;
    expect(preferences.areMissing(version)).toBe(true);
    answer.resolve([1, 0]);
    await clock.pass(1);
    expect(preferences.of(version).shuns(OTHER)).toBe(true);
    expect((await preferences.ofUpload("new" as FilePath, 5)).shuns(OTHER)).toBe(true);
  });
});
