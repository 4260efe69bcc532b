/** Whom a file is read from, and what happens when that one breaks off (S5, S6, P4). */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ServerId, VersionId } from "../core/ids.ts";
import { FsdfsError } from "../errors.ts";
import type { HolderInfo, Location } from "../server/face.ts";
import { type Client, clientOn } from "./client.ts";
import { PLATFORMS } from "./platforms.fixture.ts";

const CONTENT = "one version of a file, long enough to be cut in two";
const VERSION = "0123456789abcd-0123456789ab" as VersionId;
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const NEXT = "0123456789abce-0123456789ab";

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

interface Holder extends HolderInfo {
  /** What was asked for but /health. */
  readonly asked: IncomingMessage[];
}

type Serve = (request: IncomingMessage, response: ServerResponse, count: number) => void;

let holders = 0;

async function holder(serve: Serve, healthId?: string): Promise<Holder> {
  const id = `00000000000${holders++ % 10}` as ServerId;
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    if (request.url === "/health") {
      response.end(JSON.stringify({ status: "ok", server: healthId ?? id }));
      return;
    }
    asked.push(request);
    serve(request, response, asked.length);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return { id, asked, name: id, url: `http://127.0.0.1:${port}`, state: "up", zone: "z", load: 0 };
}

/** As the real server does: ranges, and the condition on the version. */
function serveFile(request: IncomingMessage, response: ServerResponse, version: string = VERSION, cutAt?: number) {
  const headers = { "fsdfs-version": version, "fsdfs-sha256": SHA256 };
  const ifMatch = request.headers["if-match"];
  if (ifMatch !== undefined && ifMatch !== `"${version}"`) {
    const error = { code: "precondition-failed", message: "another version", hint: "" };
    response.writeHead(412).end(JSON.stringify({ error }));
    return;
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  const start = Number(range?.[1] ?? 0);
  const end = range?.[2] ? Number(range[2]) + 1 : CONTENT.length;
  response.writeHead(range === null ? 200 : 206, {
    ...headers,
    "content-length": end - start,
    ...(range === null ? {} : { "content-range": `bytes ${start}-${end - 1}/${CONTENT.length}` }),
  });
  if (cutAt === undefined) {
    response.end(CONTENT.slice(start, end));
    return;
  }
  response.write(CONTENT.slice(start, cutAt), () => setImmediate(() => response.destroy()));
}

const whole: Serve = (request, response) => serveFile(request, response);

let createPlatform = PLATFORMS[0].create;

function clientOf(url: string): Client {
  const client = clientOn(createPlatform(), { url, wait: async () => undefined, authorize: () => "Bearer k" });
  cleanups.push(() => client.close());
  return client;
}

const locationOf = (...servers: HolderInfo[]): Location => ({
  path: "x",
  size: CONTENT.length,
  sha256: SHA256,
  version: VERSION,
  target: 3,
  copies: servers.length,
  surplus: 0,
  servers,
});

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FsdfsError)) throw new Error("no FsdfsError", { cause: error });
  return error.code;
}

describe.each(PLATFORMS)("over $name", (platform) => {
  beforeAll(() => {
    createPlatform = platform.create;
  });
  test("reads at once are spread over the holders, and carry the client's key", async () => {
    const waiting: (() => void)[] = [];
    const late: Serve = (request, response) => {
      waiting.push(() => serveFile(request, response));
      if (waiting.length === 6) for (const answer of waiting) answer();
    };
    const servers = [await holder(late), await holder(late), await holder(late)];
    const client = clientOf(servers[0]!.url);
    const from = locationOf(...servers);
    const read = async () => (await client.get("x", { from })).text();
    expect(await Promise.all(Array.from({ length: 6 }, read))).toEqual(Array(6).fill(CONTENT));
    expect(servers.map(({ asked }) => asked.length)).toEqual([2, 2, 2]);
    expect(servers[2]?.asked[0]?.headers.authorization).toBe("Bearer k");
  });

  test("only holders that prove to be who they are said to be are asked", async () => {
    const base = await holder(whole);
    const other = await holder(whole, "ffffffffffff");
    const dead = { ...base, id: "000000000aaa" as ServerId, url: "http://127.0.0.1:1" };
    const down: HolderInfo = { ...(await holder(whole)), state: "down" };
    const client = clientOf(base.url);
    expect(await (await client.get("x", { from: locationOf(other, dead, down) })).text()).toBe(CONTENT);
    expect(other.asked).toHaveLength(0);
    expect(base.asked).toHaveLength(1);
  });

  test("a holder that refuses is passed over, and the server that was given has the last word", async () => {
    const refuses = await holder((_, response) => {
      response.writeHead(404).end(JSON.stringify({ error: { code: "copy-not-here", message: "gone", hint: "" } }));
    });
    const base = await holder(whole);
    expect(await (await clientOf(base.url).get("x", { from: locationOf(refuses) })).text()).toBe(CONTENT);
    const gone = await clientOf(refuses.url)
      .get("x", { from: locationOf(base) })
      .then((download) => download.text());
    expect(gone).toBe(CONTENT);
  });

  test("what breaks off is read on from another holder, the same version, and the whole is checked (P4)", async () => {
    const breaks = await holder((request, response) => serveFile(request, response, VERSION, 10));
    const next = await holder(whole);
    const base = await holder(whole);
    const download = await clientOf(base.url).get("x", { from: locationOf(breaks, next) });
    expect(await download.text()).toBe(CONTENT);
    expect(next.asked.map(({ headers }) => [headers.range, headers["if-match"]])).toEqual([
      [`bytes=10-${CONTENT.length - 1}`, `"${VERSION}"`],
    ]);
    expect(base.asked).toHaveLength(0);
  });

  test("without a location it is read on from the server that was given", async () => {
    const base = await holder((request, response, count) =>
      serveFile(request, response, VERSION, count < 4 ? count * 5 : undefined),
    );
    expect(await (await clientOf(base.url).get("x")).text()).toBe(CONTENT);
    expect(base.asked.map(({ headers }) => headers.range)).toEqual([
      undefined,
      "bytes=5-50",
      "bytes=10-50",
      "bytes=15-50",
    ]);
  });

  test("a new version is never joined to what came of the old one (P4)", async () => {
    const base = await holder((request, response, count) =>
      count === 1 ? serveFile(request, response, VERSION, 10) : serveFile(request, response, NEXT),
    );
    expect(await codeOf((await clientOf(base.url).get("x")).text())).toBe("precondition-failed");
  });

  test("who breaks off again and again is given up", async () => {
    const base = await holder((request, response) => {
      const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      serveFile(request, response, VERSION, Math.max(start, 10));
    });
    expect(await codeOf((await clientOf(base.url).get("x")).text())).toBe("connection-lost");
  });

  test("a range may end before the file does, or not say where", async () => {
    const base = await holder(whole);
    const client = clientOf(base.url);
    expect(await (await client.get("x", { range: { start: 4, end: 11 } })).text()).toBe("version");
    expect(await (await client.get("x", { range: { start: 40 } })).text()).toBe(CONTENT.slice(40));
  });

  test.each([{ start: 4, end: 4 }, { start: 9, end: 4 }, { start: -5 }, { start: 0, end: 1.5 }, { start: Number.NaN }])(
    "a range that names no bytes is refused, and not answered with the whole file: %j",
    async (range) => {
      const base = await holder((request, response) => serveFile(request, response));
      expect(await codeOf(clientOf(base.url).get("x", { range }))).toBe("argument-invalid");
      expect(base.asked).toHaveLength(0);
    },
  );

  test("of the whole file in the place of a part, as from a proxy that knows no ranges, the part is taken (P4)", async () => {
    const base = await holder((request, response) => {
      delete request.headers.range;
      serveFile(request, response);
    });
    const client = clientOf(base.url);
    const { info, sizeBytes, body } = await client.get("x", { range: { start: 4, end: 11 } });
    expect([info.size, sizeBytes]).toEqual([CONTENT.length, 7]);
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
    expect(text).toBe("version");
    expect(await (await client.get("x", { range: { start: 40 } })).text()).toBe(CONTENT.slice(40));
    expect(await codeOf(client.get("x", { range: { start: CONTENT.length } }))).toBe("range-unsatisfiable");
  });

  test("an aborted read ends with the signal's own reason, at once and amid the content", async () => {
    const base = await holder((request, response) => {
      response.writeHead(200, { "content-length": 100, "fsdfs-version": VERSION });
      response.write("a");
      void request;
    });
    const client = clientOf(base.url);
    const reason = new Error("enough");
    await expect(client.get("x", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const { body } = await client.get("x", { signal: controller.signal });
    await expect(
      (async () => {
        for await (const _ of body) controller.abort(reason);
      })(),
    ).rejects.toBe(reason);
    const bound = new AbortController();
    const reading = (await client.withSignal(bound.signal).get("x")).text();
    bound.abort(reason);
    await expect(reading).rejects.toBe(reason);
  });
});
