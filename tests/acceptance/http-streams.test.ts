/** Streams over HTTP: backpressure, clients that leave, "100 Continue", and a gateway that closes. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/core/catalog/kv.ts";
import { createHttpGateway } from "../../src/gateways/http/gateway.ts";
import { type Fixture, openGateway, startServer, type TestServer, until } from "./http-fixture.ts";
import { collect, connectTo, parseAnswers, sendRaw, written } from "./http-wire.ts";

const MIB = 1024 * 1024;
let server: TestServer;
let fixture: Fixture;

beforeAll(async () => {
  server = await startServer();
});
beforeEach(async () => {
  fixture = await openGateway(server, { limits: { lingerMs: 200, closeGraceMs: 200 } });
});
afterEach(() => fixture.close());
afterAll(() => server.stop());

function head(method: string, target: string, headers: readonly string[] = []): string {
  const all = ["Host: x", `Authorization: Bearer ${fixture.keys.write}`, ...headers];
  return `${method} ${target} HTTP/1.1\r\n${all.join("\r\n")}\r\n\r\n`;
}

describe("uploads", () => {
  it("are read no faster than the server takes them", async () => {
    const gate = Promise.withResolvers<void>();
    let taken = 0;
    fixture.face.put = async (_path, body) => {
      for await (const chunk of body) {
        taken += chunk.length;
        await gate.promise;
      }
      return { version: "v" as never, sha256: "", size: taken, copies: 1, created: true };
    };
    const socket = connectTo(fixture.port);
    const answers = collect(socket);
    socket.write(head("PUT", "/files/large", [`Content-Length: ${64 * MIB}`, "Connection: close"]));
    const piece = Buffer.alloc(MIB);
    let piecesSent = 0;
    for (let flowing = true; flowing && piecesSent < 64; piecesSent++) {
      flowing = socket.write(piece) || (await Promise.race([once(socket, "drain"), settled()])) !== undefined;
    }
    // The first chunk is not done with, so the rest lies in buffers, which end.
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThanOrEqual(64 * 1024);
    expect(piecesSent).toBeLessThan(48);
    gate.resolve();
    for (; piecesSent < 64; piecesSent++) if (!socket.write(piece)) await once(socket, "drain");
    expect(parseAnswers(await answers)[0]!.status).toBe(201);
    expect(taken).toBe(64 * MIB);
  });

  it("begin with '100 Continue' only for those who may", async () => {
    const expectation = ["Content-Length: 4", "Expect: 100-continue", "Connection: close"];
    const socket = connectTo(fixture.port);
    const answers = collect(socket);
    socket.write(head("PUT", "/files/a", expectation));
    const [first] = (await once(socket, "data")) as [Buffer];
    expect(first.toString()).toBe("HTTP/1.1 100 Continue\r\n\r\n");
    socket.write("data");
    const [, final] = parseAnswers(await answers);
    expect(final!.status).toBe(201);

    const refused = await sendRaw(fixture.port, [
      `PUT /files/a HTTP/1.1\r\nHost: x\r\n${expectation.slice(0, 2).join("\r\n")}\r\n\r\n`,
    ]);
    expect(parseAnswers(refused).map(({ status }) => status)).toEqual([401]);
  });

  it("C14: are not asked for when their condition fails", async () => {
    const expectation = ["Content-Length: 4", "Expect: 100-continue", 'If-Match: "none"', "Connection: close"];
    const refused = await sendRaw(fixture.port, [head("PUT", "/files/not-there", expectation)]);
    expect(parseAnswers(refused).map(({ status }) => status)).toEqual([412]);
  });

  it("that are refused and come all the same are taken for a while: a reset would cost the client its answer", async () => {
    const patient = await openGateway(server, { limits: { lingerMs: 10_000, closeGraceMs: 200 } });
    try {
      const socket = connectTo(patient.port);
      socket.write(`PUT /files/a HTTP/1.1\r\nHost: x\r\nContent-Length: ${32 * MIB}\r\nExpect: 100-continue\r\n\r\n`);
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(parseAnswers(answer.toString())[0]!.status).toBe(401);
      expect(await written(socket, Buffer.alloc(32 * MIB))).toBeUndefined();
      socket.destroy();
    } finally {
      await patient.close();
    }
  });

  it("that the server refuses half-way are answered, and the connection then closes", async () => {
    fixture.face.put = async (_path, body) => {
      for await (const _chunk of body) throw new Error("a bug");
      throw new Error("unreachable");
    };
    const pieces = Array<Buffer>(20).fill(Buffer.alloc(MIB));
    const text = await sendRaw(fixture.port, [head("PUT", "/files/a", [`Content-Length: ${20 * MIB}`]), ...pieces]);
    const [answer] = parseAnswers(text);
    expect(answer).toMatchObject({ status: 500 });
    expect(answer!.body).not.toContain("a bug");
    expect(JSON.parse(answer!.body)).toMatchObject({ error: { code: "internal" } });
    expect(fixture.logged).toHaveLength(1);
    expect(fixture.logged[0]).toContain("a bug");
  });

  it("of an answer that is known beforehand need not be sent to their end", async () => {
    fixture.face.put = async () => ({ version: "v" as never, sha256: "", size: 0, copies: 2, created: false });
    const text = await sendRaw(fixture.port, [head("PUT", "/files/a", [`Content-Length: ${20 * MIB}`]), "begin"]);
    const [answer] = parseAnswers(text);
    expect([answer!.status, answer!.headers.get("connection")]).toEqual([200, "close"]);
  });
});

describe("downloads", () => {
  const content = randomBytes(8 * MIB);
  beforeAll(async () => {
    await server.face.put("large", single(content));
  });

  it("P4: use one buffer without mixing what is sent, to several readers at once", async () => {
    const bodies = await Promise.all(
      [0, 1, 2].map(async () => Buffer.from(await (await fixture.request("/files/large")).arrayBuffer())),
    );
    expect(bodies.every((body) => body.equals(content))).toBe(true);
    await until(() => fixture.face.openContents === 0);
  });

  it("M4: are counted as bytes that go out, and uploads are not", async () => {
    let sent = 0;
    const onSent = (bytes: number) => {
      sent += bytes;
    };
    const counted = await openGateway(server, { onSent });
    try {
      await (await counted.request("/files/large")).arrayBuffer();
      await (await counted.request("/files/large", { headers: { range: "bytes=0-99" } })).arrayBuffer();
      expect((await counted.request("/files/counted", { method: "PUT", body: content })).status).toBe(201);
      expect(sent).toBe(content.length + 100);
    } finally {
      await counted.close();
    }
  });

  it("leave no file open when the reader leaves", async () => {
    const socket = connectTo(fixture.port);
    socket.write(head("GET", "/files/large"));
    await once(socket, "data");
    expect(fixture.face.openContents).toBe(1);
    socket.destroy();
    await until(() => fixture.face.openContents === 0);
  });

  it.each([
    ["for too long", { connectionIdleMs: 100 }, async () => {}],
    ["and the gateway closes", { closeGraceMs: 100 }, (stalled: Fixture) => stalled.close()],
  ])("leave no file open when the reader stands still %s", async (_when, limits, act) => {
    const stalled = await openGateway(server, { limits });
    const socket = connectTo(stalled.port);
    socket.pause();
    socket.write(`GET /files/large HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${stalled.keys.read}\r\n\r\n`);
    await until(() => stalled.face.openContents === 1);
    await act(stalled);
    await until(() => stalled.face.openContents === 0);
    expect(stalled.logged).toEqual([]);
    socket.destroy();
    await stalled.close();
  });

  it("P4: that fail half-way break off, so that nobody takes a part for the whole", async () => {
    replaceStream((stream) => failingAfterFirst(stream));
    const response = await fixture.request("/files/large");
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow();
    await until(() => fixture.face.openContents === 0);
    expect(fixture.logged).toHaveLength(1);
  });

  it("P4: that fail before the first byte are answered as errors", async () => {
    replaceStream(() => failing());
    const response = await fixture.request("/files/large");
    expect(response.status).toBe(500);
    expect(response.headers.get("etag")).toBeNull();
    await until(() => fixture.face.openContents === 0);
  });
});

/** Puts another stream in the place of that of each file opened. */
function replaceStream(change: (stream: AsyncIterable<Bytes>) => AsyncIterable<Bytes>): void {
  const { face } = fixture;
  const { open } = face;
  face.open = async (path, options) => {
    const opened = await open(path, options);
    if (opened.kind === "redirect") return opened;
    return { ...opened, stream: (start, end) => change(opened.stream(start, end)) };
  };
}

async function* single(chunk: Bytes): AsyncGenerator<Bytes> {
  yield chunk;
}

async function* failingAfterFirst(stream: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  for await (const chunk of stream) {
    yield chunk;
    throw new Error("the disk failed");
  }
}

// biome-ignore lint/correctness/useYield: it fails before it could yield
async function* failing(): AsyncGenerator<Bytes> {
  throw new Error("the disk failed");
}

describe("the gateway", () => {
  it("takes several requests over one connection, in order", async () => {
    await fixture.request("/files/a", { method: "PUT", body: "one" });
    const text = await sendRaw(fixture.port, [
      head("GET", "/files/a"),
      head("GET", "/files/none"),
      head("GET", "/files/a", ["Connection: close"]),
    ]);
    expect(parseAnswers(text).map(({ status }) => status)).toEqual([200, 404, 200]);
  });

  it("takes the absolute form of a request's target, and HTTP/1.0", async () => {
    await fixture.request("/files/a", { method: "PUT", body: "one" });
    const absolute = await sendRaw(fixture.port, [head("GET", "http://x/files/a", ["Connection: close"])]);
    expect(parseAnswers(absolute)[0]).toMatchObject({ status: 200, body: "one" });
    const old = await sendRaw(fixture.port, ["GET /health HTTP/1.0\r\n\r\n"]);
    expect(parseAnswers(old)[0]!.status).toBe(200);
  });

  it("closes although connections stand idle, and is closed twice without harm", async () => {
    const idle = connectTo(fixture.port);
    await once(idle, "connect");
    await fixture.request("/health");
    await Promise.all([fixture.close(), fixture.close()]);
    await expect(fixture.request("/health")).rejects.toThrow();
    idle.destroy();
  });

  it("lets a request under way end before it closes", async () => {
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const status = fixture.face.status.bind(fixture.face);
    fixture.face.status = async () => {
      started.resolve();
      await gate.promise;
      return status();
    };
    const response = fixture.request("/status");
    await started.promise;
    const closed = fixture.close();
    gate.resolve();
    expect((await response).status).toBe(200);
    await closed;
  });

  it("has so many connections at once: those there are go on, and one more is closed", async () => {
    const narrow = await openGateway(server, { limits: { connectionsMax: 2 } });
    try {
      const sockets = [connectTo(narrow.port), connectTo(narrow.port)] as const;
      const ask = async (socket: (typeof sockets)[0]) => {
        socket.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        return String(await once(socket, "data"));
      };
      for (const socket of sockets) expect(await ask(socket)).toContain(" 200 OK");
      expect(await sendRaw(narrow.port, ["GET /health HTTP/1.1\r\nHost: x\r\n\r\n"])).toBe("");
      for (const socket of sockets) expect(await ask(socket)).toContain(" 200 OK");
      for (const socket of sockets) socket.destroy();
    } finally {
      await narrow.close();
    }
  });

  it("says which port is taken", async () => {
    const { face, port } = fixture;
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    const second = createHttpGateway({ face, log, publicRead: false, listenHost: "127.0.0.1", port });
    await expect(second.listen()).rejects.toMatchObject({ code: "port-in-use", params: { port } });
    await second.close();
    const everywhere = createHttpGateway({ face, log, publicRead: false, port });
    await expect(everywhere.listen()).rejects.toMatchObject({ code: "port-in-use" });
    await everywhere.close();
  });
});

/** Resolves once what can happen by itself has: many turns of the event loop without news. */
async function settled(): Promise<undefined> {
  for (let turn = 0; turn < 1_000; turn++) await new Promise((resolve) => setImmediate(resolve));
  return undefined;
}
