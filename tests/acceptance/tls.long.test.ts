/** HTTPS towards clients, with real servers: in one process and with serving processes; certificates that are renewed. */
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { outsideAddresses } from "../../src/cli/doctor/ports.ts";
import { createClient } from "../../src/client/node.ts";
import { requestKeyFromPassword } from "../../src/client/request-key.ts";
import { freePortPair } from "../free-ports.ts";
import { type Files, makeCertificate } from "./certificates.ts";
import { type Cluster, createCluster, GREETING, type RunningProcess, waitFor } from "./cluster.ts";

let cluster: Cluster;
let first: Files;
let second: Files;
beforeAll(async () => {
  cluster = await createCluster();
  first = await makeCertificate(cluster.directory, "first");
  second = await makeCertificate(cluster.directory, "second");
});
afterAll(() => cluster.close());

interface Started extends RunningProcess {
  readonly port: number;
  readonly data: string;
}

async function start(name: string, ...args: readonly string[]): Promise<Started> {
  const [port, swarmPort] = await freePortPair();
  const data = join(cluster.directory, name);
  const process = cluster.launch([
    ...["--data", data, "--name", name, "--no-discovery", "--password", cluster.password],
    ...(args.includes("--listen") ? [] : ["--listen", "127.0.0.1"]),
    ...["--port", String(port), "--swarm-port", String(swarmPort), ...args],
  ]);
  await waitFor(`${name} has started`, () => !process.running() || process.output().includes(GREETING));
  return { ...process, port, data };
}

/** The name on the certificate that is shown there. */
function shownName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

/** From elsewhere the certificate has to be trusted; others join, and readers are sent to them. */
async function checkTrustAndSwarm(a: Started, files: Files, tls: readonly string[]): Promise<void> {
  const asked = ["--server", `https://localhost:${a.port}`, "--password", cluster.password];
  const environment = { XDG_STATE_HOME: cluster.directory };
  const distrusted = await cluster.cli(["status", ...asked], { environment });
  expect(distrusted.code).toBe(1);
  expect(distrusted.stderr).toContain("--ca");
  expect(await cluster.cli(["status", "--ca", files.cert, ...asked], { environment })).toMatchObject({ code: 0 });

  // Another server joins by the address alone; readers are sent to it by HTTPS.
  const b = await start(`b`, ...tls, "--join", `127.0.0.1:${a.port}`);
  const requestKey = await requestKeyFromPassword(cluster.password);
  const client = createClient({
    url: `https://127.0.0.1:${a.port}`,
    credential: { kind: "signing", requestKey },
    trust: { own: await readFile(files.cert, "utf8") },
  });
  // One that is joining has no port in its URL yet.
  const urls = [a, b].map(({ port }) => `https://127.0.0.1:${port}`).sort();
  await waitFor("both hold it, and are named by their URLs", async () => {
    const { servers } = await client.locate("music/song.ogg");
    return isDeepStrictEqual(servers.map(({ url }) => url).sort(), urls);
  });
  client.close();
  await b.stop();
}

describe("HTTPS", () => {
  it.each([0, 2])(
    "with %s serving processes serves, renews its certificate, keeps the old one when the new one is of no use, and stops in time",
    async (processes) => {
      const files = { cert: join(cluster.directory, `c${processes}`), key: join(cluster.directory, `k${processes}`) };
      const use = async ({ cert, key }: Files) => {
        await copyFile(key, files.key);
        await copyFile(cert, files.cert);
      };
      await use(first);
      const tls = ["--tls-cert", files.cert, "--tls-key", files.key, "--processes", String(processes)];
      const a = await start(`a${processes}`, ...tls);
      expect(a.output()).toContain(`https://127.0.0.1:${a.port}`);
      expect(await shownName(a.port)).toBe("first");

      // The commands of this machine need nothing.
      const here = join(cluster.directory, "song.ogg");
      await writeFile(here, "x".repeat(100_000));
      expect(await cluster.cli(["put", here, "/music/", "--data", a.data])).toMatchObject({ code: 0 });
      if (processes > 0) await checkTrustAndSwarm(a, files, tls);

      await use(second);
      await waitFor("the new certificate is shown", async () => (await shownName(a.port)) === "second");
      await copyFile(first.key, files.key);
      await waitFor("what is wrong is told", () => a.output().includes("cannot be used; the old one stays"));
      expect(await shownName(a.port)).toBe("second");
      await use(first);
      await waitFor("it is right again", async () => (await shownName(a.port)) === "first");

      // Who speaks no TLS, and who never begins, hold nothing up.
      const silent = connectTcp(a.port, "127.0.0.1");
      const plain = connectTcp(a.port, "127.0.0.1").on("error", () => undefined);
      plain.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      await new Promise((closed) => plain.once("close", closed));
      expect(await a.stop()).toMatchObject({ code: 0 });
      silent.destroy();
    },
    120_000,
  );
});

describe("fsdfs doctor", () => {
  const ports = async (...args: readonly string[]) => {
    const { stdout } = await cluster.cli(["doctor", "--json", "--no-discovery", ...args]);
    const { findings } = JSON.parse(stdout) as { findings: { check: string; level: string; message: string }[] };
    return findings.filter(({ check }) => check === "ports").map(({ level, message }) => `${level}: ${message}`);
  };

  it("asks a server by HTTPS that speaks it, at all addresses of the machine, and knows it on another's port", async () => {
    const server = await start("examined", "--listen", "::", "--tls-cert", first.cert, "--tls-key", first.key);
    const [answers, outside] = await ports("--data", server.data);
    expect(answers).toContain(`ok: The server answers at https://127.0.0.1:${server.port}`);
    const [address] = outsideAddresses().filter((each) => !each.includes(":"));
    expect(outside).toContain(address === undefined ? "no address but its own" : `https://${address}:${server.port}`);
    const unborn = join(cluster.directory, "unborn");
    expect(await ports("--data", unborn, "--port", String(server.port))).toContain(
      `fail: Port ${server.port} is taken by another fsdfs server, examined.`,
    );
    await server.stop();
  });
});

describe("certificates that are of no use", () => {
  const refused = async (...args: readonly string[]) => {
    const process = await start("refused", ...args);
    expect(await process.exited).toMatchObject({ code: 2 });
    return process.output();
  };

  it("are told of, and the server does not start", { timeout: 120_000 }, async () => {
    const none = join(cluster.directory, "none");
    const noPem = join(cluster.directory, "no-pem");
    await writeFile(noPem, "nothing");
    expect(await refused("--tls-cert", first.cert)).toContain("--tls-key");
    expect(await refused("--tls-cert", none, "--tls-key", first.key)).toContain("cannot be read (ENOENT)");
    expect(await refused("--tls-cert", noPem, "--tls-key", first.key)).toContain("no certificate in PEM");
    expect(await refused("--tls-cert", first.cert, "--tls-key", noPem)).toContain("no private key in PEM");
    expect(await refused("--tls-cert", first.cert, "--tls-key", second.key)).toContain(
      "not the key of the certificate",
    );
    await rm(noPem);
  });
});
