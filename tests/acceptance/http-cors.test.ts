/** Web pages of other origins (CORS): what browsers are told, by gateways and serving processes, and over redirects. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, createCluster, waitFor } from "./cluster.ts";
import { type Fixture, openGateway, startServer, type TestServer } from "./http-fixture.ts";

const PLAYER = "https://player.example.org";
const preflight = (origin: string) => ({
  method: "OPTIONS",
  headers: { origin, "access-control-request-method": "GET", "access-control-request-headers": "authorization, range" },
});

describe("web pages of other origins", () => {
  let server: TestServer;
  let none: Fixture;
  let some: Fixture;
  let any: Fixture;
  beforeAll(async () => {
    server = await startServer();
    none = await openGateway(server);
    some = await openGateway(server, { cors: [PLAYER] });
    any = await openGateway(server, { cors: ["*"] });
    await none.request("/files/a.ogg", { method: "PUT", body: "12345" });
  });
  afterAll(async () => {
    for (const each of [none, some, any]) await each.close();
    await server.stop();
  });

  const allowed = (response: Response) => response.headers.get("access-control-allow-origin");

  it("are told nothing unless some are allowed", async () => {
    expect(allowed(await none.request("/files/a.ogg", { headers: { origin: PLAYER } }))).toBeNull();
    expect((await none.request("/files/a.ogg", { ...preflight(PLAYER), key: null })).status).toBe(405);
  });

  it("may ask beforehand without a key, and read with one", async () => {
    const asked = await some.request("/files/a.ogg", { ...preflight(PLAYER), key: null });
    expect(asked.status).toBe(204);
    expect(allowed(asked)).toBe(PLAYER);
    expect(asked.headers.get("access-control-allow-headers")).toMatch(/Authorization.*Range/);
    expect(asked.headers.get("access-control-allow-methods")).toContain("GET");
    const headers = { origin: PLAYER, range: "bytes=1-2" };
    const got = await some.request("/files/a.ogg?redirect=never", { headers });
    expect(got.status).toBe(206);
    expect(allowed(got)).toBe(PLAYER);
    expect(got.headers.get("vary")).toBe("Origin");
    for (const name of ["ETag", "Content-Range", "fsdfs-version", "fsdfs-sha256"])
      expect(got.headers.get("access-control-expose-headers")).toContain(name);
    expect(got.headers.has("access-control-allow-credentials")).toBe(false);
    for (const target of ["/files/", "/locate/a.ogg", "/status", "/files/none", "/nowhere"])
      expect(allowed(await some.request(target, { headers: { origin: PLAYER } })), target).toBe(PLAYER);
    // Also what is wrong can be read.
    const refused = await some.request("/files/a.ogg", { key: null, headers: { origin: PLAYER } });
    expect(refused.status).toBe(401);
    expect(allowed(refused)).toBe(PLAYER);
  });

  it("of origins that are not named may not", async () => {
    for (const origin of ["https://other.example.org", "https://player.example.org.evil.example", "null"]) {
      expect(allowed(await some.request("/files/a.ogg", { headers: { origin } })), origin).toBeNull();
      expect(allowed(await some.request("/files/a.ogg", { ...preflight(origin), key: null })), origin).toBeNull();
      expect(allowed(await any.request("/files/a.ogg", { headers: { origin } })), origin).toBe("*");
    }
  });

  it("may follow a signed link, for which browsers tell no origin", async () => {
    const version = (await server.face.head("a.ogg")).version!;
    const link = some.link("a.ogg", version);
    const target = link.pathname + link.search;
    const got = await some.request(target, { key: null, headers: { origin: "null" } });
    expect(got.status).toBe(200);
    expect(allowed(got)).toBe("*");
    expect((await some.request(target, { ...preflight("null"), key: null })).status).toBe(204);
    expect(allowed(await none.request(target, { key: null, headers: { origin: "null" } }))).toBeNull();
  });

  it("may not have what no link opens shown to them by making it look like one", async () => {
    const headers = { origin: "https://other.example.org" };
    for (const target of ["/files/?mac=0", "/files/?recursive=true&mac=0", "/files/a/b/?mac=0"])
      expect(allowed(await some.request(target, { headers })), target).toBeNull();
    const method = "DELETE";
    expect(allowed(await some.request("/files/none?mac=0", { method, headers }))).toBeNull();
    const beforehand = { ...headers, "access-control-request-method": method };
    expect(allowed(await some.request("/files/none?mac=0", { method: "OPTIONS", headers: beforehand }))).toBeNull();
  });
});

describe("web pages and servers with serving processes", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await createCluster();
    await cluster.start({ args: ["--cors", PLAYER] });
  });
  afterAll(() => cluster.close());

  it("get the same, from what answers itself and from what is handed on", async () => {
    const [a] = cluster.servers;
    await a!.client.put("a.ogg", new Blob(["12345"]));
    const { secret } = await a!.client.createKey("page", "read");
    const headers = { authorization: `Bearer ${secret}`, origin: PLAYER };
    await waitFor("it is served", async () => (await fetch(`${a!.url}/files/a.ogg`, { headers })).status === 200);
    for (const target of ["/files/a.ogg", "/locate/a.ogg", "/status", "/files/", "/files/none"]) {
      const response = await fetch(a!.url + target, { headers });
      expect(response.headers.get("access-control-allow-origin"), target).toBe(PLAYER);
      expect(response.headers.get("access-control-expose-headers"), target).toContain("ETag");
      await response.arrayBuffer();
    }
    expect((await fetch(`${a!.url}/files/a.ogg`, preflight(PLAYER))).status).toBe(204);
    const wrong = await cluster.launch(["--cors", "player"]).exited;
    expect(wrong.code).toBe(2);
  });
});
