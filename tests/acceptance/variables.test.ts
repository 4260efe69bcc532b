/** Variables over real servers: as they are typed, over HTTP, in bulk, and whatever is wrong with them (V1 to V3). */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Client } from "../../src/client/client.ts";
import { type CliHere, cliHere } from "./cli-here.ts";
import { type Cluster, createCluster } from "./cluster.ts";

let cluster: Cluster;
let cli: CliHere;
let clients: readonly Client[];
let ask: (method: string, target: string, body: string | Buffer<ArrayBuffer>) => Promise<Response>;

beforeAll(async () => {
  cluster = await createCluster();
  for (let i = 0; i < 3; i++) await cluster.start();
  await cluster.whole();
  cli = cliHere(cluster);
  clients = cluster.servers.map(({ client }) => client);
  const { secret } = await clients[0]!.createKey("variables", "write");
  ask = (method, target, body) =>
    fetch(`${cluster.servers[1]!.url}${target}`, { method, body, headers: { authorization: `Bearer ${secret}` } });
});

afterAll(() => cluster.close());

const put = (path: string) => clients[0]!.put(path, path);
const everywhere = (path: string) => Promise.all(clients.map(async (each) => (await each.locate(path)).variables));
const codeOf = async (response: Response) =>
  [response.status, ((await response.json()) as { error?: { code: string } }).error?.code] as const;
const patch = (path: string, variables: string) => ask("PATCH", `/files/${path}`, `{"variables": ${variables}}`);

describe("variables of a file", () => {
  test("V3: what was set is shown by every server at once, by stat, find and listings", async () => {
    await put("music/a.ogg");
    await put("music/b.ogg");
    await cli.done(["set", "/music/a.ogg", "popularity=9", 'genre="hip hop"', "live=true", "old=1"]);
    await cli.done(["set", "/music/b.ogg", "popularity=3"]);
    await cli.done(["set", "/music/a.ogg", "old="], cluster.servers[2]);
    const wanted = { genre: "hip hop", live: true, popularity: 9 };
    expect(await everywhere("music/a.ogg")).toEqual([wanted, wanted, wanted]);
    for (const client of clients) {
      const { entries } = await client.list("music");
      expect(entries.map(({ name, variables }) => [name, variables])).toEqual([
        ["a.ogg", wanted],
        ["b.ogg", { popularity: 3 }],
      ]);
    }
    expect(await cli.done(["stat", "/music/a.ogg"])).toMatch(
      /^ {2}variable {2}genre="hip hop"\n {2}variable {2}live=true\n {2}variable {2}popularity=9$/m,
    );
    expect(await cli.done(["find", "/", "--where", "popularity>5 and live=true"])).toBe("/music/a.ogg\n");
    expect(await cli.done(["find", "/music/b.ogg", "--where", "popularity<=3"])).toBe("/music/b.ogg\n");
    expect(await cli.done(["find", "/music", "--where", "genre!=rock", "--type", "f"])).toBe(
      "/music/a.ogg\n/music/b.ogg\n",
    );
    expect(await cli.run(["find", "/", "--where", "popularity>"])).toMatchObject({ code: 2 });
  });

  test("V2: they stay with a file that is overwritten or moved, and end with it", async () => {
    await put("kept/a");
    expect(await clients[1]!.setVariables("kept/a", { plays: 1 })).toEqual({ plays: 1 });
    await clients[2]!.put("kept/a", "another content");
    await clients[0]!.move("kept", "moved");
    expect(await everywhere("moved/a")).toEqual([{ plays: 1 }, { plays: 1 }, { plays: 1 }]);
    await put("kept/a");
    expect(await everywhere("kept/a")).toEqual([undefined, undefined, undefined]);
    await clients[1]!.remove("moved/a");
    await put("moved/a");
    expect(await everywhere("moved/a")).toEqual([undefined, undefined, undefined]);
  });

  test("what is wrong is refused with a reason, and changes nothing", async () => {
    await put("bad/a");
    const rows: readonly (readonly [path: string, variables: string, status: number, code: string])[] = [
      ["bad/a", '{"x": 1e999}', 400, "variable-invalid"],
      ["bad/a", '{"x": [1]}', 400, "variable-invalid"],
      ["bad/a", '{"x": {}}', 400, "variable-invalid"],
      ["bad/a", `{"x": "${"y".repeat(257)}"}`, 400, "variable-invalid"],
      ["bad/a", '{"x": "\\ud800"}', 400, "variable-invalid"],
      ["bad/a", '{"good": 1, "a b": 2}', 400, "variable-invalid"],
      ["bad/a", `{"${"n".repeat(65)}": 1}`, 400, "variable-invalid"],
      ["bad/a", '{"": 1}', 400, "variable-invalid"],
      ["bad/a", "[1]", 400, "argument-invalid"],
      ["bad/a", "null", 400, "argument-invalid"],
      ["bad/a", '{"x": NaN}', 400, "argument-invalid"],
      ["bad/none", '{"x": 1}', 404, "file-not-found"],
      ["bad", '{"x": 1}', 409, "is-a-directory"],
      [".fsdfs/policy.ts", '{"x": 1}', 403, "forbidden"],
    ];
    for (const [path, variables, ...wanted] of rows) {
      expect(await codeOf(await patch(path, variables)), variables).toEqual(wanted);
    }
    const large = await ask("PATCH", "/files/bad/a", `{"variables": {"x": "${"y".repeat(10_000_000)}"}}`);
    expect(await codeOf(large)).toEqual([413, "body-too-large"]);
    for (const value of ["NaN", "Infinity", "1e999", "null", "12345678901234567890"]) {
      const told = await cli.run(["set", "/bad/a", `x=${value}`]);
      expect(told, value).toMatchObject({ code: 1, stderr: expect.stringContaining("variable x is not valid") });
    }
    await expect(clients[0]!.setVariables("bad/a", { x: Number.NaN })).rejects.toMatchObject({
      code: "variable-invalid",
    });
    expect(await everywhere("bad/a")).toEqual([undefined, undefined, undefined]);
  });

  test("one that is called __proto__ or constructor is one like any other", async () => {
    await put("odd/a");
    const answer = await patch("odd/a", '{"__proto__": "p", "constructor": 1, "hasOwnProperty": true}');
    expect([answer.status, (await answer.text()).trim()]).toEqual([
      200,
      '{"path":"odd/a","variables":{"__proto__":"p","constructor":1,"hasOwnProperty":true}}',
    ]);
    for (const { variables } of await Promise.all(clients.map((each) => each.locate("odd/a")))) {
      expect(JSON.stringify(variables)).toBe('{"__proto__":"p","constructor":1,"hasOwnProperty":true}');
    }
    expect(await cli.done(["find", "/odd", "--where", "__proto__=p and toString!=1"])).toBe("/odd/a\n");
    expect(({} as Record<string, unknown>).p).toBeUndefined();
  });

  test("a file has 64 at most, and as many names in all as are kept of what was removed", async () => {
    await put("many/a");
    const names = (from: number, count: number, value: number | null) =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${from + i}`, value])));
    expect((await patch("many/a", names(0, 64, 1))).status).toBe(200);
    expect(await codeOf(await patch("many/a", names(64, 1, 1)))).toEqual([409, "variables-too-many"]);
    expect((await patch("many/a", '{"n0": null, "n64": 1}')).status).toBe(200);
    expect((await patch("many/a", names(1, 64, null))).status).toBe(200);
    for (const from of [65, 129]) {
      expect((await patch("many/a", names(from, 64, 1))).status).toBe(200);
      expect((await patch("many/a", names(from, 64, null))).status).toBe(200);
    }
    expect((await patch("many/a", names(193, 63, 1))).status).toBe(200);
    expect(await codeOf(await patch("many/a", names(256, 1, 1)))).toEqual([409, "variable-names-too-many"]);
    expect((await patch("many/a", '{"n0": 1}')).status).toBe(200);
  });
});

describe("variables in bulk", () => {
  test("V1: lines are carried out in their order, what is wrong is told by its line, the rest is done", async () => {
    await put("bulk/a");
    await put("bulk/tab\tand\nfeed");
    const lines = [
      "/bulk/a\tplays=1",
      "bulk/none\tplays=2",
      "",
      "bulk/a\tplays=3\r",
      "no tab",
      "bulk/a\tplays=NaN",
      `bulk/a\tnote="${"y".repeat(10_000_000)}"`,
      '"bulk/tab\\tand\\nfeed"\tnote="a\\tb"',
      ".fsdfs/policy.ts\tplays=1",
      "bulk/../a\tplays=1",
      "bulk\tplays=1",
      "bulk/a\t__proto__=x",
    ];
    const response = await ask("POST", "/variables", lines.join("\n"));
    const { errors, ...counts } = (await response.json()) as { errors: { line: number; code: string }[] };
    expect([response.status, counts]).toEqual([200, { lines: 12, changed: 4, failed: 7 }]);
    expect(errors.map(({ line, code }) => `${line} ${code}`)).toEqual([
      ...["2 file-not-found", "5 line-invalid", "6 variable-invalid", "7 line-invalid"],
      ...["9 forbidden", "10 path-invalid", "11 is-a-directory"],
    ]);
    expect(await everywhere("bulk/tab\tand\nfeed")).toEqual([{ note: "a\tb" }, { note: "a\tb" }, { note: "a\tb" }]);
    const { variables } = await clients[2]!.locate("bulk/a");
    expect(JSON.stringify(variables)).toBe('{"__proto__":"x","plays":3}');
  });

  test("more lines than one request may have are refused when those are done", async () => {
    await put("bulk/long");
    const lines = `${"\n".repeat(99_998)}bulk/long\tplays=1\nbulk/long\tplays=2\nbulk/long\tplays=3\n`;
    expect(await codeOf(await ask("POST", "/variables", lines))).toEqual([413, "lines-too-many"]);
    expect(await everywhere("bulk/long")).toEqual([{ plays: 2 }, { plays: 2 }, { plays: 2 }]);
  });

  test("fsdfs set --from takes any number of lines, from a file or a pipe", async () => {
    await put("bulk/b");
    const file = join(cluster.directory, "lines");
    const many = Array.from({ length: 25_000 }, (_, i) => `bulk/b\tn${i % 5}=${i}`);
    many[22_000] = "bulk/none\tplays=1";
    await writeFile(file, many.join("\n"));
    const { code, stdout, stderr } = await cli.run(["set", "--from", file]);
    expect([code, stdout]).toEqual([1, "24,999 variables set, 1 failed\n"]);
    expect(stderr).toContain("line 22001: There is no file or directory bulk/none.");
    expect((await everywhere("bulk/b"))[2]).toMatchObject({ n4: 24_999, n0: 24_995 });
    const odd = "bulk/a\u2028b";
    await put(odd);
    const lines = [`${odd}\tgenre=rock\u2029roll`, `${odd}\tplays=1\r`, "", "bulk/none\tplays=1", "no tab"];
    await writeFile(file, Buffer.concat([Buffer.from(`${lines.join("\n")}\n`), Buffer.of(0xff)]));
    const told = JSON.parse((await cli.run(["set", "--from", file, "--json"])).stdout);
    expect(told).toMatchObject({
      lines: 6,
      changed: 2,
      failed: 3,
      errors: [{ name: "line 4" }, { name: "line 5" }, {}],
    });
    expect(told.errors[2]).toMatchObject({ name: "line 6", message: expect.stringMatching(/no UTF-8/) });
    expect((await everywhere(odd))[0]).toEqual({ genre: "rock\u2029roll", plays: 1 });
    const data = cluster.servers[1]!.data;
    const piped = await cluster.cli(["set", "--from", "-", "--data", data, "--json"], { input: "bulk/b\tn1=\n" });
    expect(JSON.parse(piped.stdout)).toEqual({ lines: 1, changed: 1, failed: 0, errors: [] });
    expect((await everywhere("bulk/b")).map((each) => each?.n1)).toEqual([undefined, undefined, undefined]);
  });
});
