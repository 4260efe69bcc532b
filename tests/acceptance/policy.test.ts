/** The policy over three real servers, by the command line: what docs/POLICY.md says of it. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { policyEvaluator } from "../../src/adapters/policy/evaluator.ts";
import type { PolicyStatus, PolicyTrial } from "../../src/server/face.ts";
import { factsOf } from "../contracts/policy-evaluator.contract.ts";
import { cliHere } from "./cli-here.ts";
import { type Cluster, createCluster, ROOT, waitFor } from "./cluster.ts";

let cluster: Cluster;
let file: string;

beforeAll(async () => {
  cluster = await createCluster();
  for (let i = 0; i < 3; i++)
    await cluster.start({ args: ["--copies", "2", "--write-copies", "1", "--processes", "0"] });
  await cluster.whole();
  file = join(cluster.directory, "policy.ts");
});

afterAll(() => cluster.close());

const client = () => cluster.servers[0]!.client;
const cli = (...args: string[]) => cliHere(cluster).run(args);
const json = <T>(...args: string[]) => cliHere(cluster).json<T>(args);

async function write(text: string): Promise<string> {
  await writeFile(file, text);
  return file;
}

async function targetsOf(paths: readonly string[], at = client()): Promise<(number | undefined)[]> {
  return (await at.locateMany(paths)).map((location) => location?.target);
}

/** On the last server, which has heard of it from the others. */
async function become(paths: readonly string[], targets: readonly number[]): Promise<void> {
  await waitFor(`N is ${targets}`, async () => JSON.stringify(await targetsOf(paths)) === JSON.stringify(targets));
  for (const server of cluster.servers) {
    await waitFor(`${server.name} says so`, async () => {
      return JSON.stringify(await targetsOf(paths, server.client)) === JSON.stringify(targets);
    });
  }
}

describe("a policy", () => {
  const paths = ["hits/a.ogg", "rare/b.ogg", "c.txt"];

  test("is tried, set, and does what the trial said: by path; copies appear where N rises", async () => {
    for (const path of paths) await client().put(path, `of ${path}`);
    const text = 'export default ({ path }) => (path.startsWith("hits/") ? 3 : path.endsWith(".txt") ? 1 : 2);';
    const tried = await json<PolicyTrial>("policy", "try", await write(text));
    expect(tried).toMatchObject({ evaluated: 3, files: 3, raised: 1, lowered: 1, failed: 0, fits: true, most: 3 });
    expect(await targetsOf(paths)).toEqual([2, 2, 2]);
    expect(await json("policy", "set", file)).toEqual(tried);
    await become(paths, [3, 2, 1]);
    const after = Object.fromEntries(tried.examples.map(({ path, after }) => [path, after]));
    expect(after).toEqual({ "hits/a.ogg": 3, "c.txt": 1 });
    await waitFor("three copies", async () => (await client().locate("hits/a.ogg")).copies === 3);
    await waitFor("all have gone through", async () => {
      const { servers } = await json<PolicyStatus>("policy", "show");
      return servers.length === 3 && servers.every(({ state }) => state === "current");
    });
    const { servers } = await json<PolicyStatus>("policy", "show");
    expect(servers.reduce((sum, { changed }) => sum + changed, 0)).toBe(2);
    // A new file, through another server, has its N soon.
    await cluster.servers[2]!.client.put("hits/new.ogg", "new");
    await become(["hits/new.ogg"], [3]);
  });

  test("goes by age and size, and takes the place of the one before at once", async () => {
    const { entries } = await client().list("hits/");
    const { modified } = entries.find(({ name }) => name === "a.ogg")!;
    const text = [
      'import type { Policy } from "fsdfs";',
      `const policy: Policy = ({ modified, ageDays, size }) => (modified <= ${Date.parse(modified!)} && ageDays > 0 ? 1 : size > 1000 ? 3 : 2);`,
      "export default policy;",
    ].join("\n");
    await client().put("large", "x".repeat(2000));
    await cliHere(cluster).done(["policy", "set", await write(text)]);
    await become(["hits/a.ogg", "large", "hits/new.ogg"], [1, 3, 2]);
  });

  test("goes by variables: within seconds, when it has said the same twice", async () => {
    const text = "export default ({ variables }) => (variables.popularity === 9 ? 3 : 2);";
    await cliHere(cluster).done(["policy", "set", await write(text)]);
    await become(["large"], [2]);
    await client().setVariables("large", { popularity: 9 });
    await become(["large"], [3]);
  });

  test("R5: gives up what should not be on a server, as its trial said, and puts nothing there", async () => {
    const last = cluster.servers[2]!;
    const text = [
      'import type { Policy, Prefer } from "fsdfs";',
      "const policy: Policy = () => 2;",
      "export default policy;",
      `export const prefer: Prefer = ({ path }, { name }) => (path.startsWith("hits/") && name === "${last.name}" ? 0 : 1);`,
    ].join("\n");
    await waitFor("three copies", async () => (await client().locate("hits/a.ogg")).copies === 3);
    const tried = await json<PolicyTrial>("policy", "try", await write(text));
    expect(tried).toMatchObject({ failed: 0, shunned: { copies: 2, bytes: 16 } });
    expect(await json("policy", "set", file)).toEqual(tried);
    const holders = async (path: string) => (await client().locate(path)).servers.map(({ name }) => name);
    const leaves = (path: string) =>
      waitFor(`${path} is not on ${last.name}`, async () => {
        const names = await holders(path);
        return names.length === 2 && !names.includes(last.name);
      });
    for (const path of ["hits/a.ogg", "hits/new.ogg"]) await leaves(path);
    await last.client.put("hits/newest.ogg", "newest");
    await leaves("hits/newest.ogg");
    expect((await json<PolicyTrial>("policy", "try", file)).shunned).toEqual({ copies: 0, bytes: 0 });
    await client().remove("hits/newest.ogg");
  });

  test("goes by heat: a file that is read gains copies on more servers; cold again it gives them up, as try told", async () => {
    const servers = await client().servers();
    const setQuotas = async (quota: number | null) => {
      for (const { id } of servers) await client().configureServer(id, { quota });
    };
    // Room for two of these on each server: who wants more copies takes it from others.
    const others = ["heat/b", "heat/c", "heat/d"];
    const paths = ["heat/hit", ...others];
    const copiesOf = async (path: string) => (await client().locate(path)).copies;
    await setQuotas(250_000);
    await cliHere(cluster).done(["policy", "set", await write("export default ({ heat }) => (heat > 1 ? 3 : 1);")]);
    for (const path of paths) {
      await client().put(path, path.padEnd(100_000));
      // The last one takes the room of copies that may go, which those that are being made may not yet.
      await waitFor(`${path} has a second copy`, async () => path === paths.at(-1) || (await copiesOf(path)) > 1);
    }
    await become(paths, [1, 1, 1, 1]);
    await waitFor("all passes are over", async () => {
      const { servers } = await json<PolicyStatus>("policy", "show");
      return servers.every(({ state, pending }) => state === "current" && pending === 0);
    });
    expect(await copiesOf("heat/hit")).toBeLessThan(3);
    for (let i = 0; i < 24; i++) await (await cluster.servers[i % 3]!.client.get("heat/hit")).text();
    await become(paths, [3, 1, 1, 1]);
    await waitFor("it is on all servers", async () => (await copiesOf("heat/hit")) === 3);

    // Half of its heat is left after six hours. So what is hot is said to be more, and it is cold at once.
    const tried = await json<PolicyTrial>(
      "policy",
      "try",
      await write("export default ({ heat }) => (heat > 99 ? 3 : 1);"),
    );
    expect(tried).toMatchObject({ raised: 0, lowered: 1, examples: [{ path: "heat/hit", before: 3, after: 1 }] });
    expect(tried.bytes.before - tried.bytes.after).toBe(2 * 100_000);
    expect(await json("policy", "set", file)).toEqual(tried);
    await become(paths, [1, 1, 1, 1]);
    await waitFor("another file has its place", async () => (await copiesOf("heat/hit")) < 3);
    expect(await copiesOf("heat/hit")).toBeGreaterThan(0);
    for (const path of paths) await client().remove(path);
    await setQuotas(null);
  });

  test("that fails is refused, or changes nothing when it is written past that; both are told with its lines", async () => {
    const before = await targetsOf([...paths, "large"]);
    const bad =
      'const n = ({ size }: { size: number }) => {\n  if (size > 1000) throw new TypeError("too large");\n  return 1;\n};\nexport default n;\n';
    const refused = await cli("policy", "set", await write(bad));
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/refused: TypeError: too large, for large\n {4}at n \(policy\.ts:2:/),
    });
    expect(await cli("policy", "try", file)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("It fails for 1 file"),
    });
    await writeFile(file, "export default (file) => ;");
    expect(await cli("policy", "set", file)).toMatchObject({ code: 1, stderr: expect.stringContaining("policy.ts:1") });
    await client().put(".fsdfs/policy.ts", "export default async () => 3;");
    await waitFor("it is told", async () => /answered a promise/.test((await cli("policy", "log")).stdout));
    expect(await targetsOf([...paths, "large"])).toEqual(before);
    await client().put(".fsdfs/policy.ts", "for (;;) {}\nexport default () => 3;");
    await waitFor("it is failing", async () => {
      const { servers } = await client().policy();
      return servers.every(({ state, problem }) => state === "failing" && /longer than/.test(problem?.message ?? ""));
    });
    expect(await targetsOf([...paths, "large"])).toEqual(before);
    expect((await cli("policy", "show")).stdout).toMatch(/failing/);
  });

  test("that is taken away leaves every file with the swarm's N; only an admin key may do so", async () => {
    const key = (await client().createKey("w", "write")).secret;
    const url = `${cluster.servers[0]!.url}/policy`;
    const headers = { authorization: `Bearer ${key}` };
    for (const method of ["PUT", "DELETE"]) expect((await fetch(url, { method, headers })).status).toBe(403);
    expect((await fetch(url, { headers })).status).toBe(200);
    expect((await cli("policy", "reset")).code).toBe(0);
    await become([...paths, "large"], [2, 2, 2, 2]);
    expect(await cli("policy", "reset")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("There is no policy"),
    });
    expect((await cli("policy", "show")).stdout).toContain("There is no policy");
  });
});

async function exampleOfDocs(index: number) {
  const page = await readFile(join(ROOT, "docs/POLICY.md"), "utf8");
  const [, example = ""] = [...page.matchAll(/```ts\n([\s\S]*?)```/g)][index]!;
  return await policyEvaluator.load(new TextEncoder().encode(example));
}

test("the example of docs/POLICY.md that prefers servers says what it seems to say", async () => {
  const policy = await exampleOfDocs(1);
  const servers = [
    { id: "1", name: "big one", zone: "attic" },
    { id: "2", name: "small", zone: "cellar" },
  ];
  const files = [factsOf("masters/a.flac", { size: 6e7 }), factsOf("a.ogg"), factsOf("a.flac", { size: 6e7 })];
  expect(await policy.weigh(files, servers, 0)).toEqual([
    [2, 0],
    [1, 1],
    [2, 1],
  ]);
  await policy.close();
});

test("the example of docs/POLICY.md says what it seems to say", async () => {
  const policy = await exampleOfDocs(0);
  const day = 24 * 60 * 60 * 1000;
  const files = [
    factsOf("music/a.ogg"),
    factsOf("music/long.flac", { size: 2e8 }),
    factsOf("incoming/a.ogg", { modified: 0 }),
    factsOf("incoming/new.txt", { modified: 31 * day, type: "text/plain" }),
    factsOf("incoming/hit.ogg", { modified: 0, variables: { popularity: 9 } }),
  ];
  expect(await policy.evaluate(files, 31 * day)).toEqual([4, 2, 1, 3, 5]);
  await policy.close();
});
