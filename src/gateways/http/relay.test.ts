import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Log } from "../../ports/log.ts";
import { type EntryInfo, NotHere, type ReadyFace } from "../../server/face.ts";
import type { HttpGateway } from "./gateway.ts";
import { createServingGateway } from "./serving-gateway.ts";

const MIB = 1024 * 1024;
const ignore = () => undefined;
const log: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
/** Has nothing ready itself. */
const face = new Proxy({} as ReadyFace, {
  get: () => () => {
    throw new NotHere();
  },
});

let controlSocket: string;
let control: Server | undefined;
let gateway: HttpGateway | undefined;
let port: number;
let asked: string[];

beforeEach(async () => {
  controlSocket = join(tmpdir(), `fsdfs-relay-${randomUUID()}.sock`);
  asked = [];
  await openGateway();
});
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  control?.closeAllConnections();
  control?.close();
  control = undefined;
  await rm(controlSocket, { force: true });
});

/** In place of the one that there is. */
async function openGateway(other: { lingerMs?: number } = {}, ready = face): Promise<void> {
  await gateway?.close();
  const limits = { lingerMs: 100, closeGraceMs: 100, connectionIdleMs: 100, ...other };
  gateway = createServingGateway({
    ...{ face: ready, log, publicRead: false, limits, controlSocket },
    where: { port: 0, host: "127.0.0.1" },
  });
  ({ port } = await gateway.listen());
}

/** What stands in the control process's place. */
async function controlAnswers(handler: RequestListener): Promise<void> {
  control = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    handler(request, response);
  }).listen(controlSocket);
  await once(control, "listening");
}

/** Over a connection of its own: one that is kept may be cut, being idle, just when it is used again. */
async function ask(method: string, body?: string): Promise<string> {
  const request = { method, headers: { connection: "close" }, ...(body === undefined ? {} : { body }) };
  const response = await fetch(`http://127.0.0.1:${port}/x`, request);
  const text = await response.text();
  return response.ok ? text : (JSON.parse(text) as { error: { code: string } }).error.code;
}

/** Answers so many requests, then hangs up once, then answers again. */
function hangsUpAfter(count: number): RequestListener {
  return (request: IncomingMessage, response) => {
    if (asked.length === count + 1) request.socket.destroy();
    else request.resume().on("end", () => response.end("done"));
  };
}

describe("a request that is handed on", () => {
  it.each([
    ["POST", undefined],
    ["POST", "body"],
    ["PUT", "body"],
    ["DELETE", undefined],
  ])(
    "may have been done when the connection breaks: %s with body %s is asked once, and told to be interrupted",
    async (method, body) => {
      await controlAnswers(hangsUpAfter(1));
      expect(await ask("GET")).toBe("done"); // So that there is a connection that was kept.
      expect(await ask(method, body)).toBe("interrupted");
      expect(asked).toEqual(["GET /x", `${method} /x`]);
    },
  );

  it.each(["GET", "HEAD"])("is asked once more when the connection was kept, and it is a %s", async (method) => {
    await controlAnswers(hangsUpAfter(1));
    await ask("GET");
    expect(await ask(method)).toBe(method === "GET" ? "done" : "");
    expect(asked).toEqual(["GET /x", `${method} /x`, `${method} /x`]);
  });

  it.each([{}, { range: "bytes=1-2" }])(
    "may be one for a file of which no byte can be read here (P4): %j",
    async (headers) => {
      const info = { path: "x", type: "file", size: 3, version: "v", modified: null } as EntryInfo;
      async function* stream(): AsyncGenerator<Uint8Array> {
        yield await Promise.reject<Uint8Array>(new NotHere());
      }
      const opened = { kind: "content" as const, info, stream, close: async () => undefined };
      const unreadable = { open: async () => opened, openNow: () => ({ ...opened, kind: "stream" as const }) };
      const admitting = { authenticate: async () => ({ scope: "read" }) };
      await openGateway({}, { ...unreadable, ...admitting } as unknown as ReadyFace);
      await controlAnswers((_request, response) => response.end("of another server"));
      const authorization = "Bearer k";
      const response = await fetch(`http://127.0.0.1:${port}/files/x`, { headers: { authorization, ...headers } });
      expect(await response.text()).toBe("of another server");
      expect(asked).toEqual(["GET /files/x"]);
    },
  );

  it("cannot have been done when nobody listens there", async () => {
    expect(await ask("PUT", "body")).toBe("stopping");
    expect(await ask("POST")).toBe("stopping");
  });
});

describe("an answer that is handed back", () => {
  it("is not lost by a body that comes after it, unasked", async () => {
    await openGateway({ lingerMs: 10_000 });
    await controlAnswers((_, response) => response.writeHead(401, { connection: "close" }).end("no"));
    control?.on("checkContinue", (_, response) => response.writeHead(401, { connection: "close" }).end("no"));
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true }).on("error", ignore);
    socket.write(`PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: ${32 * MIB}\r\nExpect: 100-continue\r\n\r\n`);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /);
    const error = await new Promise((resolve) => socket.write(Buffer.alloc(32 * MIB), resolve));
    expect(error ?? undefined).toBeUndefined();
    socket.destroy();
  });

  it("ends, and is let go of, when its reader takes nothing", async () => {
    const cut = Promise.withResolvers<void>();
    await controlAnswers((_, response) => {
      response.on("close", cut.resolve);
      response.writeHead(200, { "content-length": 64 * MIB }).write(Buffer.alloc(64 * MIB));
    });
    const socket = connect({ port, host: "127.0.0.1" }).on("error", ignore);
    socket.pause();
    socket.write("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    await cut.promise;
    socket.destroy();
  });

  it("may pause for as long as the control process takes", async () => {
    const next = Promise.withResolvers<void>();
    await controlAnswers((_, response) => {
      response.write("begin ");
      void next.promise.then(() => response.end("end"));
    });
    const response = await fetch(`http://127.0.0.1:${port}/x`);
    const text = response.text();
    // A second connection that stands still was opened after it, and is cut before.
    const silent = connect({ port, host: "127.0.0.1" }).on("error", ignore).resume();
    await once(silent, "close");
    next.resolve();
    expect(await text).toBe("begin end");
  });
});
