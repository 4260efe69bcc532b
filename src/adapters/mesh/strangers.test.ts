/** Who is not let in, on either side, and what strangers at the port can do: nothing. */
import net from "node:net";
import tls from "node:tls";
import { afterEach, describe, expect, it, vi } from "vitest";
import { swarmKey } from "../../core/security/swarm-key.ts";
import { DATA_BYTES_MAX, encodeFrame, FRAME, type FrameKind, FrameReader } from "./frames.ts";
import { MESH_LIMITS } from "./limits.ts";
import { createMeshNetwork, type MeshOptions } from "./network.ts";
import { clientTls, PROTOCOL, serverTls } from "./tls.ts";

const PASSWORD = "the swarm's password";
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function mesh(options: Partial<MeshOptions> = {}) {
  const network = createMeshNetwork({ password: PASSWORD, port: 0, listenHost: "127.0.0.1", ...options });
  closers.push(() => network.close());
  return network;
}

async function listening(options: Partial<MeshOptions> = {}) {
  const network = mesh(options);
  const port = await network.listen(async ({ method, head }) => {
    if (method === "hang") return await new Promise<never>(() => {});
    return { head };
  });
  return { network, port };
}

/** A server of another kind on a free port. */
async function other(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => server.close());
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function raw(port: number): net.Socket {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  closers.push(() => socket.destroy());
  return socket;
}

function ended(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** A member's call goes through: the server is not disturbed. */
async function serves(port: number): Promise<void> {
  const connection = await mesh().connect(`127.0.0.1:${port}`, "control");
  const { head } = await connection.request({ method: "echo", head: Buffer.from("yes"), timeoutMs: 10_000 });
  expect(Buffer.from(head).toString()).toBe("yes");
  connection.close();
}

async function codeOf(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    () => "let in",
    (error: unknown) => (error as { code?: unknown }).code,
  );
}

describe("a caller", () => {
  it("refuses a server that shows a certificate instead of the password, even one that the machine trusts", async () => {
    const before = tls.getCACertificates("default");
    tls.setDefaultCACertificates([...before, CERTIFICATE]);
    closers.push(() => tls.setDefaultCACertificates(before));
    const server = tls.createServer({ key: KEY, cert: CERTIFICATE, ALPNProtocols: [PROTOCOL] });
    server.on("tlsClientError", () => {});
    const port = await other(server);
    // The certificate is in order: anyone who does not insist on the key believes it.
    const believer = tls.connect({ port, host: "127.0.0.1", ALPNProtocols: [PROTOCOL] });
    closers.push(() => believer.destroy());
    await new Promise((resolve, reject) => believer.once("secureConnect", resolve).once("error", reject));
    expect(believer.authorized).toBe(true);
    expect(await codeOf(mesh().connect(`127.0.0.1:${port}`, "control"))).toBe("wrong-password");
  });

  it.each([
    ["an HTTP server", (socket: net.Socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["a server that hangs up", (socket: net.Socket) => socket.destroy()],
    ["a server that says goodbye", (socket: net.Socket) => socket.end()],
  ])("tells %s as unreachable", async (_name, answer) => {
    const port = await other(net.createServer((socket) => answer(socket.on("error", () => {}))));
    expect(await codeOf(mesh().connect(`127.0.0.1:${port}`, "control"))).toBe("unreachable");
  });

  it("tells a server of another release as unreachable, and why", async () => {
    const server = tls.createServer({ ...serverTls(await swarmKey(PASSWORD)), ALPNProtocols: ["fsdfs/1"] });
    server.on("tlsClientError", () => {});
    const connecting = mesh().connect(`127.0.0.1:${await other(server)}`, "control");
    await expect(connecting).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("another release"),
    });
  });

  it("gives up a server that says nothing", async () => {
    const sockets: net.Socket[] = [];
    const port = await other(net.createServer((socket) => sockets.push(socket.on("error", () => {}))));
    closers.push(() => sockets.map((socket) => socket.destroy()));
    const network = mesh({ limits: { handshakeTimeoutMs: 50 } });
    expect(await codeOf(network.connect(`127.0.0.1:${port}`, "control"))).toBe("timeout");
  });
});

describe("a listening server", () => {
  it("refuses callers without a key, with another name for it, and over an older TLS", async () => {
    const { network, port } = await listening();
    const key = await swarmKey(PASSWORD);
    const wrongName = { ...clientTls(key), pskCallback: () => ({ psk: key, identity: "somebody" }) };
    const older = { ...clientTls(key), minVersion: "TLSv1.2", maxVersion: "TLSv1.2", ciphers: "PSK" } as const;
    for (const options of [{ rejectUnauthorized: false, ALPNProtocols: [PROTOCOL] }, wrongName, older]) {
      const socket = tls.connect({ port, host: "127.0.0.1", ...options });
      const outcome = new Promise((resolve) => {
        socket.once("secureConnect", () => resolve("let in"));
        socket.once("error", () => resolve("refused"));
      });
      expect(await outcome).toBe("refused");
    }
    expect(network.counters()).toEqual({ wrongPasswords: 0, strangers: 3, dropped: 0 });
    await serves(port);
  });

  it("tells of a caller with another password, once for each address, and counts all", async () => {
    const told: string[] = [];
    const { network, port } = await listening({ onRefused: (address) => told.push(address) });
    for (let i = 0; i < 5; i++) {
      const stranger = mesh({ password: "another password" });
      expect(await codeOf(stranger.connect(`127.0.0.1:${port}`, "control"))).toBe("wrong-password");
    }
    expect(told).toEqual(["127.0.0.1"]);
    expect(network.counters()).toEqual({ wrongPasswords: 5, strangers: 0, dropped: 0 });
  });

  it.each([
    ["an HTTP request", Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n")],
    ["noise", Buffer.from(Array.from({ length: 4_000 }, (_, i) => (i * 197 + 31) % 256))],
    ["an HTTP/2 preface without TLS", Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")],
    ["a cut-off handshake", Buffer.from("160301020001000", "hex")],
  ])("ends a connection that brings %s, and nothing else", async (_name, bytes) => {
    const { network, port } = await listening({ limits: { handshakeTimeoutMs: 50 } });
    const socket = raw(port);
    socket.write(bytes);
    await ended(socket);
    expect(network.counters()).toEqual({ wrongPasswords: 0, strangers: 1, dropped: 0 });
    await serves(port);
  });

  it("drops the oldest of too many handshakes, so that strangers cannot keep members out", async () => {
    const { network, port } = await listening({ limits: { inboundHandshakes: 3 } });
    const sockets = Array.from({ length: 3 }, () => raw(port));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
    const first = ended(sockets[0]!);
    await serves(port);
    await first;
    expect(network.counters().dropped).toBe(1);
  });

  it("turns away connections above its limit, and takes new ones when others have gone", async () => {
    const { network, port } = await listening({ limits: { inboundConnections: 1 } });
    const holder = await mesh().connect(`127.0.0.1:${port}`, "control");
    expect(await codeOf(mesh().connect(`127.0.0.1:${port}`, "control"))).toBe("unreachable");
    expect(network.counters().dropped).toBe(1);
    holder.close();
    await holder.closed;
    await vi.waitUntil(async () => (await codeOf(mesh().connect(`127.0.0.1:${port}`, "control"))) === "let in");
  });

  it("turns away a member that speaks another protocol", async () => {
    const { network, port } = await listening();
    const key = await swarmKey(PASSWORD);
    const socket = tls.connect({ port, host: "127.0.0.1", ...clientTls(key), ALPNProtocols: ["h2"] });
    socket.on("error", () => {});
    await ended(socket);
    expect(network.counters()).toEqual({ wrongPasswords: 0, strangers: 1, dropped: 0 });
    await serves(port);
  });

  it.each([
    ["a frame of no kind", Buffer.from("00000000010000000000", "hex")],
    ["a frame beyond the limit", Buffer.from("02000000017fffffff", "hex")],
    ["a request twice", Buffer.concat([request(FRAME.request, 1, "echo"), request(FRAME.request, 1, "echo")])],
    ["more of a body than was granted", Buffer.concat([request(FRAME.requestWithBody, 1, "hang"), tooMuch(1)])],
  ])("ends the connection of a member that sends %s, and nothing else", async (_name, bytes) => {
    const { port } = await listening();
    const { socket } = await member(port);
    socket.write(bytes);
    await ended(socket);
    await serves(port);
  });

  it("ends a member's exchange that has no sound name, and only that", async () => {
    const { port } = await listening();
    const { socket, heard } = await member(port);
    socket.write(request(FRAME.request, 1, "UPPER"));
    socket.write(request(FRAME.request, 2, ""));
    socket.write(encodeFrame(FRAME.request, 3, Buffer.from([200, 101]))); // A name that is not there.
    socket.write(request(FRAME.request, 4, "echo"));
    await vi.waitUntil(() => heard.some(({ kind }) => kind === FRAME.response));
    const resets = [1, 2, 3].map((exchange) => ({ kind: FRAME.reset, exchange }));
    expect(heard.slice(1)).toEqual([...resets, { kind: FRAME.response, exchange: 4 }]);
  });

  it("answers requests beyond the limit of a connection with an error, and those within it", async () => {
    const release = Promise.withResolvers<void>();
    const network = mesh({ limits: { exchangesPerConnection: 2 } });
    const port = await network.listen(async ({ head }) => {
      await release.promise;
      return { head };
    });
    const connection = await mesh().connect(`127.0.0.1:${port}`, "control");
    const ask = () => connection.request({ method: "wait", head: new Uint8Array(0), timeoutMs: 10_000 });
    const within = [ask(), ask()];
    await expect(ask()).rejects.toMatchObject({ code: "overloaded" });
    release.resolve();
    await Promise.all(within);
    await ask();
  });
});

function request(kind: FrameKind, exchange: number, method: string): Buffer {
  return encodeFrame(kind, exchange, Buffer.from([method.length]), Buffer.from(method));
}

/** More than a window, in frames that are each in order. */
function tooMuch(exchange: number): Buffer {
  const piece = encodeFrame(FRAME.data, exchange, Buffer.alloc(DATA_BYTES_MAX));
  return Buffer.concat(Array.from({ length: MESH_LIMITS.windowBytes / DATA_BYTES_MAX + 1 }, () => piece));
}

/** A connection with the password, and the kinds of the frames that come. */
async function member(port: number) {
  const socket = tls.connect({ port, host: "127.0.0.1", ...clientTls(await swarmKey(PASSWORD)) });
  socket.on("error", () => {});
  closers.push(() => socket.destroy());
  const heard: { kind: FrameKind; exchange: number }[] = [];
  const reader = new FrameReader({ frame: (kind, exchange) => heard.push({ kind, exchange }), data: () => {} });
  socket.on("data", (chunk) => reader.take(chunk));
  await vi.waitUntil(() => heard.some(({ kind }) => kind === FRAME.ready));
  return { socket, heard };
}

/** For localhost and 127.0.0.1, made for this test and of no use elsewhere. Valid until 2126. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUCHxCTLuTnXqhQU+maAuxgioT82YwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA2MjMwMVoYDzIxMjYxMDMw
MDYyMzAxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASNOWOQ2jwMnadR3P5dw2mts2Lej9NwnLB45g93oD9Y+FujNFbbddPX
lLXQqxeW627XECVF1IbIb78TV+BcJKsKo28wbTAdBgNVHQ4EFgQUAzueW0ILT+Y/
sskMJSrQ9BvtgE4wHwYDVR0jBBgwFoAUAzueW0ILT+Y/sskMJSrQ9BvtgE4wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgUuPVgPxtwzIHtovCkdVhTyTEoTlc1Ux6RRuf67xWbwsCIFBC
6TJ52KVUDwdt5y1EodIiMiu95FnRuEqrpJXY5Nbd
-----END CERTIFICATE-----`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgp7EYTaCDwKmB8Sfu
BXNzJALxE8BhnTA5KwqJwq20WHKhRANCAASNOWOQ2jwMnadR3P5dw2mts2Lej9Nw
nLB45g93oD9Y+FujNFbbddPXlLXQqxeW627XECVF1IbIb78TV+BcJKsK
-----END PRIVATE KEY-----`;
