/** `fsdfs doctor` on real servers: with one that runs, with another that has gone, with none, and with a port taken. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { listenOn } from "../free-ports.ts";
import { type Cluster, createCluster } from "./cluster.ts";

let cluster: Cluster;

beforeEach(async () => {
  cluster = await createCluster("a-weak-one");
});

afterEach(() => cluster.close());

interface Finding {
  readonly check: string;
  readonly level: string;
  readonly message: string;
}

async function doctor(...args: string[]) {
  const { code, stdout, stderr } = await cluster.cli(["doctor", "--json", ...args]);
  expect(stderr).toBe("");
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  const of = (check: string) => findings.filter((each) => each.check === check);
  return { code, of, failed: findings.filter(({ level }) => level === "fail") };
}

test("asks the server that runs for what it knows, and names the one that has gone", async () => {
  const [first, second] = [await cluster.start(), await cluster.start()];
  await cluster.whole();
  const whole = await doctor("--data", first.data, "--no-discovery");
  expect(whole.failed).toEqual([]);
  expect(whole.code).toBe(0);
  expect(whole.of("server")[0]?.message).toContain("It runs, as process");
  expect(whole.of("ports")[0]?.message).toContain(
    `answers at ${first.url}, its port for servers is ${first.swarmPort}`,
  );
  expect(whole.of("other servers")).toMatchObject([{ level: "ok", message: expect.stringContaining(second.url) }]);
  expect(whole.of("password")).toMatchObject([{ level: "warn" }]);

  await second.kill();
  const { code, failed } = await doctor("--data", first.data, "--no-discovery");
  expect(code).toBe(1);
  expect(failed).toMatchObject([{ check: "other servers", message: expect.stringContaining("nothing listens there") }]);
});

test("looks at what is still to be started, and finds who has its port", async () => {
  const server = await cluster.start();
  await server.stop();
  const ports = ["--port", `${server.port}`, "--swarm-port", `${server.swarmPort}`, "--listen", "127.0.0.1"];
  const stopped = await doctor("--data", server.data, "--no-discovery", ...ports);
  expect(stopped).toMatchObject({ code: 0, failed: [] });
  const program = await listenOn(server.swarmPort);
  const taken = await doctor("--data", server.data, "--no-discovery", ...ports);
  await program.close();
  expect(taken.code).toBe(1);
  expect(taken.failed).toMatchObject([
    { check: "ports", message: `Port ${server.swarmPort} is taken by another program.` },
  ]);
});
