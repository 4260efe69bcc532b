import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { freePortPair } from "../../tests/free-ports.ts";
import { FsdfsError } from "../errors.ts";
import { type Client, type ClientOptions, clientOn } from "./client.ts";
import { PLATFORMS } from "./platforms.fixture.ts";
import type { Platform } from "./transport.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

/** Answers each request with the next handler; the last one goes on. Keeps what was asked. */
async function serve(...handlers: Handler[]): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    handlers[Math.min(asked.length, handlers.length) - 1]?.(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, asked };
}

async function urlOfNobody(): Promise<string> {
  const [port] = await freePortPair();
  return `http://127.0.0.1:${port}`;
}

let createPlatform = PLATFORMS[0].create;

function clientOf(url: string, options: Partial<ClientOptions> = {}): Client {
  const client = clientOn(createPlatform(), { url, wait: async () => undefined, ...options });
  cleanups.push(() => client.close());
  return client;
}

const json =
  (status: number, value: unknown): Handler =>
  (request, response) => {
    request.resume().on("end", () => response.writeHead(status).end(JSON.stringify(value)));
  };
const failure = (status: number, code: string) =>
  json(status, { error: { code, message: `it is ${code}`, hint: "do something" } });
const file =
  (content: string, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    const sha256 = createHash("sha256").update(content).digest("hex");
    response.writeHead(200, { "content-length": content.length, "fsdfs-sha256": sha256, ...headers }).end(content);
  };
const breaks: Handler = (request) => request.socket.destroy();

const source = (content: string) => ({
  sizeBytes: content.length,
  open: async function* () {
    yield new TextEncoder().encode(content);
  },
});

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FsdfsError)) throw new Error("no FsdfsError", { cause: error });
  return error.code;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const sha256Of = (content: string) => createHash("sha256").update(content).digest("hex");
const PUT_RESULT = { version: "v", sha256: sha256Of("content"), size: 7, copies: 2, created: true };

test("the server is waited for where its work grows with the swarm, however long it is silent", async () => {
  const patient: string[] = [];
  const send: Platform["transport"]["send"] = async (outgoing) => {
    if (outgoing.patient) patient.push(outgoing.url.pathname);
    const body = (async function* () {
      yield new TextEncoder().encode("{}");
    })();
    return { status: 200, header: () => undefined, body, discard: () => undefined };
  };
  const { sha256 } = createPlatform();
  const client = clientOn({ transport: { send, close: () => undefined }, sha256 }, { url: "http://127.0.0.1:1" });
  await client.move("a", "b");
  await client.planMerge("other:4243");
  await client.removeServer("attic");
  await client.status();
  expect(patient).toEqual(["/move", "/merge", "/servers/attic"]);
});

describe.each(PLATFORMS)("over $name", (platform) => {
  beforeAll(() => {
    createPlatform = platform.create;
  });
  describe("errors", () => {
    test("come back with the server's own code, message, hint and status", async () => {
      const { url } = await serve(failure(403, "forbidden"));
      const error: unknown = await clientOf(url)
        .remove("x")
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        name: "FsdfsError",
        code: "forbidden",
        message: "it is forbidden",
        hint: "do something",
        status: 403,
      });
    });

    test("of a deletion do not tell that the file is missing when an attempt before it may have deleted it", async () => {
      const gone = failure(404, "file-not-found");
      const cut: Handler = (request) => request.socket.destroy();
      const { url, asked } = await serve(cut, gone);
      await clientOf(url).remove("x");
      expect(asked).toHaveLength(2);
      const refusing = await serve(failure(503, "behind"), gone);
      expect(await codeOf(clientOf(refusing.url).remove("x"))).toBe("file-not-found");
      const other = await serve(cut, gone);
      expect(await codeOf(clientOf(other.url).remove("x", { ifVersion: "v" }))).toBe("file-not-found");
    });

    test("that this client does not know keep the server's words", async () => {
      const { url } = await serve(failure(418, "of-the-future"));
      await expect(clientOf(url).status()).rejects.toMatchObject({ code: "internal", message: "it is of-the-future" });
    });

    test("tell when nothing listens, and when what listens is not fsdfs", async () => {
      expect(await codeOf(clientOf(await urlOfNobody()).status())).toBe("server-unreachable");
      const { url } = await serve((_, response) => response.end("<html>"));
      expect(await codeOf(clientOf(url).status())).toBe("server-unreachable");
    });

    test("to a HEAD, which has no body, are told from the status", async () => {
      const { url } = await serve((_, response) => response.writeHead(404).end());
      expect(await codeOf(clientOf(url).head("x"))).toBe("file-not-found");
    });
  });

  describe("a put", () => {
    test("announces its length, its digest and a request id that all its attempts share", async () => {
      const { url, asked } = await serve(breaks, failure(503, "overloaded"), json(201, PUT_RESULT));
      const sha256 = createHash("sha256").update("content").digest("hex");
      expect(await clientOf(url).put("/a b/ü", source("content"), { sha256 })).toEqual(PUT_RESULT);
      expect(asked).toHaveLength(3);
      expect(asked[0]?.url).toBe("/files/a%20b/%C3%BC");
      expect(asked[2]?.headers).toMatchObject({ "content-length": "7", "fsdfs-sha256": sha256 });
      expect(new Set(asked.map(({ headers }) => headers["fsdfs-request-id"])).size).toBe(1);
    });

    test("of what lies at a URL has the same conditions and headers", async () => {
      const { url, asked } = await serve(json(201, PUT_RESULT));
      const client = clientOf(url);
      await client.putFrom("x", "http://source/a", { ifVersion: "v1", sha256: "00", requestId: "r" });
      await client.putFrom("x", "http://source/a", { ifMissing: true });
      expect(asked[0]?.url).toBe("/files/x?from=http%3A%2F%2Fsource%2Fa");
      expect(asked[0]?.headers).toMatchObject({ "if-match": '"v1"', "fsdfs-sha256": "00", "fsdfs-request-id": "r" });
      expect(asked[1]?.headers).toMatchObject({ "if-none-match": "*" });
    });

    test("gives up after five attempts", async () => {
      const { url, asked } = await serve(failure(503, "behind"));
      expect(await codeOf(clientOf(url).put("x", source("y")))).toBe("behind");
      expect(asked).toHaveLength(5);
    });

    test("that is refused early tells why, though the body was not sent", async () => {
      const { url } = await serve((_, response) => {
        response.writeHead(507, { connection: "close" });
        response.end(JSON.stringify({ error: { code: "no-space", message: "full", hint: "" } }));
      });
      let sentBytes = 0;
      const endless = {
        sizeBytes: 1e9,
        open: async function* () {
          for (; sentBytes < 1e9; sentBytes += 65536) yield new Uint8Array(65536);
        },
      };
      expect(await codeOf(clientOf(url).put("x", endless))).toBe("no-space");
      expect(sentBytes).toBeLessThan(1e9);
    });

    test("whose source cannot be read fails with the source's error", async () => {
      const { url } = await serve(json(201, PUT_RESULT));
      const broken = {
        sizeBytes: 5,
        // biome-ignore lint/correctness/useYield: it fails before it has anything.
        open: async function* (): AsyncGenerator<Uint8Array<ArrayBuffer>> {
          throw new Error("the disk says no");
        },
      };
      await expect(clientOf(url).put("x", broken)).rejects.toThrow("the disk says no");
    });

    test("of what can be read only once is tried only once", async () => {
      const { url, asked } = await serve(breaks);
      expect(await codeOf(clientOf(url).put("x", { ...source("y"), once: true }))).toBe("connection-lost");
      expect(asked).toHaveLength(1);
    });
  });

  describe("a get", () => {
    test("follows a redirect to the holder, and sends it no credential (S5)", async () => {
      const holder = await serve(file("music", { "fsdfs-copies": "3" }));
      const asked = await serve((_, response) =>
        response.writeHead(307, { location: `${holder.url}/files/x?mac=1` }).end(),
      );
      const got = await clientOf(asked.url, { authorize: () => "Bearer k" }).get("x");
      expect(await textOf(got.body)).toBe("music");
      expect(got.info).toMatchObject({ path: "x", size: 5, copies: 3 });
      expect(asked.asked[0]?.headers.authorization).toBe("Bearer k");
      expect(holder.asked[0]?.url).toBe("/files/x?mac=1");
      expect(holder.asked[0]?.headers.authorization).toBeUndefined();
    });

    test("takes the file through the server that was asked when the holder cannot be reached", async () => {
      const { url, asked } = await serve(
        (_, response) => response.writeHead(307, { location: "http://127.0.0.1:1/files/x" }).end(),
        file("music"),
      );
      expect(await textOf((await clientOf(url).get("x")).body)).toBe("music");
      expect(asked[1]?.url).toBe("/files/x?redirect=never");
    });

    test("never passes wrong or missing bytes for the file (P4)", async () => {
      const wrong = await serve(file("music", { "fsdfs-sha256": "0".repeat(64) }));
      expect(
        await codeOf(
          clientOf(wrong.url)
            .get("x")
            .then(({ body }) => textOf(body)),
        ),
      ).toBe("digest-mismatch");
      const short = await serve((_, response) => {
        response.writeHead(200, { "content-length": 10 }).write("half");
        setImmediate(() => response.destroy());
      });
      expect(
        await codeOf(
          clientOf(short.url)
            .get("x")
            .then(({ body }) => textOf(body)),
        ),
      ).toBe("connection-lost");
    });
  });

  describe("lists", () => {
    test("are read page after page", async () => {
      const { url, asked } = await serve(
        json(200, { entries: [{ name: "a" }], next: "a&b" }),
        json(200, { entries: [{ name: "c" }], next: null }),
      );
      const names: string[] = [];
      for await (const { name } of clientOf(url).listAll("/dir/", { recursive: true })) names.push(name);
      expect(names).toEqual(["a", "c"]);
      expect(asked.map((request) => request.url)).toEqual([
        "/files/dir/?recursive=true",
        "/files/dir/?recursive=true&after=a%26b",
      ]);
    });
  });

  describe("what may not be repeated", () => {
    test("is not, when the connection breaks after it was sent", async () => {
      const { url, asked } = await serve(breaks);
      expect(await codeOf(clientOf(url).move("a", "b"))).toBe("connection-lost");
      expect(asked).toHaveLength(1);
    });
  });
});
