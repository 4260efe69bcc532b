/** PUT ?from=URL: the server fetches, and whoever answers there may be hostile: a status, a code, and nothing stored. */
import { createHash } from "node:crypto";
import { createServer, isIP, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFetcher, type Lookup } from "../../src/gateways/http/fetch/fetcher.ts";
import { HTTP_LIMITS } from "../../src/gateways/http/limits.ts";
import { freePortPair } from "../free-ports.ts";
import { type Fixture, jsonOf, openGateway, startServer, type TestServer, until } from "./http-fixture.ts";

const QUOTA_BYTES = 8_000_000;
const CONTENT = "what lies there\n";

let server: TestServer;
/** Fetches from anywhere, and has little patience. */
let fixture: Fixture;
/** As a server is by default. */
let careful: Fixture;
let hostile: Hostile;

beforeAll(async () => {
  server = await startServer({ quotaBytes: QUOTA_BYTES });
  const limits = { fetchAnswerMs: 400, fetchIdleMs: 400, fetchesMax: 3, lingerMs: 200 };
  fixture = await openGateway(server, { fetchPrivate: true, limits });
  careful = await openGateway(server, { limits });
  hostile = await startHostile();
});
afterAll(async () => {
  expect([...fixture.logged, ...careful.logged]).toEqual([]);
  await hostile.close();
  await fixture.close();
  await careful.close();
  await server.stop();
});

interface Hostile {
  readonly port: number;
  /** Connections that are open, and how many there were. */
  readonly open: Set<Socket>;
  connections: number;
  close(): Promise<void>;
}

const head = (status: string, headers: readonly string[]) => `HTTP/1.1 ${status}\r\n${headers.join("\r\n")}\r\n\r\n`;
const whole = (content: string, ...headers: string[]) =>
  head("200 OK", [`Content-Length: ${content.length}`, ...headers]) + content;
const redirect = (location: string) => head("302 Found", [`Location: ${location}`, "Content-Length: 0"]);

/** What it answers at each address, byte by byte. */
const ANSWERS: Readonly<Record<string, (socket: Socket) => void>> = {
  "/file": (socket) => socket.write(whole(CONTENT)),
  "/a%20song.ogg?key=secret": (socket) => socket.write(whole(CONTENT)),
  "/until-closed": (socket) => socket.end(`${head("200 OK", ["Connection: close"])}${CONTENT}`),
  "/chunked": (socket) =>
    socket.write(`${head("200 OK", ["Transfer-Encoding: chunked"])}4\r\nwhat\r\nc\r\n lies there\n\r\n0\r\n\r\n`),
  "/empty": (socket) => socket.write(whole("")),
  "/twice": (socket) => socket.write(redirect("/once")),
  "/once": (socket) => socket.write(redirect("file")),
  "/circle": (socket) => socket.write(redirect("/circle")),
  "/to-file-url": (socket) => socket.write(redirect("file:///etc/passwd")),
  "/to-password": (socket) => socket.write(redirect(`http://user:word@127.0.0.1:${hostile.port}/file`)),
  "/to-nothing": (socket) => socket.write(redirect("http://[::::]/")),
  "/hangs": () => {},
  "/hangs-in-head": (socket) => socket.write("HTTP/1.1 200 OK\r\nX-A: "),
  "/hangs-in-body": (socket) => socket.write(`${head("200 OK", ["Content-Length: 100"])}abc`),
  "/slow-head": (socket) => trickle(socket, "HTTP/1.1 200 OK\r\n", "X-A: b\r\n"),
  "/too-short": (socket) => socket.end(`${head("200 OK", ["Content-Length: 100"])}abc`),
  "/reset": (socket) => socket.write(`${head("200 OK", ["Content-Length: 100"])}abc`, () => socket.resetAndDestroy()),
  "/too-long": (socket) => socket.write(`${head("200 OK", ["Content-Length: 3"])}abcdefgh`),
  "/chunks-cut": (socket) => socket.end(`${head("200 OK", ["Transfer-Encoding: chunked"])}4\r\nwhat\r\n`),
  "/bad-chunk": (socket) => socket.write(`${head("200 OK", ["Transfer-Encoding: chunked"])}zz\r\nwhat\r\n`),
  "/two-lengths": (socket) => socket.write(`${head("200 OK", ["Content-Length: 3", "Content-Length: 4"])}abcd`),
  "/negative-length": (socket) => socket.write(`${head("200 OK", ["Content-Length: -1"])}abcd`),
  "/huge-length": (socket) => forever(socket, head("200 OK", ["Content-Length: 99999999999"]), "", ""),
  "/for-ever": (socket) => forever(socket, head("200 OK", ["Transfer-Encoding: chunked"]), "10000\r\n", "\r\n"),
  "/for-ever-until-closed": (socket) => forever(socket, head("200 OK", ["Connection: close"]), "", ""),
  "/headers-for-ever": (socket) => forever(socket, "HTTP/1.1 200 OK\r\nX-A: ", "", ""),
  "/many-headers": (socket) =>
    socket.write(whole("x", ...Array.from({ length: 900 }, (_, i) => `X-${i}: ${"y".repeat(40)}`))),
  "/not-http": notHttp,
  "/closes": (socket) => socket.end(),
  "/gzip": (socket) => socket.write(whole("x", "Content-Encoding: gzip")),
  "/partial": (socket) => socket.write(`${head("206 Partial Content", ["Content-Length: 1"])}x`),
  "/no-content": (socket) => socket.write(head("204 No Content", [])),
  "/not-found": (socket) => socket.write(`${head("404 Not Found", ["Content-Length: 4"])}gone`),
  "/broken": (socket) => socket.write(head("500 Internal Server Error", ["Content-Length: 0"])),
  "/not-modified": (socket) => socket.write(head("304 Not Modified", [])),
  "/switching": (socket) => socket.write(head("101 Switching Protocols", ["Upgrade: x", "Connection: Upgrade"])),
};

function notHttp(socket: Socket): void {
  socket.end("220 mail.example.org ESMTP\r\n");
}

async function startHostile(): Promise<Hostile> {
  const open = new Set<Socket>();
  const listening: Server = createServer((socket) => {
    open.add(socket);
    started.connections += 1;
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {});
    socket.once("data", (data) => (ANSWERS[/^GET (\S+)/.exec(data.toString("latin1"))?.[1] ?? ""] ?? notHttp)(socket));
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const address = listening.address();
  const started: Hostile = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    open,
    connections: 0,
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => listening.close(resolve));
    },
  };
  return started;
}

function forever(socket: Socket, first: string, before: string, after: string): void {
  socket.write(first);
  const piece = before + "x".repeat(65_536) + after;
  const more = () => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on("drain", more);
  more();
}

function trickle(socket: Socket, first: string, line: string): void {
  socket.write(first);
  const timer = setInterval(() => socket.write(line), 50);
  socket.on("close", () => clearInterval(timer));
}

const at = (path: string) => `http://127.0.0.1:${hostile.port}${path}`;

async function putFrom(by: Fixture, path: string, url: string, init: RequestInit = {}) {
  const response = await by.request(`/files/${path}?${new URLSearchParams({ from: url })}`, { method: "PUT", ...init });
  const body = await jsonOf<{ error?: { code: string; message: string; hint: string } }>(response);
  return { status: response.status, code: body.error?.code, message: body.error?.message ?? "", body };
}

describe("a file at a URL", () => {
  it.each(["/file", "/until-closed", "/chunked", "/twice", "/a%20song.ogg?key=secret"])(
    "is stored: %s",
    async (source) => {
      const path = `stored${source.length}`;
      const sha256 = createHash("sha256").update(CONTENT).digest("hex");
      const { status, body } = await putFrom(fixture, path, at(source), { headers: { "fsdfs-sha256": sha256 } });
      expect({ status, body }).toMatchObject({ status: 201, body: { sha256, size: CONTENT.length, created: true } });
      expect(await (await fixture.request(`/files/${path}`)).text()).toBe(CONTENT);
      await until(() => hostile.open.size === 0);
    },
  );

  it("may be empty", async () => {
    expect(await putFrom(fixture, "nothing", at("/empty"))).toMatchObject({ status: 201, body: { size: 0 } });
  });

  it("is one version however often the same request is made (S1)", async () => {
    const once = { headers: { "fsdfs-request-id": "fetch-1" } };
    const first = await putFrom(fixture, "repeated", at("/file"), once);
    const second = await putFrom(fixture, "repeated", at("/file"), once);
    expect(second.body).toMatchObject({ version: (first.body as { version?: string }).version });
  });
});

describe("nothing is stored, and the connection is closed, when the source", () => {
  type Row = [source: string, status: number, code: string, message: RegExp];
  const rows: Row[] = [
    ["/circle", 502, "fetch-failed", /leads from one address to the next/],
    ["/to-file-url", 502, "fetch-failed", /an address that is not fetched/],
    ["/to-password", 502, "fetch-failed", /an address that is not fetched/],
    ["/to-nothing", 502, "fetch-failed", /an address that is not fetched/],
    ["/hangs", 504, "fetch-timeout", /0.4 s/],
    ["/hangs-in-head", 504, "fetch-timeout", /0.4 s/],
    ["/hangs-in-body", 504, "fetch-timeout", /0.4 s/],
    ["/slow-head", 504, "fetch-timeout", /0.4 s/],
    ["/too-short", 502, "fetch-failed", /ended before its last byte/],
    ["/reset", 502, "fetch-failed", /ended before its last byte/],
    ["/chunks-cut", 502, "fetch-failed", /ended before its last byte/],
    ["/bad-chunk", 502, "fetch-failed", /ended before its last byte/],
    ["/two-lengths", 502, "fetch-failed", /length/],
    ["/negative-length", 502, "fetch-failed", /length/],
    ["/huge-length", 507, "no-space", /room/],
    ["/for-ever", 507, "no-space", /room/],
    ["/for-ever-until-closed", 507, "no-space", /room/],
    ["/headers-for-ever", 502, "fetch-failed", /headers/],
    ["/many-headers", 502, "fetch-failed", /headers/],
    ["/not-http", 502, "fetch-failed", /not HTTP/],
    ["/closes", 502, "fetch-failed", /before its last byte/],
    ["/gzip", 502, "fetch-failed", /encoding/],
    ["/partial", 502, "fetch-failed", /status 206/],
    ["/no-content", 502, "fetch-failed", /status 204/],
    ["/not-found", 502, "fetch-failed", /status 404/],
    ["/broken", 502, "fetch-failed", /status 500/],
    ["/not-modified", 502, "fetch-failed", /status 304/],
    ["/switching", 502, "fetch-failed", /protocol/],
  ];
  it.each(rows)("answers as %s does", async (source, status, code, message) => {
    const before = await fixture.snapshot();
    expect(await putFrom(fixture, "never", at(source))).toMatchObject({
      status,
      code,
      message: expect.stringMatching(message),
    });
    await until(() => hostile.open.size === 0);
    expect(await fixture.snapshot()).toEqual(before);
  });

  it("has other bytes than were announced", async () => {
    const headers = { "fsdfs-sha256": "0".repeat(64) };
    expect(await putFrom(fixture, "never", at("/file"), { headers })).toMatchObject({
      status: 400,
      code: "digest-mismatch",
    });
  });

  it("sends more than it says: the rest is no part of the file", async () => {
    const { status, body } = await putFrom(fixture, "cut", at("/too-long"));
    expect([200, 201, 502]).toContain(status);
    if (status < 300) expect(body).toMatchObject({ size: 3 });
    await until(() => hostile.open.size === 0);
  });

  it("is not there", async () => {
    const [port] = await freePortPair();
    const answer = await putFrom(fixture, "never", `http://127.0.0.1:${port}/x`);
    expect(answer).toMatchObject({ code: "fetch-failed", message: expect.stringContaining("nothing listens there") });
    expect(await putFrom(fixture, "never", "http://no-such-host.invalid/")).toMatchObject({ code: "fetch-failed" });
  });

  it("speaks no TLS where that is asked for", async () => {
    expect(await putFrom(fixture, "never", at("/file").replace("http:", "https:"))).toMatchObject({
      status: 502,
      code: "fetch-failed",
    });
  });
});

describe("a request", () => {
  it.each([
    "",
    "/etc/passwd",
    "file:///etc/passwd",
    "ftp://example.org/x",
    "gopher://127.0.0.1/",
    "data:,x",
    "http://",
    "http://u:p@127.0.0.1/",
    "http://a b/",
  ])("from=%s is refused", async (url) => {
    expect(await putFrom(fixture, "never", url)).toMatchObject({ status: 400, code: "argument-invalid" });
  });

  it("with a body of its own is refused", async () => {
    expect(await putFrom(fixture, "never", at("/file"), { body: "x" })).toMatchObject({
      status: 400,
      code: "argument-invalid",
    });
  });

  it("needs a key that may write, and an admin's below .fsdfs", async () => {
    const before = hostile.connections;
    const target = `/files/never?from=${encodeURIComponent(at("/file"))}`;
    for (const key of [null, fixture.keys.read]) {
      expect((await fixture.request(target, { method: "PUT", key })).ok).toBe(false);
    }
    expect(await putFrom(fixture, ".fsdfs/policy.ts", at("/file"))).toMatchObject({ status: 403 });
    expect(hostile.connections).toBe(before);
  });

  it("shows no query of the URL in its error: it may be a signature", async () => {
    const { message } = await putFrom(fixture, "never", at("/none?signature=abc"));
    expect(message).not.toContain("abc");
  });

  it("that its client gives up lets the source go", async () => {
    const gone = new AbortController();
    const asked = putFrom(fixture, "never", at("/for-ever"), { signal: gone.signal });
    asked.catch(() => undefined);
    await until(() => hostile.open.size > 0);
    gone.abort();
    await expect(asked).rejects.toThrow();
    await until(() => hostile.open.size === 0);
  });

  it("beyond the bound is refused, and those before it go on", async () => {
    const waiting = [1, 2, 3].map(() => putFrom(fixture, "never", at("/hangs")));
    await until(() => hostile.open.size === 3);
    expect(await putFrom(fixture, "never", at("/file"))).toMatchObject({ status: 503, code: "overloaded" });
    for (const each of waiting) expect(await each).toMatchObject({ code: "fetch-timeout" });
    expect(await putFrom(fixture, "after", at("/file"))).toMatchObject({ status: 201 });
  });
});

describe("this machine and private networks", () => {
  const hosts = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "0",
    "169.254.169.254",
    "10.1.2.3",
    "192.168.0.1",
    "[fe80::1]",
    "[fd00::1]",
    "[64:ff9b::7f00:1]",
  ];
  it.each(hosts)("are not fetched from by default: %s", async (host) => {
    const before = hostile.connections;
    const answer = await putFrom(careful, "never", `http://${host}:${hostile.port}/file`);
    expect(answer).toMatchObject({ status: 403, code: "fetch-refused" });
    expect(hostile.connections).toBe(before);
  });

  it("are refused when a name leads there, also one that says something else when it is asked again", async () => {
    const answers = [["2fff::1"], ["127.0.0.1"]];
    const lookup: Lookup = async () =>
      (answers.shift() ?? ["127.0.0.1"]).map((address) => ({ address, family: isIP(address) }));
    const limits = { ...HTTP_LIMITS, fetchAnswerMs: 200 };
    const fetcher = createFetcher({ allowPrivate: false, limits, lookup });
    const before = hostile.connections;
    const url = `http://rebinding.example:${hostile.port}/file`;
    // Looked up once: the connection goes to the public address, where nothing of ours answers.
    await expect(fetcher.open(url, new AbortController().signal)).rejects.toMatchObject({
      code: /^fetch-(timeout|failed)$/,
    });
    await expect(fetcher.open(url, new AbortController().signal)).rejects.toMatchObject({ code: "fetch-refused" });
    expect(hostile.connections).toBe(before);
  });

  it.each([
    "203.0.114.7",
    "[::ffff:203.0.114.7]",
    "[::ffff:cb00:7207]",
    "[0:0:0:0:0:FFFF:cb00:7207]",
    "[64:ff9b::203.0.114.7]",
    "0xcb007207",
    "[2600:0:0:0::1:1]",
  ])("are refused when they are this machine's own, however they are written: %s", async (host) => {
    const own = () => ["203.0.114.7", "2600::0001:1"];
    const fetcher = createFetcher({ allowPrivate: false, limits: { ...HTTP_LIMITS, fetchAnswerMs: 200 }, own });
    await expect(fetcher.open(`http://${host}/`, new AbortController().signal)).rejects.toMatchObject({
      code: "fetch-refused",
    });
    const lookup: Lookup = async () => [{ address: "::ffff:203.0.114.7", family: 6 }];
    const byName = createFetcher({ allowPrivate: false, limits: HTTP_LIMITS, own, lookup });
    await expect(byName.open("http://me.example/", new AbortController().signal)).rejects.toMatchObject({
      code: "fetch-refused",
    });
  });

  it("are refused when a redirect leads there", async () => {
    // The first name is taken for a public one; the second is judged by its own address.
    const lookup: Lookup = async () => [{ address: "127.0.0.1", family: 4 }];
    const fetcher = createFetcher({ allowPrivate: false, limits: HTTP_LIMITS, lookup });
    await expect(fetcher.open(at("/file"), new AbortController().signal)).rejects.toMatchObject({
      code: "fetch-refused",
    });
    await expect(
      fetcher.open(`http://inside.example:${hostile.port}/`, new AbortController().signal),
    ).rejects.toMatchObject({ code: "fetch-refused" });
  });
});
