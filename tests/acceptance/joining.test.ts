/** How servers come together on machines of their own: the program as a user starts it, in network namespaces. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Location, ServerInfo } from "../../src/server/face.ts";
import { type Namespace, Namespaces, namespacesAvailable } from "./namespaces.ts";

const FSDFS = resolve(import.meta.dirname, "../../fsdfs");
const PASSWORD = "three words joined";
const PATIENCE = { timeout: 30_000, interval: 100 };

describe.runIf(namespacesAvailable())("servers on machines of their own, without a default route", () => {
  let namespaces: Namespaces;
  let root: string;
  beforeEach(async () => {
    namespaces = new Namespaces();
    root = await mkdtemp(join(tmpdir(), "fsdfs-joining-"));
  });
  afterEach(async () => {
    await namespaces.remove();
    await rm(root, { recursive: true, force: true });
  });

  it("P1: one joins by the password alone, one by --join, and one with another password by neither", async () => {
    const first = machine("first");
    const second = machine("second");
    const third = machine("third");
    const stranger = machine("stranger");
    const all = [first, second, third, stranger];
    for (const each of all) each.namespace = await namespaces.add(each.name);
    await namespaces.network(
      "switch",
      all.map((each, i) => [each.namespace!, `10.92.0.${i + 1}/24`] as const),
    );

    start(first, PASSWORD);
    await vi.waitFor(async () => expect(await upServers(first)).toEqual(["first"]), PATIENCE);
    start(second, PASSWORD);
    await vi.waitFor(async () => expect(await upServers(second)).toEqual(["first", "second"]), PATIENCE);
    start(third, PASSWORD, "--no-discovery", "--join", "10.92.0.1");
    const together = ["first", "second", "third"];
    for (const each of [first, second, third]) {
      await vi.waitFor(async () => expect(await upServers(each)).toEqual(together), PATIENCE);
    }

    // Found by mDNS and sent to by --join as well.
    const refused = start(stranger, "another one", "--join", "10.92.0.2");
    await vi.waitFor(() => expect(refused()).toMatch(/password/), PATIENCE);
    await vi.waitFor(() => expect(second.output()).toMatch(/another password was refused/), PATIENCE);
    for (const each of [first, second, third]) expect(await upServers(each)).toEqual(together);

    await run(first, "put", FSDFS, "/kept");
    await vi.waitFor(async () => {
      const { files } = JSON.parse(await run(third, "locate", "/kept", "--json")) as { files: Location[] };
      expect(files[0]?.servers).toHaveLength(3);
    }, PATIENCE);
  });

  interface Machine {
    readonly name: string;
    readonly data: string;
    namespace: Namespace | undefined;
    output(): string;
  }

  function machine(name: string): Machine {
    return { name, data: join(root, name), namespace: undefined, output: () => "" };
  }

  /** Answers what gives all that the server has printed so far. */
  function start(on: Machine, password: string, ...more: string[]): () => string {
    const options = ["--data", on.data, "--name", on.name, "--password", password, "--quota", "100M", ...more];
    const child = on.namespace!.start(["env", `XDG_STATE_HOME=${root}/state-${on.name}`, FSDFS, "start", ...options]);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    on.output = () => output;
    return on.output;
  }

  /** A command on that machine, as its user types it. */
  async function run(on: Machine, command: string, ...more: string[]): Promise<string> {
    const line = ["netns", "exec", on.namespace!.name, FSDFS, command, "--data", on.data, ...more];
    return (await promisify(execFile)("ip", line)).stdout;
  }

  async function upServers(on: Machine): Promise<string[]> {
    const { servers } = JSON.parse(await run(on, "servers", "--json")) as { servers: ServerInfo[] };
    return servers.flatMap(({ state, name }) => (state === "up" ? [name] : [])).sort();
  }
});
