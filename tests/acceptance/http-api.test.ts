/** The routes of the HTTP API as docs/API.md has them. */
import { createHash, randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type {
  CreatedKey,
  Health,
  Listing,
  Location,
  PutResult,
  ServerFilesPage,
  ServerInfo,
} from "../../src/server/face.ts";
import { type Fixture, jsonOf, openGateway, startServer, type TestServer, until } from "./http-fixture.ts";

let server: TestServer;
let fixture: Fixture;

beforeAll(async () => {
  server = await startServer();
  fixture = await openGateway(server, { port: server.httpPort });
});
afterEach(async () => {
  expect(fixture.logged).toEqual([]);
  await until(() => fixture.face.openContents === 0);
});
afterAll(async () => {
  await fixture.close();
  await server.stop();
});

const put = (path: string, body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fixture.request(`/files/${path}`, { method: "PUT", body, headers });
const get = (path: string, headers: Record<string, string> = {}) => fixture.request(`/files/${path}`, { headers });

describe("PUT /files/{path}", () => {
  it("answers 201 for a new file and 200 for a new version, with the version in body and headers", async () => {
    for (const [body, status, created] of [
      ["one", 201, true],
      ["two!", 200, false],
    ] as const) {
      const response = await put("music/a%20b.ogg", body);
      expect(response.status).toBe(status);
      const sha256 = createHash("sha256").update(body).digest("hex");
      const value = await jsonOf<PutResult>(response);
      expect(value).toEqual({ version: expect.any(String), sha256, size: body.length, copies: 1, created });
      expect(response.headers.get("etag")).toBe(`"${value.version}"`);
      expect(response.headers.get("fsdfs-version")).toBe(value.version);
      expect(response.headers.get("fsdfs-copies")).toBe("1");
    }
    expect(await (await get("music/a%20b.ogg")).text()).toBe("two!");
  });

  it("stores bytes as they are, of JSON and of any size and type", async () => {
    const large = randomBytes(3_000_000);
    for (const [body, type] of [
      [large, "application/octet-stream"],
      [Buffer.from("{ not json"), "application/json"],
      [Buffer.alloc(0), "text/plain"],
      [Buffer.from("x"), "no media type at all"],
    ] as const) {
      expect((await put("a.bin", body, { "content-type": type })).ok).toBe(true);
      expect(Buffer.from(await (await get("a.bin")).arrayBuffer()).equals(body)).toBe(true);
    }
  });

  it("takes a digest to check, in capitals too", async () => {
    const sha256 = createHash("sha256").update("right").digest("hex");
    expect((await put("checked", "right", { "fsdfs-sha256": sha256.toUpperCase() })).status).toBe(201);
    expect((await put("checked", "wrong", { "fsdfs-sha256": sha256 })).status).toBe(400);
    expect(await (await get("checked")).text()).toBe("right");
  });
});

describe("writes with conditions", () => {
  it("C14: stores and deletes only what is as the request's condition says", async () => {
    const create = { "if-none-match": "*" };
    const made = await put("if", "first", create);
    const etag = made.headers.get("etag") ?? "";
    expect([made.status, (await put("if", "other", create)).status]).toEqual([201, 412]);
    const replaced = await put("if", "second", { "if-match": `"x", ${etag}` });
    expect([replaced.status, (await put("if", "third", { "if-match": etag })).status]).toEqual([200, 412]);
    const now = replaced.headers.get("etag") ?? "";
    expect((await put("if", "third", { "if-match": `W/${now}` })).status).toBe(412);
    expect((await put("if", "third", { "if-none-match": `W/${now}` })).status).toBe(412);
    expect(await (await get("if")).text()).toBe("second");
    const remove = (target: string, headers: Record<string, string>) =>
      fixture.request(target, { method: "DELETE", headers }).then(({ status }) => status);
    expect(await remove("/files/if", { "if-match": etag })).toBe(412);
    const repeated = { "if-match": now, "fsdfs-request-id": "r" };
    expect([await remove("/files/if", repeated), await remove("/files/if", repeated)]).toEqual([204, 204]);
    expect(await remove("/files/if", { "if-match": now })).toBe(404);
    const mkdir = () =>
      fixture.request("/files/if-dir/", { method: "PUT", headers: create }).then(({ status }) => status);
    expect([await mkdir(), await mkdir()]).toEqual([201, 412]);
    expect(await remove("/files/if-dir/", { "if-match": now })).toBe(412);
    expect(await remove("/files/if-dir/", { "if-match": "*" })).toBe(204);
  });

  it("C14: tells a repeated upload what came of it, though its version was replaced since", async () => {
    const create = { "if-none-match": "*", "fsdfs-request-id": "lost-answer" };
    const first = await put("again", "first", create);
    const version = first.headers.get("fsdfs-version");
    await put("again", "second", { "if-match": first.headers.get("etag") ?? "" });
    const again = await put("again", "first", create);
    expect([again.status, again.headers.get("fsdfs-version")]).toEqual([201, version]);
    expect(await (await get("again")).text()).toBe("second");
  });
});

describe("GET and HEAD /files/{path}", () => {
  it("P4: sends the content whole under the headers of its version", async () => {
    const content = randomBytes(1_000_000);
    const version = (await put("m/song.ogg", content)).headers.get("fsdfs-version");
    for (const method of ["GET", "HEAD"]) {
      const response = await fixture.request("/files/m/song.ogg", { method });
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        etag: `"${version}"`,
        "fsdfs-version": version,
        "fsdfs-copies": "1",
        "fsdfs-sha256": createHash("sha256").update(content).digest("hex"),
        "last-modified": expect.stringMatching(/GMT$/),
        "accept-ranges": "bytes",
        "content-type": "audio/ogg",
        "content-length": "1000000",
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
      });
      const body = Buffer.from(await response.arrayBuffer());
      expect(body.equals(method === "GET" ? content : Buffer.alloc(0))).toBe(true);
    }
  });

  it("sends one range with 206, several as the whole, and none beyond the end", async () => {
    await put("a", "0123456789");
    const part = await get("a", { range: "bytes=2-4" });
    expect([part.status, await part.text()]).toEqual([206, "234"]);
    expect(part.headers.get("content-range")).toBe("bytes 2-4/10");
    expect(part.headers.get("content-length")).toBe("3");
    const several = await get("a", { range: "bytes=0-1,3-4" });
    expect([several.status, await several.text()]).toEqual([200, "0123456789"]);
    const beyond = await get("a", { range: "bytes=10-" });
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */10"]);
    const head = await fixture.request("/files/a", { method: "HEAD", headers: { range: "bytes=2-4" } });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "10"]);
  });

  it("P4: sends a part only of the very version that If-Range names", async () => {
    const old = (await put("a", "first")).headers.get("etag") ?? "";
    const now = (await put("a", "second")).headers.get("etag") ?? "";
    expect(await (await get("a", { range: "bytes=0-2", "if-range": now })).text()).toBe("sec");
    expect(await (await get("a", { range: "bytes=0-2", "if-range": old })).text()).toBe("second");
  });

  it("keeps conditions: 304 for what the client has, 412 for what has changed", async () => {
    const etag = (await put("a", "x")).headers.get("etag") ?? "";
    for (const method of ["GET", "HEAD"]) {
      const same = await fixture.request("/files/a", { method, headers: { "if-none-match": etag } });
      expect([same.status, await same.text(), same.headers.get("etag")]).toEqual([304, "", etag]);
      const failed = await fixture.request("/files/a", { method, headers: { "if-match": '"other"' } });
      expect(failed.status).toBe(412);
    }
    const modified = (await get("a")).headers.get("last-modified") ?? "";
    expect((await get("a", { "if-modified-since": modified })).status).toBe(304);
    expect((await get("a", { "if-match": etag })).status).toBe(200);
  });

  it("S5: sends the reader to a holder by a signed link, which needs no key and no second server", async () => {
    const smallServer = await startServer({ join: server, quotaBytes: 1_000_000 });
    const small = await openGateway(smallServer);
    await until(async () => (await fixture.face.status()).servers.up === 2);
    const song = randomBytes(2_000_000);
    await put("m/a%20b%23.ogg", song);
    const response = await small.request("/files/m/a%20b%23.ogg");
    expect([response.status, await response.text()]).toEqual([307, ""]);
    const link = response.headers.get("location") ?? "";
    expect(link.startsWith(`${fixture.url}/files/m/a%20b%23.ogg?`)).toBe(true);
    expect(Buffer.from(await (await fetch(link)).arrayBuffer()).equals(song)).toBe(true);
    const through = await small.request("/files/m/a%20b%23.ogg?redirect=never");
    expect(Buffer.from(await through.arrayBuffer()).equals(song)).toBe(true);
    await small.close();
    await smallServer.stop();
  });

  it("S5: by a signed link gives that one version of that one file, and nothing else", async () => {
    const version = (await put("linked", "song")).headers.get("fsdfs-version") ?? "";
    const link = fixture.link("linked", version);
    expect(await (await fetch(link)).text()).toBe("song");
    const head = await fetch(link, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "4"]);
    await put("linked", "another song");
    expect((await fetch(link)).status).toBe(404);
    expect((await fetch(link, { method: "HEAD" })).status).toBe(404);
  });

  it("keeps browsers from running what was stored", async () => {
    await put("a.html", "<script>");
    expect((await get("a.html")).headers.get("content-security-policy")).toBe("sandbox");
  });
});

describe("directories", () => {
  it("are made, listed, and deleted when empty", async () => {
    expect((await fixture.request("/files/d/e/", { method: "PUT" })).status).toBe(201);
    await put("d/song.ogg", "x");
    const listing = await (await get("d/")).json();
    expect(listing).toEqual({
      entries: [
        expect.objectContaining({ name: "e", type: "directory", size: 0, sha256: null, version: null, copies: null }),
        expect.objectContaining({ name: "song.ogg", type: "file", size: 1, target: 3, copies: 1 }),
      ],
      next: null,
    });
    const root = await jsonOf<Listing>(await get(""));
    expect(root.entries.map((entry) => entry.name)).toContain("d");
    expect((await fixture.request("/files/d/", { method: "DELETE" })).status).toBe(409);
    expect((await fixture.request("/files/d/e/", { method: "DELETE" })).status).toBe(204);
    expect((await get("d/e/")).status).toBe(404);
  });
});

describe("DELETE, move and locate", () => {
  it("deletes a file", async () => {
    await put("a", "x");
    const response = await fixture.request("/files/a", { method: "DELETE" });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect((await get("a")).status).toBe(404);
  });

  it("moves a file", async () => {
    await put("a", "x");
    const body = JSON.stringify({ from: "/a", to: "b/c" });
    const response = await fixture.request("/move", { method: "POST", body });
    expect([response.status, await response.json()]).toEqual([200, { from: "a", to: "b/c" }]);
    expect(await (await get("b/c")).text()).toBe("x");
  });

  it("S6: locates one file, or many in the order asked for, null where there is none", async () => {
    await put("a b", "x");
    const one = await jsonOf<Location>(await fixture.request("/locate/a%20b"));
    expect(one).toMatchObject({ path: "a b", size: 1, target: 3, copies: 1, surplus: -2 });
    expect(one).toMatchObject({ servers: [{ state: "up", url: fixture.url }] });
    expect((await fixture.request("/locate/none")).status).toBe(404);
    const body = JSON.stringify({ paths: ["none", "a b"] });
    const many = await (await fixture.request("/locate", { method: "POST", body })).json();
    // Between the two the server may have become busier.
    const servers = one.servers.map((server) => ({ ...server, load: expect.any(Number) }));
    expect(many).toEqual({ files: [null, { ...one, servers }] });
  });
});

describe("the swarm's state", () => {
  it("C9: is told with the names of files that were never given to fsdfs to admins only", async () => {
    const strangers = { files: 2, examples: ["letters/private", "b"], asOf: "2026-01-01T00:00:00.000Z" };
    const told = await server.face.servers();
    fixture.face.servers = async () => told.map((each) => ({ ...each, strangers }));
    for (const [key, examples] of [
      [fixture.keys.admin, strangers.examples],
      [fixture.keys.write, []],
    ] as const) {
      const { servers } = await jsonOf<{ servers: ServerInfo[] }>(await fixture.request("/servers", { key }));
      expect(servers[0]!.strangers).toEqual({ ...strangers, examples });
    }
  });

  it("is told by /status, /servers and /servers/{id}/files", async () => {
    await put("a", "x");
    const status = await (await fixture.request("/status", { key: fixture.keys.read })).json();
    expect(status).toMatchObject({ files: expect.any(Number), minSurplus: -2, servers: { up: 1 } });
    const { servers } = await jsonOf<{ servers: ServerInfo[] }>(await fixture.request("/servers"));
    expect(servers.filter(({ self }) => self)).toMatchObject([{ state: "up", url: fixture.url, full: false }]);
    const health = await jsonOf<Health>(await fixture.request("/health", { key: null }));
    const held = await jsonOf<ServerFilesPage>(await fixture.request(`/servers/${health.server}/files`));
    expect(held.files).toContainEqual({ path: "a", size: 1, version: expect.any(String) });
    const page = await jsonOf<ServerFilesPage>(await fixture.request(`/servers/${health.server}/files?limit=1`));
    expect([page.files.length, typeof page.next]).toEqual([1, "string"]);
    expect((await fixture.request("/servers/ffffffffffff/files")).status).toBe(404);
  });

  it("C8: the clocks are told by /clock, and an admin has them repaired, which is done only where it is needed", async () => {
    const clock = await (await fixture.request("/clock", { key: fixture.keys.read })).json();
    expect(clock).toMatchObject({ aheadMs: expect.any(Number), epoch: 0, repaired: null });
    const self = expect.objectContaining({ self: true, skewMs: 0, refused: false });
    expect(clock).toMatchObject({ servers: expect.arrayContaining([self]) });
    for (const body of [undefined, "{}", '{"withoutAbsent": true}']) {
      const init = { method: "POST", key: fixture.keys.admin, ...(body === undefined ? {} : { body }) };
      const response = await fixture.request("/clock/repair", init);
      expect([response.status, await response.json()]).toMatchObject([200, { repaired: false, epoch: 0 }]);
    }
    const wrong = { method: "POST", key: fixture.keys.admin, body: '{"withoutAbsent": 1}' };
    expect((await fixture.request("/clock/repair", wrong)).status).toBe(400);
  });

  it("is healthy, or says by 503 that it is not", async () => {
    const healthy = await fixture.request("/health", { key: null });
    expect([healthy.status, (await jsonOf<Health>(healthy)).status]).toEqual([200, "ok"]);
    const { health } = fixture.face;
    fixture.face.health = () => ({ ...health(), status: "behind" });
    const behind = await fixture.request("/health", { key: null });
    fixture.face.health = health;
    expect(behind.status).toBe(503);
    expect(await behind.json()).toMatchObject({ status: "behind", error: { code: "behind" } });
  });
});

describe("keys", () => {
  it("are made, shown once, listed without their secret, and revoked by an admin", async () => {
    const admin = fixture.keys.admin;
    const body = JSON.stringify({ name: "player", scope: "read" });
    const made = await fixture.request("/keys", { method: "POST", body, key: admin });
    expect(made.status).toBe(201);
    expect(made.headers.get("cache-control")).toBe("no-store");
    const { id, secret } = await jsonOf<CreatedKey>(made);
    expect((await fixture.request("/status", { key: secret })).status).toBe(200);
    const text = await (await fixture.request("/keys", { key: admin })).text();
    expect(text).toContain(id);
    expect(text).not.toContain(secret);
    expect((await fixture.request(`/keys/${id}`, { method: "DELETE", key: admin })).status).toBe(204);
    expect((await fixture.request("/status", { key: secret })).status).toBe(401);
  });

  it("a signature made with the password does what an admin key does", async () => {
    const response = await fixture.request("/keys?x=%20", { key: null, headers: fixture.signed("GET", "/keys?x=%20") });
    expect(response.status).toBe(200);
  });

  it("only an admin changes what lies below .fsdfs/, by whichever request", async () => {
    await put("a", "x");
    const { write, admin } = fixture.keys;
    const body = JSON.stringify({ from: "a", to: ".fsdfs/policy.ts" });
    for (const [target, init] of [
      ["/files/.fsdfs/policy.ts", { method: "PUT", body: "x" }],
      ["/files/%2Efsdfs/policy.ts", { method: "PUT", body: "x" }],
      ["/files/.fsdfs/x/", { method: "PUT" }],
      ["/files/.fsdfs/policy.ts", { method: "DELETE" }],
      ["/move", { method: "POST", body }],
    ] as const) {
      expect((await fixture.request(target, { ...init, key: write })).status, `${init.method} ${target}`).toBe(403);
    }
    expect((await fixture.request("/files/.fsdfs/policy.ts", { method: "PUT", body: "x", key: admin })).status).toBe(
      201,
    );
  });
});

describe("public reading", () => {
  it("lets anyone read and nobody write", async () => {
    const open = await openGateway(server, { publicRead: true });
    await open.request("/files/a", { method: "PUT", body: "x" });
    expect(await (await open.request("/files/a", { key: null })).text()).toBe("x");
    expect((await open.request("/status", { key: null })).status).toBe(200);
    expect((await open.request("/files/a", { key: open.keys.revoked })).status).toBe(401);
    expect((await open.request("/files/a", { method: "DELETE", key: null })).status).toBe(401);
    expect((await open.request("/keys", { key: null })).status).toBe(401);
    await open.close();
  });
});
