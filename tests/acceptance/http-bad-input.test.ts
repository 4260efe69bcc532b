/**
 * Bad input: whatever comes, the client gets a status, a code and a hint, nothing changes, and the next request is
 * served.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ERRORS, type ErrorCode, isErrorCode } from "../../src/errors.ts";
import { type Fixture, openGateway, startServer, type TestServer, until } from "./http-fixture.ts";
import { collect, connectTo, parseAnswers, sendRaw, type WireAnswer } from "./http-wire.ts";

let server: TestServer;
let fixture: Fixture;
let before: unknown;

beforeAll(async () => {
  server = await startServer();
  fixture = await openGateway(server, {
    limits: { lingerMs: 1_000, jsonTimeoutMs: 200, headersTimeoutMs: 200, uploadIdleMs: 200 },
  });
  await fixture.request("/files/directory/file", { method: "PUT", body: "0123456789" });
  before = await fixture.snapshot();
});
afterAll(async () => {
  expect(fixture.logged).toEqual([]);
  await fixture.close();
  await server.stop();
});

/** Asserts the four things that hold for every row. */
async function expectRefusal(answer: WireAnswer, status: number, code: ErrorCode): Promise<void> {
  expect([answer.status, answer.headers.get("content-type")], answer.body).toEqual([
    status,
    "application/json; charset=utf-8",
  ]);
  const { error } = JSON.parse(answer.body) as { error: { code: string; message: string; hint: string } };
  expect(error.code).toBe(code);
  expect(isErrorCode(error.code) && ERRORS[error.code].status).toBe(status);
  expect(error.message).toMatch(/^\S.*\.$/);
  expect(error.hint.length).toBeGreaterThan(5);
  expect(`${error.message}${error.hint}`).not.toMatch(/[{}]/);
  await expectNothingLeft();
  await until(() => fixture.face.openContents === 0);
  const next = await fixture.request("/files/directory/file");
  expect([next.status, await next.text()]).toEqual([200, "0123456789"]);
}

/** Whoever has answered, the process that stores may still be throwing away what had come. */
async function expectNothingLeft(): Promise<void> {
  await vi.waitFor(async () => expect(await fixture.snapshot()).toEqual(before), { timeout: 60_000, interval: 20 });
}

/** A request as text, with the write key; the target goes out exactly as given. */
function text(method: string, target: string, headers: readonly string[] = [], body = ""): string {
  const all = [`Host: x`, `Authorization: Bearer ${fixture.keys.write}`, ...headers];
  return `${method} ${target} HTTP/1.1\r\n${all.join("\r\n")}\r\n\r\n${body}`;
}

async function answersTo(...pieces: (string | Buffer)[]): Promise<WireAnswer[]> {
  return parseAnswers(await sendRaw(fixture.port, pieces));
}

/** As `answersTo`, from a client that sends no more, and says so, but still reads. */
async function halfClosed(bytes: string): Promise<WireAnswer[]> {
  const socket = connectTo(fixture.port);
  const answers = collect(socket);
  socket.end(bytes);
  return parseAnswers(await answers);
}

const CLOSE = ["Connection: close"];
const long = "x".repeat(255);

describe("paths", () => {
  const targets: [string, string][] = [
    ["'..'", "/files/a/../b"],
    ["'..' in front", "/files/../../etc/passwd"],
    ["an encoded '..'", "/files/%2e%2e/etc/passwd"],
    ["'.'", "/files/./a"],
    ["NUL", "/files/a%00b"],
    ["an empty segment", "/files/a//b"],
    ["an empty segment in front", "/files//a"],
    ["%2F", "/files/a%2Fb"],
    ["%2f between dots", "/files/..%2f..%2fetc"],
    ["a lone percent sign", "/files/100%"],
    ["percent without digits", "/files/%zz"],
    ["overlong UTF-8", "/files/%c0%ae%c0%ae/x"],
    ["a surrogate in UTF-8", "/files/%ed%a0%80"],
    ["cut UTF-8", "/files/%e2%82"],
    ["a segment of 256 bytes", `/files/${long}x`],
    ["a path of over 1,800 bytes", `/files/${`${long}/`.repeat(8)}x`],
    ["a path of over 1,800 bytes, encoded", `/files/${"%C3%BC".repeat(100)}/${`${long}/`.repeat(7)}x`],
  ];
  it.each(targets)("S7: refuses %s to every method", async (_what, target) => {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const [answer] = await answersTo(text(method, target, [...CLOSE, "Content-Length: 0"]));
      await expectRefusal(answer!, 400, "path-invalid");
    }
    const [located] = await answersTo(text("GET", target.replace("/files/", "/locate/"), CLOSE));
    await expectRefusal(located!, 400, "path-invalid");
  });

  it.each(["a/../b", "a//b", "", "/", "a\0b", "a/", `${long}x`, "\ud800"])("S7: refuses %j in JSON", async (path) => {
    for (const [target, body] of [
      ["/move", { from: path, to: "b" }],
      ["/move", { from: "directory/file", to: path }],
      ["/locate", { paths: [path] }],
    ] as const) {
      await expectRefusal(await send(target, { method: "POST", body: JSON.stringify(body) }), 400, "path-invalid");
    }
  });

  it("S7: refuses to store at the root", async () => {
    await expectRefusal(await send("/files/", { method: "PUT" }), 400, "path-invalid");
    await expectRefusal(await send("/files/", { method: "DELETE" }), 400, "path-invalid");
  });
});

async function send(target: string, init: Parameters<Fixture["request"]>[1] = {}): Promise<WireAnswer> {
  const response = await fixture.request(target, init);
  return { status: response.status, headers: response.headers, body: await response.text() };
}

describe("requests of the wrong kind", () => {
  type Row = [what: string, status: number, code: ErrorCode, target: string, init?: Parameters<Fixture["request"]>[1]];
  const json = (body: unknown) => ({ method: "POST", body: JSON.stringify(body) });
  const rows: Row[] = [
    ["a file where a directory is", 409, "is-a-directory", "/files/directory", { method: "PUT", body: "x" }],
    ["a file below a file", 409, "not-a-directory", "/files/directory/file/x", { method: "PUT", body: "x" }],
    ["a directory where a file is", 409, "already-exists", "/files/directory/file/", { method: "PUT" }],
    ["a directory with content", 400, "argument-invalid", "/files/new/", { method: "PUT", body: "x" }],
    ["reading a directory as a file", 409, "is-a-directory", "/files/directory"],
    ["listing a file", 409, "not-a-directory", "/files/directory/file/"],
    ["deleting a file as a directory", 409, "not-a-directory", "/files/directory/file/", { method: "DELETE" }],
    ["deleting a directory as a file", 409, "is-a-directory", "/files/directory", { method: "DELETE" }],
    ["deleting a directory with files", 409, "directory-not-empty", "/files/directory/", { method: "DELETE" }],
    ["a file that is not there", 404, "file-not-found", "/files/none"],
    ["deleting what is not there", 404, "file-not-found", "/files/none", { method: "DELETE" }],
    ["an address that is not there", 404, "route-unknown", "/none"],
    ["an address in bad encoding", 400, "request-malformed", "/servers/%zz/files"],
    ["an encoded address", 404, "route-unknown", "/%66iles/-"],
    ["a method that an address lacks", 405, "method-not-allowed", "/status", { method: "DELETE" }],
    ["a method on a file", 405, "method-not-allowed", "/files/a", { method: "POST", body: "x" }],
    ["a method of WebDAV", 405, "method-not-allowed", "/files/directory/", { method: "PROPFIND" }],
    [
      "a range beyond the end",
      416,
      "range-unsatisfiable",
      "/files/directory/file",
      { headers: { range: "bytes=10-" } },
    ],
    ["a condition that fails", 412, "precondition-failed", "/files/directory/file", { headers: { "if-match": '"x"' } }],
    ["a digest that does not match", 400, "digest-mismatch", "/files/n", put({ "fsdfs-sha256": "0".repeat(64) })],
    ["a digest that is none", 400, "argument-invalid", "/files/n", put({ "fsdfs-sha256": "abc" })],
    ["a request id that is too long", 400, "argument-invalid", "/files/n", put({ "fsdfs-request-id": "x".repeat(65) })],
    ["a PUT over a file that is not there", 412, "precondition-failed", "/files/n", put({ "if-match": "*" })],
    ["a PUT with a tag without quotes", 400, "argument-invalid", "/files/n", put({ "if-match": "x" })],
    [
      "a PUT with a date",
      400,
      "argument-invalid",
      "/files/n",
      put({ "if-unmodified-since": new Date(0).toUTCString() }),
    ],
    ["a part of a PUT", 400, "argument-invalid", "/files/n", put({ "content-range": "bytes 0-0/5" })],
    ["a limit of no number", 400, "argument-invalid", "/files/directory/?limit=many"],
    ["a limit of none", 400, "argument-invalid", "/files/directory/?limit=0"],
    ["a limit beyond the most", 400, "argument-invalid", "/files/directory/?limit=10001"],
    ["an unknown redirect", 400, "argument-invalid", "/files/directory/file?redirect=maybe"],
    ["a server that is not there", 404, "server-not-found", "/servers/x/files"],
    ["a body that is no JSON", 400, "argument-invalid", "/move", { method: "POST", body: "{" }],
    [
      "JSON that is not UTF-8",
      400,
      "argument-invalid",
      "/move",
      { method: "POST", body: Buffer.from([0x22, 0xff, 0x22]) },
    ],
    ["JSON of another form", 400, "argument-invalid", "/move", json({ from: 1, to: "b" })],
    ["JSON that is null", 400, "argument-invalid", "/move", json(null)],
    ["JSON with members too many", 400, "argument-invalid", "/move", json({ from: "a", to: "b", __proto__x: 1 })],
    ["no JSON at all", 400, "argument-invalid", "/locate", { method: "POST" }],
    ["too many paths", 400, "argument-invalid", "/locate", json({ paths: Array(1001).fill("a") })],
    ["JSON of over a megabyte", 413, "body-too-large", "/locate", json({ paths: ["x".repeat(1024 * 1024)] })],
  ];
  function put(headers: Record<string, string>) {
    return { method: "PUT", body: "x", headers };
  }
  it.each(rows)("refuses %s with %i %s", async (_what, status, code, target, init) => {
    await expectRefusal(await send(target, init), status, code);
  });

  it("tells which methods an address has", async () => {
    const { headers } = await send("/status", { method: "DELETE" });
    expect(headers.get("allow")).toBe("GET, HEAD");
  });
});

describe("callers", () => {
  const upload = { method: "PUT", body: "x" };
  it.each([
    ["no key", 401, "unauthorized", null],
    ["a wrong key", 401, "key-unknown", "fsdfs_000000000000_0000000000000000000000000000000000000000"],
    ["no key by its form", 401, "key-unknown", "secret"],
    ["a revoked key", 401, "key-unknown", "revoked"],
    ["a read key that writes", 403, "forbidden", "read"],
  ] as const)("with %s are refused with %i %s", async (_what, status, code, name) => {
    const key = name === "revoked" || name === "read" ? fixture.keys[name] : name;
    await expectRefusal(await send("/files/new", { ...upload, key }), status, code);
    await expectRefusal(await send("/files/directory/file", { method: "DELETE", key }), status, code);
    await expectRefusal(await send("/files/new/", { method: "PUT", key }), status, code);
  });

  it("are told how to show a key", async () => {
    const { headers } = await send("/status", { key: null });
    expect(headers.get("www-authenticate")).toBe('Bearer realm="fsdfs"');
  });

  it("with a write key do not manage keys or drop copies", async () => {
    for (const [target, method] of [
      ["/keys", "GET"],
      ["/keys/x", "DELETE"],
      ["/drop/directory/file", "POST"],
      ["/clock/repair", "POST"],
    ] as const) {
      await expectRefusal(await send(target, { method }), 403, "forbidden");
    }
  });

  it("with a write key restore nothing to where what governs the swarm is, however that is written", async () => {
    for (const to of [".fsdfs", "/.fsdfs", "/.fsdfs/policy.ts"]) {
      for (const wish of [{ path: "none", to }, { path: to }]) {
        const answer = await send("/trash/restore", { method: "POST", body: JSON.stringify(wish) });
        await expectRefusal(answer, 403, "forbidden");
      }
    }
  });

  it("with a signed request cannot replay it to another path or method, with another query, or late", async () => {
    const { signed } = fixture;
    for (const headers of [
      signed("PUT", "/files/other"),
      signed("GET", "/files/new"),
      signed("PUT", "/files/new?a=b"),
      signed("PUT", "/files/new", -1),
      signed("PUT", "/files/new", 86_400),
    ]) {
      await expectRefusal(await send("/files/new", { ...upload, key: null, headers }), 401, "signature-invalid");
    }
    const rebound = { ...signed("PUT", "/files/new"), cookie: "x" };
    await expectRefusal(
      await send("/files/new2", { ...upload, key: null, headers: rebound }),
      401,
      "signature-invalid",
    );
  });

  it("S5: with a link cannot stretch it, nor reach with it what it does not name", async () => {
    const { version } = await fixture.face.head("directory/file");
    const link = fixture.link("directory/file", version ?? "");
    const target = link.pathname + link.search;
    expect((await send(target, { key: null })).body).toBe("0123456789");
    const stretched = target.replace(/expires=\d+/, "expires=9999999999");
    for (const wrong of [stretched, target.replace("directory/file", "other"), target.replace(/mac=./, "mac=x")]) {
      await expectRefusal(await send(wrong, { key: null }), 403, "link-expired");
    }
    await expectRefusal(await send(target, { method: "DELETE", key: null }), 401, "unauthorized");
    await expectRefusal(await send(`/status${link.search}`, { key: null }), 401, "unauthorized");
  });
});

describe("what comes over the wire", () => {
  it("a body that stops half-way is refused, and the client that still listens is told", async () => {
    const socketAnswers = await halfClosed(text("PUT", "/files/new", ["Content-Length: 100"], "0123456789"));
    await expectRefusal(socketAnswers[0]!, 400, "body-incomplete");
    const chunked = await halfClosed(text("PUT", "/files/new", ["Transfer-Encoding: chunked"], "5\r\n01234\r\n"));
    await expectRefusal(chunked[0]!, 400, "body-incomplete");
    const inJson = await halfClosed(text("POST", "/move", ["Content-Length: 100"], '{"from":'));
    await expectRefusal(inJson[0]!, 400, "body-incomplete");
  });

  it("a body that is cut off stores nothing", async () => {
    const socket = connectTo(fixture.port);
    const { begunPuts } = fixture.face;
    socket.write(text("PUT", "/files/new", ["Content-Length: 100"], "0123456789"));
    await until(() => fixture.face.begunPuts > begunPuts);
    await new Promise((resolve) => socket.write("more", resolve));
    socket.destroy();
    await until(() => fixture.face.endedPuts === fixture.face.begunPuts);
    expect((await fixture.request("/files/directory/file")).status).toBe(200);
    await expectNothingLeft();
  });

  it("a body that stands still is refused with 408", async () => {
    const [upload] = await answersTo(text("PUT", "/files/new", ["Content-Length: 100"], "0123456789"));
    await expectRefusal(upload!, 408, "request-timeout");
    const [json] = await answersTo(text("POST", "/move", ["Content-Length: 100"], "{"));
    await expectRefusal(json!, 408, "request-timeout");
  });

  it("headers that stand still are refused with 408", async () => {
    const [answer] = await answersTo("GET /status HTTP/1.1\r\nHost: x\r\nX-Slow");
    await expectRefusal(answer!, 408, "request-timeout");
  });

  it("a chunk of no size in a body is a body that never becomes whole", async () => {
    const [answer] = await answersTo(text("PUT", "/files/new", ["Transfer-Encoding: chunked"], "5\r\n01234\r\nZZ\r\n"));
    await expectRefusal(answer!, 400, "body-incomplete");
  });

  it("P4: a body in a transfer coding that nobody undoes is not stored as if it were the file", async () => {
    const chunked = text("PUT", "/files/new", ["Transfer-Encoding: gzip, chunked"], "5\r\n01234\r\n0\r\n\r\n");
    const [answer] = await answersTo(chunked);
    await expectRefusal(answer!, 400, "request-malformed");
  });

  it("bytes beyond Content-Length are a request of their own, and garbage", async () => {
    const body = '{"paths":[]}';
    const [first, second] = await answersTo(
      text("POST", "/locate", [`Content-Length: ${body.length}`], `${body}xyz\r\n\r\n`),
    );
    expect(first).toMatchObject({ status: 200 });
    await expectRefusal(second!, 400, "request-malformed");
    const answers = await answersTo(text("GET", "/files/directory/file"), "garbage that is no request\r\n\r\n");
    expect(answers[0]).toMatchObject({ status: 200, body: "0123456789" });
    await expectRefusal(answers[1]!, 400, "request-malformed");
  });

  it.each([
    ["text", "garbage\r\n\r\n"],
    ["NULs", "\0".repeat(1000)],
    ["a TLS greeting", Buffer.from("16030100c8010000c40303", "hex")],
    ["HTTP of another version", "GET /status HTTP/9.9\r\nHost: x\r\n\r\n"],
    ["no Host", "GET /status HTTP/1.1\r\n\r\n"],
    ["two lengths", "PUT /files/new HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"],
    [
      "length and chunks",
      "PUT /files/new HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["a negative length", "PUT /files/new HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"],
    ["a header with a NUL", "GET /status HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"],
    ["a folded request line", "GET\r\n /status HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["a space before the colon", "GET /status HTTP/1.1\r\nHost : x\r\n\r\n"],
  ])("%s instead of a request is refused with 400", async (_what, bytes) => {
    const [answer] = (await answersTo(bytes, "")).slice(-1);
    await expectRefusal(answer!, 400, "request-malformed");
  });

  it("a request to be a proxy is refused", async () => {
    const [answer] = await answersTo("CONNECT example.org:80 HTTP/1.1\r\nHost: example.org\r\n\r\n");
    await expectRefusal(answer!, 405, "method-not-allowed");
  });

  it("a length that no file can have is refused", async () => {
    const [answer] = await answersTo(text("PUT", "/files/new", [...CLOSE, "Content-Length: 9999999999999999999"], "x"));
    await expectRefusal(answer!, 400, "argument-invalid");
  });

  it("a header of 1 MB is refused with 431, which the client that sends it gets to read", async () => {
    const [answer] = await answersTo(text("GET", "/status", [`X-Large: ${"x".repeat(1024 * 1024)}`]));
    await expectRefusal(answer!, 431, "headers-too-large");
  });

  it("a JSON body of 100 MB is refused with 413 before it has come, announced or not", async () => {
    const piece = Buffer.alloc(1024 * 1024, "x");
    const announced = text("POST", "/locate", ["Content-Length: 104857600"]);
    const [first] = await answersTo(announced, ...Array<Buffer>(100).fill(piece));
    await expectRefusal(first!, 413, "body-too-large");
    const chunk = Buffer.concat([Buffer.from("100000\r\n"), piece, Buffer.from("\r\n")]);
    const unannounced = text("POST", "/locate", ["Transfer-Encoding: chunked"]);
    const [second] = await answersTo(unannounced, ...Array<Buffer>(100).fill(chunk), "0\r\n\r\n");
    await expectRefusal(second!, 413, "body-too-large");
  });

  it("an upload of 100 MB without a key gets its answer while it still sends", async () => {
    const piece = Buffer.alloc(1024 * 1024, "x");
    const head = "PUT /files/new HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n";
    const [answer] = await answersTo(head, ...Array<Buffer>(100).fill(piece));
    await expectRefusal(answer!, 401, "unauthorized");
    expect(answer!.headers.get("connection")).toBe("close");
  });
});
