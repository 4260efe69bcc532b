/** Bad surroundings: a full disk, links and files that an operator planted in the data directory, garbage at the swarm's port. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/core/catalog/kv.ts";
import { type Fixture, jsonOf, openGateway, startServer, type TestServer } from "./http-fixture.ts";
import { connectTo } from "./http-wire.ts";

const MB = 1_000_000;
const SECRET = "outside of the data directory";
let server: TestServer;
let fixture: Fixture;
let outside: string;

beforeAll(async () => {
  server = await startServer({ quotaBytes: 3 * MB });
  fixture = await openGateway(server);
  outside = await mkdtemp(join(tmpdir(), "fsdfs-outside-"));
  await writeFile(join(outside, "secret"), SECRET);
});
beforeEach(() => {
  fixture.logged.length = 0;
});
afterAll(async () => {
  await fixture.close();
  await server.stop();
  await rm(outside, { recursive: true });
});

const put = (path: string, body: string | Buffer<ArrayBuffer>) =>
  fixture.request(`/files/${path}`, { method: "PUT", body });

async function codeOf(response: Response): Promise<string> {
  const { error } = await jsonOf<{ error: { code: string; hint: string } }>(response);
  expect(error.hint.length).toBeGreaterThan(5);
  return error.code;
}

async function expectServing(): Promise<void> {
  expect((await put("next", "request")).ok).toBe(true);
  expect(await (await fixture.request("/files/next")).text()).toBe("request");
  expect(fixture.logged).toEqual([]);
}

describe("a full disk", () => {
  it("S3: refuses what finds no room with 507, announced or not, and leaves nothing half-written", async () => {
    await put("next", "request");
    const before = await fixture.snapshot();
    const chunked = new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < 4; sent++) controller.enqueue(randomBytes(MB));
        controller.close();
      },
    });
    for (const init of [{ body: randomBytes(4 * MB) }, { body: chunked, duplex: "half" as const }]) {
      const response = await fixture.request("/files/large", { method: "PUT", ...init });
      expect([response.status, await codeOf(response)]).toEqual([507, "no-space"]);
      expect(await fixture.snapshot()).toEqual(before);
    }
    await expectServing();
  });
});

describe("a quota below what is held", () => {
  it("S3: refuses uploads with 507, and goes on reading and deleting", async () => {
    const roomy = await startServer({ quotaBytes: 3 * MB });
    const content = randomBytes(2 * MB);
    await roomy.face.put("held", single(content));
    await roomy.stop({ keepData: true });
    const tight = await startServer({ quotaBytes: MB, data: roomy.data });
    const gateway = await openGateway(tight);
    const before = await gateway.snapshot();
    const refused = await gateway.request("/files/new", { method: "PUT", body: "x" });
    expect([refused.status, await codeOf(refused)]).toEqual([507, "no-space"]);
    expect(await gateway.snapshot()).toEqual(before);
    const held = await gateway.request("/files/held");
    expect(Buffer.from(await held.arrayBuffer()).equals(content)).toBe(true);
    expect((await gateway.request("/files/held", { method: "DELETE" })).status).toBe(204);
    await gateway.close();
    await tight.stop();
  });
});

async function* single(chunk: Bytes): AsyncGenerator<Bytes> {
  yield chunk;
}

describe("S7: a symlink planted in the data directory", () => {
  it("leads no upload outside", async () => {
    await symlink(outside, join(server.data, "linked"));
    const response = await put("linked/new", "x");
    if (response.ok) expect(await (await fixture.request("/files/linked/new")).text()).toBe("x");
    else await codeOf(response);
    expect(await readdir(outside)).toEqual(["secret"]);
    await expectServing();
  });

  it("is not written through", async () => {
    await symlink(join(outside, "secret"), join(server.data, "planted"));
    const response = await put("planted", "x");
    if (response.ok) expect(await (await fixture.request("/files/planted")).text()).toBe("x");
    else await codeOf(response);
    expect(await readFile(join(outside, "secret"), "utf8")).toBe(SECRET);
    await expectServing();
  });

  it("gives no reader what lies outside, as an entry or in the place of a file", async () => {
    await symlink(join(outside, "secret"), join(server.data, "unknown"));
    const unknown = await fixture.request("/files/unknown");
    expect([unknown.status, await codeOf(unknown)]).toEqual([404, "file-not-found"]);
    await put("known", "x");
    await unlink(join(server.data, "known"));
    await symlink(join(outside, "secret"), join(server.data, "known"));
    const known = await fixture.request("/files/known");
    expect(known.status).toBeGreaterThanOrEqual(400);
    expect(await codeOf(known)).not.toBe("internal");
    await expectServing();
  });

  it("in the place of a directory gives no reader what lies behind it", async () => {
    await put("folder/secret", "inside");
    await rm(join(server.data, "folder"), { recursive: true });
    await symlink(outside, join(server.data, "folder"));
    const response = await fixture.request("/files/folder/secret");
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(await codeOf(response)).not.toBe("internal");
    await expectServing();
  });
});

describe("what an operator put in the data directory", () => {
  it("C9: is in the way of no upload, and is not lost", async () => {
    await writeFile(join(server.data, "stranger"), "a stranger's file");
    await mkdir(join(server.data, "folder2", "file"), { recursive: true });
    for (const path of ["stranger/inside", "folder2/file"]) {
      const response = await put(path, "x");
      if (response.ok) expect(await (await fixture.request(`/files/${path}`)).text()).toBe("x");
      else expect(await codeOf(response)).not.toBe("internal");
    }
    expect(await readFile(join(server.data, "stranger"), "utf8")).toBe("a stranger's file");
    await expectServing();
  });

  it("P4: in the place of a file is not served as that file", async () => {
    await put("replaced", "the file");
    await unlink(join(server.data, "replaced"));
    await writeFile(join(server.data, "replaced"), "the evil");
    const response = await fixture.request("/files/replaced");
    expect(response.status).toBeGreaterThanOrEqual(400);
    await codeOf(response);
    await expectServing();
  });
});

describe("garbage at the swarm's port", () => {
  it.each([
    ["text", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["a broken TLS greeting", Buffer.from("16030100c8010000c40303", "hex")],
    ["noise", randomBytes(100_000)],
  ])("as %s harms nothing", async (_what, bytes) => {
    const before = await fixture.snapshot();
    const socket = connectTo(server.swarmPort);
    socket.on("error", () => {});
    await once(socket, "connect");
    await new Promise((resolve) => socket.write(bytes, resolve));
    socket.destroy();
    expect(await fixture.snapshot()).toEqual(before);
    await expectServing();
  });
});
