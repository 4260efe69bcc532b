/** The SDK as a project gets it: packed, unpacked into node_modules, imported from plain JavaScript, its examples run. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cluster, createCluster, type RealServer, ROOT, waitFor } from "./cluster.ts";

const run = promisify(execFile);

let cluster: Cluster;
let servers: RealServer[];
let project: string;
let environment: Record<string, string>;

beforeAll(async () => {
  cluster = await createCluster();
  project = join(cluster.directory, "project");
  [servers] = await Promise.all([startTwo(), install()]);
  const { secret } = (await servers[0]?.client.createKey("sdk", "write")) ?? { secret: "" };
  environment = { ...cluster.environment, FSDFS_KEY: secret };
  await writeExamples("SDK", (code) => code.replaceAll("http://localhost:4242", servers[0]?.url ?? ""));
  await writeExamples("LIBRARY", (code) => code);
}, 120_000);

afterAll(() => cluster.close());

async function startTwo(): Promise<RealServer[]> {
  const both = [await cluster.start(), await cluster.start()];
  await cluster.whole();
  return both;
}

/** Without the network: what the package depends on is linked from the checkout. */
async function install(): Promise<void> {
  const installed = join(project, "node_modules/fsdfs");
  await mkdir(installed, { recursive: true });
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", project], { cwd: ROOT });
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [{ filename: string }];
  await run("tar", ["-xzf", join(project, packed.filename), "-C", installed, "--strip-components=1"]);
  const ofServers = ["fastify", "lmdb", "multicast-dns", "pino"];
  for (const name of ["@noble", "@types", "undici-types", "zod", ...ofServers]) {
    await symlink(join(ROOT, "node_modules", name), join(project, "node_modules", name));
  }
  await writeFile(join(project, "package.json"), '{"type": "module", "private": true}');
}

/** Each is a module of its own; one program, by the document's name, runs them in order. */
async function writeExamples(document: string, filledIn: (code: string) => string): Promise<void> {
  const text = await readFile(join(ROOT, `docs/${document}.md`), "utf8");
  const examples = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code = ""]) => code);
  expect(examples.length).toBeGreaterThan(3);
  const names = examples.map((_, at) => `${document}-${at}.js`);
  await Promise.all(examples.map((code, at) => writeFile(join(project, names[at] ?? ""), filledIn(code))));
  await writeFile(join(project, `${document}.js`), names.map((name) => `await import("./${name}");\n`).join(""));
}

async function program(code: string, node: string, args: readonly string[] = []): Promise<string> {
  await writeFile(join(project, "program.js"), code.replaceAll("URL_OF_SERVER", servers[0]?.url ?? ""));
  return (await run(node, [...args, "program.js"], { cwd: project, env: environment })).stdout;
}

/** The one that a machine has by itself, often an older one. */
const systemNode = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((directory) => !directory.includes("node_modules"))
  .map((directory) => join(directory, "node"))
  .find((file) => existsSync(file));

const platforms: { name: string; node: string; args: string[] }[] = [
  { name: "this Node.js", node: process.execPath, args: [] },
  { name: "this Node.js, with what browsers get", node: process.execPath, args: ["--conditions=browser"] },
  ...(systemNode === undefined ? [] : [{ name: "the machine's Node.js", node: systemNode, args: [] }]),
];

describe.each(platforms)("on $name", ({ node, args }) => {
  test("every example of docs/SDK.md runs", async () => {
    const { stdout } = await run(node, [...args, "SDK.js"], { cwd: project, env: environment });
    expect(stdout).toContain("hello, swarm\n");
    expect(stdout).toContain("true\n100\n3000000\n");
    expect(stdout).toContain("number 1, number 2, number 3\nnumber 1\n");
    expect(stdout).toContain("precondition-failed\n");
    expect(stdout).toContain("There is no file or directory no/such/file.");
    expect(stdout).toMatch(/^\d+ bytes are enough\n3$/m);
  });
});

test("every example of docs/LIBRARY.md runs, and the program ends by itself", async () => {
  const { stdout } = await run(process.execPath, ["LIBRARY.js"], { cwd: project, env: cluster.environment });
  expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+ has \[ 'hello\.txt' \]$/m);
  expect(stdout).toContain("a song 3\n");
  expect(stdout).toContain("hit.ogg is to have 5 copies\n");
  expect(stdout).toContain("stored brief.txt, 9 bytes\ndeleted brief.txt\n");
});

test("an upload without a length is streamed, one that is refused early says why, and one that fails tells its own error", async () => {
  const told = await program(
    `import { createClient } from "fsdfs";
     const client = createClient({ url: "URL_OF_SERVER", key: process.env.FSDFS_KEY });
     async function* chunks(count) { for (let at = 0; at < count; at++) yield new Uint8Array(65_536); }
     console.log((await client.put("/streamed", chunks(40))).size);
     const stranger = createClient({ url: "URL_OF_SERVER" });
     console.log(await stranger.put("/refused", chunks(4000)).catch((error) => error.code));
     async function* breaks() { yield new Uint8Array(10); throw new Error("the source broke"); }
     console.log(await client.put("/broken", breaks()).catch((error) => error.message));
     const source = { sizeBytes: 20, open: breaks };
     console.log(await client.put("/broken", source).catch((error) => error.message));
     console.log(await client.head("/broken").catch((error) => error.code));`,
    process.execPath,
  );
  expect(told).toBe("2621440\nunauthorized\nthe source broke\nthe source broke\nfile-not-found\n");
});

test("a read goes on at another holder when the one it came from is killed, and the password does for a key", async () => {
  await servers[0]?.client.put("/long", { sizeBytes: 40_000_000, open: () => zeros(40_000_000) });
  await waitFor("both hold it", async () => (await servers[0]?.client.locate("/long"))?.copies === 2);
  const reading = program(
    `import { createClient } from "fsdfs";
     import { setTimeout } from "node:timers/promises";
     const client = createClient({ url: "URL_OF_SERVER", password: ${JSON.stringify(cluster.password)} });
     const location = await client.locate("/long");
     const last = location.servers.find(({ name }) => name === "b");
     const { body } = await client.get("/long", { from: { ...location, servers: [last] } });
     let sizeBytes = 0;
     for await (const chunk of body) {
       if (sizeBytes === 0) process.kill(${servers[1]?.pid}, "SIGKILL");
       sizeBytes += chunk.length;
     }
     console.log(sizeBytes);`,
    process.execPath,
  );
  expect(await reading).toBe("40000000\n");
});

test("the types are found by who compiles against the package, and the command line is in it as well", async () => {
  const compiled = async (url: string) => {
    await writeFile(
      join(project, "typed.ts"),
      `import { type Client, createClient, type Listing, type Policy, type StartedServer, startServer } from "fsdfs";
       const client: Client = createClient({ url: ${url} });
       export const page: Promise<Listing> = client.list("/");
       const policy: Policy = ({ heat }) => (heat > 9 ? 4 : 3);
       export async function start(): Promise<StartedServer> {
         await using server = await startServer({ policy, log: console, quota: "1G", port: 0 });
         return server.on("stored", ({ path, size }) => path.repeat(size));
       }`,
    );
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--types", "node"];
    await run(join(ROOT, "node_modules/.bin/tsc"), [...options, "typed.ts"], { cwd: project });
  };
  await compiled('"http://localhost:4242"');
  await expect(compiled("4242")).rejects.toMatchObject({ stdout: expect.stringContaining("TS2322") });
  const { stdout } = await run(process.execPath, ["node_modules/fsdfs/dist/cli/main.js", "--version"], {
    cwd: project,
  });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

async function* zeros(sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let left = sizeBytes; left > 0; left -= 100_000) yield new Uint8Array(100_000);
}
