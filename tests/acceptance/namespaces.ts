/**
 * Network namespaces for tests: machines with interfaces of their own on one Linux kernel, joined by virtual cables and
 * without any route beyond them. Needs root and iproute2. Names carry the test's process id, so that runs do not meet.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** False where namespaces cannot be made: not Linux, not root, no iproute2. */
export function namespacesAvailable(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const probe = `fsdfs-${process.pid}-probe`;
  try {
    execFileSync("ip", ["netns", "add", probe], { stdio: "ignore" });
    execFileSync("ip", ["netns", "delete", probe], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export class Namespaces {
  readonly #names: string[] = [];
  readonly #processes: ChildProcess[] = [];

  /** A new machine without a network; even its loopback is down unless asked for. */
  async add(label: string, options: { loopback: boolean } = { loopback: true }): Promise<Namespace> {
    const name = `fsdfs-${process.pid}-${label}`;
    await run("ip", ["netns", "add", name]);
    this.#names.push(name);
    if (options.loopback) await run("ip", ["-n", name, "link", "set", "lo", "up"]);
    return { name, start: (command) => this.#start(name, command) };
  }

  /** A cable between two machines: an interface at each end, with the given IPv4 address and prefix ("10.0.0.1/24"). */
  async cable(one: Namespace, oneAddress: string, other: Namespace, otherAddress: string): Promise<void> {
    const ends = [
      { namespace: one, address: oneAddress },
      { namespace: other, address: otherAddress },
    ].map((end) => ({ ...end, device: `v${end.address.split("/")[0]?.split(".").slice(1).join("-")}` }));
    const [first, second] = ends as [(typeof ends)[0], (typeof ends)[0]];
    await run("ip", [
      ...["link", "add", first.device, "netns", one.name, "type", "veth"],
      ...["peer", "name", second.device, "netns", other.name],
    ]);
    for (const { namespace, address, device } of ends) {
      await run("ip", ["-n", namespace.name, "address", "add", address, "dev", device]);
      await run("ip", ["-n", namespace.name, "link", "set", device, "up"]);
    }
  }

  /** A switch with a cable to each of these machines, whose ends there get the given IPv4 address and prefix. */
  async network(label: string, machines: readonly (readonly [Namespace, string])[]): Promise<void> {
    const hub = await this.add(label);
    await run("ip", ["-n", hub.name, "link", "add", "bridge", "type", "bridge"]);
    await run("ip", ["-n", hub.name, "link", "set", "bridge", "up"]);
    for (const [i, [{ name }, address]] of machines.entries()) {
      await run("ip", [
        "link",
        "add",
        `p${i}`,
        "netns",
        hub.name,
        "type",
        "veth",
        "peer",
        "name",
        "lan",
        "netns",
        name,
      ]);
      await run("ip", ["-n", hub.name, "link", "set", `p${i}`, "master", "bridge", "up"]);
      await run("ip", ["-n", name, "address", "add", address, "dev", "lan"]);
      await run("ip", ["-n", name, "link", "set", "lan", "up"]);
    }
  }

  /** Ends what was started and removes what was made, cables included. */
  async remove(): Promise<void> {
    const ended = this.#processes.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await exit;
    });
    await Promise.all(ended);
    for (const name of this.#names.splice(0)) {
      await endAllIn(name);
      await run("ip", ["netns", "delete", name]);
    }
  }

  #start(name: string, command: readonly string[]): ChildProcess {
    // `ip netns exec` becomes the command: its process id is the command's.
    const child = spawn("ip", ["netns", "exec", name, ...command], { stdio: ["ignore", "pipe", "pipe"] });
    this.#processes.push(child);
    return child;
  }
}

/** What was left running in the background: a shell knows only its own jobs, and a test that is late ends in the middle. */
async function endAllIn(name: string): Promise<void> {
  const { stdout } = await run("ip", ["netns", "pids", name]);
  for (const pid of stdout.split("\n").filter((line) => line !== "")) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch (error) {
      // Gone meanwhile: a serving process ends with the one that started it.
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}

export interface Namespace {
  readonly name: string;
  /** Starts a command there; `remove` ends it. */
  start(command: readonly string[]): ChildProcess;
}
