/** The two ports on this machine: free, or answered by the server that is looked at, also by its outside addresses. */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { askHealth, askHealthOf } from "../../starting/ask-health.ts";
import { type Shaped, shaped, text, whole } from "../../starting/shape.ts";
import type { LocalServer } from "../local-access.ts";
import { type Check, type Found, fail, ok, warn } from "./check.ts";

/** A loaded server takes its time; an address behind a firewall that drops takes all of it. */
const ANSWER_MS_MAX = 3_000;

const HEALTH = { status: text, server: text, name: text, swarmPort: whole(0, 65_535) };
export type HealthAnswer = Shaped<typeof HEALTH>;

/** What a server at that URL says of itself; undefined when none answers in time. */
export async function healthAt(url: string): Promise<HealthAnswer | undefined> {
  return await answered(askHealth(url, ANSWER_MS_MAX));
}

async function answered(asking: Promise<unknown>): Promise<HealthAnswer | undefined> {
  return shaped(await asking.catch(() => undefined), HEALTH);
}

export type Reach = "open" | "refused" | "silent";

/** Whether a connection can be opened: refused means that nothing listens, silent that nothing comes back at all. */
export async function reach(host: string, port: number): Promise<Reach> {
  const socket = connect({ host: host.replace(/^\[(.*)\]$/, "$1"), port });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    return "open";
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ECONNREFUSED" ? "refused" : "silent";
  } finally {
    socket.destroy();
  }
}

const ports: Check = {
  name: "ports",
  run: async (subject) => {
    const { port, swarmPort, listen, server } = subject;
    if (server !== undefined) return [await judgeAnswer(server.url), ...(await outsideFindings(server))];
    // Another user's server has them, most likely.
    if (subject.inUse) return [];
    const findings = await Promise.all([
      judgePort(port, "--port", listen),
      judgePort(swarmPort, "--swarm-port", listen),
    ]);
    return findings;
  },
};

async function judgeAnswer(url: string): Promise<Found> {
  const health = await healthAt(url);
  if (health === undefined) {
    return fail(
      `The server does not answer at ${url} within ${ANSWER_MS_MAX / 1000} s.`,
      "Is the machine overloaded, or the disk stuck? See its log. fsdfs stop and fsdfs start begin anew.",
    );
  }
  if (health.status === "ok") return ok(`The server answers at ${url}, its port for servers is ${health.swarmPort}`);
  return warn(
    `The server at ${url} is ${health.status}, and does not serve.`,
    "One that is behind catches up with the others by itself; see what is said of them below.",
  );
}

async function judgePort(port: number, flag: string, listen: string | undefined): Promise<Found> {
  const code = await listenRefusal(port, listen);
  if (code === undefined) return ok(`Port ${port} is free`);
  if (code === "EADDRINUSE") {
    const other = await answered(askHealthOf(`127.0.0.1:${port}`, ANSWER_MS_MAX));
    const who = other === undefined ? "another program" : `another fsdfs server, ${other.name}`;
    return fail(`Port ${port} is taken by ${who}.`, `Stop that, or choose another with ${flag}. Who it is: ss -ltnp`);
  }
  if (code === "EACCES") {
    return fail(`Port ${port} is for root only.`, `Choose one above 1023 with ${flag}.`);
  }
  return fail(`Port ${port} cannot be listened on: ${code}.`, "Is --listen an address of this machine?");
}

async function listenRefusal(port: number, host: string | undefined): Promise<string | undefined> {
  const listener = createServer();
  try {
    listener.listen({ port, exclusive: true, ...(host === undefined ? {} : { host }) });
    await once(listener, "listening");
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  } finally {
    listener.close();
  }
}

/** By the addresses that others use. From here it cannot be seen what a firewall does to those others. */
async function outsideFindings(own: LocalServer): Promise<Found[]> {
  const addresses = outsideAddresses();
  if (addresses.length === 0) {
    return [warn("This machine has no address but its own loopback.", "Connect it to a network.")];
  }
  const urls = addresses.map((address) => withHost(own.url, address));
  const answers = await Promise.all(urls.map(async (url) => ((await healthAt(url)) === undefined ? [] : [url])));
  const reached = answers.flat();
  if (reached.length === 0) {
    return [
      warn(
        `It answers on none of this machine's addresses: ${addresses.join(", ")}.`,
        "Was it started with --listen for one address only? Else a firewall of this machine is between.",
      ),
    ];
  }
  return [ok(`It answers at ${reached.join(", ")}`)];
}

export function outsideAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ address }) => address);
}

function withHost(url: string, address: string): string {
  const at = new URL(url);
  at.hostname = address.includes(":") ? `[${address}]` : address;
  return at.origin;
}

export const PORT_CHECKS: readonly Check[] = [ports];
