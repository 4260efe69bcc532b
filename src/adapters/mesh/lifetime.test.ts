/** How connections end: closing, callers that fall silent, wires that go dead. */
import net from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { RequestHandler } from "../../ports/network.ts";
import { createMeshNetwork, type MeshOptions } from "./network.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function mesh(options: Partial<MeshOptions> = {}) {
  const network = createMeshNetwork({ password: "the swarm's password", port: 0, ...options });
  closers.push(() => network.close());
  return network;
}

const nothing = new Uint8Array(0);
const never = new Promise<never>(() => {});

/** A wire between a caller and a server that can be cut without either noticing. */
async function wire(port: number) {
  const sockets: net.Socket[] = [];
  const proxy = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    for (const socket of [near, far]) socket.on("error", () => {});
    sockets.push(near, far);
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const address = proxy.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  const exchanges = async (count: number) => {
    for (let seen = 0; seen < count; seen++) await new Promise((resolve) => sockets[0]?.once("data", resolve));
  };
  const cut = () => {
    for (const socket of sockets) socket.unpipe().pause();
  };
  /** What this end of the wire says does not arrive any more. */
  const mute = (end: "caller" | "server") => void sockets[end === "caller" ? 0 : 1]?.unpipe().pause();
  return { address: `127.0.0.1:${address.port}`, cut, mute, exchanges };
}

describe("a wire that goes dead", () => {
  it("does not hold a request beyond its time", async () => {
    const port = await mesh().listen(async ({ head }) => ({ head }));
    const { address, cut } = await wire(port);
    const connection = await mesh().connect(address, "control");
    cut();
    const asked = connection.request({ method: "echo", head: new Uint8Array(10_000_000), timeoutMs: 50 });
    await expect(asked).rejects.toMatchObject({ code: "timeout" });
  });

  it("ends the connection at both ends after some silent intervals", async () => {
    const limits = { keepaliveIntervalMs: 10, keepaliveIntervals: 4 };
    const begun = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const handler: RequestHandler = async ({ signal }) => {
      signal.addEventListener("abort", () => gone.resolve());
      begun.resolve();
      return never;
    };
    const port = await mesh({ limits }).listen(handler);
    const { address, cut } = await wire(port);
    const connection = await mesh({ limits }).connect(address, "control");
    const asked = connection.request({ method: "hang", head: nothing, timeoutMs: 30_000 });
    const failure = expect(asked).rejects.toMatchObject({ code: "closed" });
    await begun.promise;
    cut();
    await connection.closed;
    await failure;
    await gone.promise;
  });

  it("is told from a quiet one: pings keep that alive", async () => {
    // Twice as long as a dead wire is borne with, which a busy machine's pauses must not reach.
    const limits = { keepaliveIntervalMs: 50, keepaliveIntervals: 20 };
    const port = await mesh({ limits }).listen(async ({ head }) => ({ head }));
    const { address, exchanges } = await wire(port);
    const connection = await mesh({ limits }).connect(address, "control");
    let ended = false;
    void connection.closed.then(() => {
      ended = true;
    });
    await exchanges(40);
    expect(ended).toBe(false);
    await connection.request({ method: "echo", head: nothing, timeoutMs: 10_000 });
  });
});

it("a connection ends with the last number that a request can have, and is made anew", async () => {
  const port = await mesh().listen(async ({ head }) => ({ head }));
  const caller = mesh({ limits: { exchangesInAll: 3 } });
  const connection = await caller.connect(`127.0.0.1:${port}`, "control");
  const ask = { method: "echo", head: nothing, timeoutMs: 10_000 };
  for (let i = 0; i < 3; i++) await connection.request(ask);
  await expect(connection.request(ask)).rejects.toMatchObject({ code: "closed" });
  await connection.closed;
  const next = await caller.connect(`127.0.0.1:${port}`, "control");
  await next.request(ask);
});

describe("a window of 16 MB", () => {
  /** Less than the window, more than all that the kernel's buffers or HTTP/2's own 64 KB would let pass. */
  const MUCH_BYTES = 15_000_000;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(64 * 1024);
  }

  it("goes down without a word from the reader", async () => {
    const port = await mesh().listen(async () => ({ head: nothing, body: endless() }));
    const { address, mute } = await wire(port);
    const connection = await mesh().connect(address, "bulk");
    const { body } = await connection.request({ method: "pull", head: nothing, timeoutMs: 10_000 });
    mute("caller");
    let receivedBytes = 0;
    for await (const chunk of body) {
      receivedBytes += chunk.length;
      if (receivedBytes > MUCH_BYTES) break;
    }
    expect(receivedBytes).toBeGreaterThan(MUCH_BYTES);
  });

  it("goes up without a word from the handler", async () => {
    const begun = Promise.withResolvers<void>();
    const much = Promise.withResolvers<void>();
    const port = await mesh().listen(async ({ body }) => {
      begun.resolve();
      let receivedBytes = 0;
      for await (const chunk of body) {
        receivedBytes += chunk.length;
        if (receivedBytes > MUCH_BYTES) much.resolve();
      }
      return { head: nothing };
    });
    const { address, mute } = await wire(port);
    const connection = await mesh().connect(address, "bulk");
    const put = connection.request({ method: "put", head: nothing, body: endless(), timeoutMs: 60_000 });
    const failure = expect(put).rejects.toMatchObject({ code: "closed" });
    await begun.promise;
    mute("server");
    await much.promise;
    connection.close();
    await failure;
  });
});

describe("many bodies at once", () => {
  it("wait for each other instead of filling the memory, and all come through", async () => {
    const limits = { windowBytes: 256 * 1024 };
    const server = mesh({ limits });
    async function* megabyte(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 4; i++) yield new Uint8Array(256 * 1024);
    }
    const port = await server.listen(async () => ({ head: nothing, body: megabyte() }));
    const connection = await mesh({ limits }).connect(`127.0.0.1:${port}`, "bulk");
    const pulls = Array.from({ length: 60 }, async () => {
      const { body } = await connection.request({ method: "pull", head: nothing, timeoutMs: 30_000 });
      let receivedBytes = 0;
      for await (const chunk of body) receivedBytes += chunk.length;
      return receivedBytes;
    });
    expect(new Set(await Promise.all(pulls))).toEqual(new Set([1024 * 1024]));
  });
});

describe("closing", () => {
  it("takes under a second with streams open both ways and strangers connected", async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(256 * 1024);
    }
    const server = mesh();
    const port = await server.listen(async ({ method }) => {
      if (method === "hang") return never;
      return { head: nothing, body: endless() };
    });
    const client = mesh();
    const connection = await client.connect(`127.0.0.1:${port}`, "bulk");
    const { body } = await connection.request({ method: "pull", head: nothing, timeoutMs: 10_000 });
    const reading = body[Symbol.asyncIterator]();
    await reading.next();
    const uploads = Array.from({ length: 10 }, () =>
      connection.request({ method: "hang", head: nothing, body: endless(), timeoutMs: 10_000 }).catch(() => {}),
    );
    const stranger = net.connect(port, "127.0.0.1").on("error", () => {});
    await new Promise((resolve) => stranger.once("connect", resolve));
    const began = performance.now();
    await server.close();
    expect(performance.now() - began).toBeLessThan(1_000);
    await Promise.all([connection.closed, ...uploads]);
  });

  it("ends a connection that is just being made", async () => {
    const silent = net.createServer((socket) => void socket.on("error", () => {}));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    closers.push(() => silent.close());
    const address = silent.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    const client = mesh();
    const accepted = new Promise((resolve) => silent.once("connection", resolve));
    const connecting = expect(client.connect(`127.0.0.1:${address.port}`, "control")).rejects.toMatchObject({
      code: "closed",
    });
    await accepted;
    await client.close();
    await connecting;
  });

  it("may be asked for twice, and before anything was begun", async () => {
    const network = mesh();
    await network.close();
    await network.close();
    await expect(network.listen(async () => ({ head: nothing }))).rejects.toMatchObject({ code: "closed" });
  });
});

describe("listening", () => {
  it("is on all interfaces unless a host is given, and tells IPv4 callers as such", async () => {
    const port = await mesh().listen(async ({ remoteAddress }) => ({ head: Buffer.from(remoteAddress) }));
    const connection = await mesh().connect(`127.0.0.1:${port}`, "control");
    const { head } = await connection.request({ method: "who", head: nothing, timeoutMs: 10_000 });
    expect(Buffer.from(head).toString()).toBe("127.0.0.1");
  });
});
