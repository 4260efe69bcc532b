/** GET /events, of real servers: what is told, to whom, and how it ends. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SwarmEvent } from "../../src/server/face.ts";
import { type Cluster, createCluster, waitFor } from "./cluster.ts";
import { type Fixture, jsonOf, openGateway, startServer, type TestServer, until } from "./http-fixture.ts";

/** A client of server-sent events: gathers what comes. */
class Listener {
  readonly events: SwarmEvent[] = [];
  comments = 0;
  ended = false;
  readonly #response: Response;

  constructor(response: Response) {
    this.#response = response;
    void this.#read();
  }

  async #read(): Promise<void> {
    let rest = "";
    try {
      for await (const text of this.#response.body!.pipeThrough(new TextDecoderStream())) {
        const blocks = (rest + text).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
          if (block === ":") this.comments += 1;
          else this.events.push(JSON.parse(/^data: (.*)$/m.exec(block)![1]!) as SwarmEvent);
        }
      }
    } catch {}
    this.ended = true;
  }

  has(expected: object): boolean {
    return this.events.some((event) =>
      Object.entries(expected).every(([name, value]) => event[name as keyof SwarmEvent] === value),
    );
  }

  close(): Promise<void> {
    return this.#response.body!.cancel().catch(() => undefined);
  }
}

describe("GET /events", () => {
  let server: TestServer;
  let there: Fixture;
  beforeAll(async () => {
    server = await startServer();
    there = await openGateway(server, { limits: { eventsHeartbeatMs: 20, eventsStallMs: 300 } });
  });
  afterAll(async () => {
    await there.close();
    await server.stop();
  });

  const listen = async (query = "", headers: Record<string, string> = {}) => {
    const aborted = new AbortController();
    const response = await there.request(`/events${query}`, {
      headers: { ...headers },
      key: there.keys.read,
      signal: aborted.signal,
    });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const listener = new Listener(response);
    await until(() => listener.has({ type: "ready" }));
    return Object.assign(listener, { leave: () => aborted.abort() });
  };
  const change = async (method: string, target: string, body?: string) => {
    const response = await there.request(target, { method, ...(body === undefined ? {} : { body }) });
    expect(response.ok).toBe(true);
    return response;
  };

  it("tells of files that are put, moved and deleted, and of their copies", async () => {
    const listener = await listen();
    const put = await jsonOf<{ version: string }>(await change("PUT", "/files/a/one", "1"));
    await change("PUT", "/files/a/one", "22");
    await change("POST", "/move", '{"from": "a/one", "to": "a/two"}');
    await change("DELETE", "/files/a/two");
    await change("PUT", "/files/made/");
    await until(() => listener.has({ change: "directory" }));
    const files = listener.events.filter(({ type }) => type === "file");
    expect(files.map((event) => ("change" in event ? event.change : ""))).toEqual([
      ...["put", "put", "moved", "deleted", "directory"],
    ]);
    expect(files[0]).toMatchObject({ path: "a/one", version: put.version, size: 1, created: true });
    expect(files[1]).toMatchObject({ path: "a/one", size: 2, created: false });
    expect(files[2]).toMatchObject({ path: "a/one", to: "a/two" });
    await until(() => listener.has({ type: "copy", change: "made", version: put.version }));
    await until(() => listener.has({ type: "copy", change: "withdrawn", version: put.version }));
    await until(() => listener.comments > 0);
    listener.leave();
  });

  it("tells only what was asked for", async () => {
    const [types, under] = [await listen("?types=copy"), await listen("?under=/there/&types=file,copy")];
    await change("PUT", "/files/elsewhere", "1");
    await change("PUT", "/files/there/in", "1");
    await until(() => under.has({ type: "file", path: "there/in" }) && types.has({ type: "copy", path: "there/in" }));
    expect(types.has({ type: "file" })).toBe(false);
    expect(under.has({ path: "elsewhere" })).toBe(false);
    expect((await there.request("/events?types=fish")).status).toBe(400);
    expect((await there.request("/events?under=../x")).status).toBe(400);
    expect((await there.request("/events", { key: null })).status).toBe(401);
    types.leave();
    under.leave();
  });

  it("says to who comes again that he may have missed some", async () => {
    const listener = await listen("", { "last-event-id": "17" });
    await until(() => listener.has({ type: "missed", reason: "reconnected" }));
    expect(listener.events.map(({ type }) => type)).toEqual(["ready", "missed"]);
    listener.leave();
  });

  it("has a bound of clients, and room again when they leave", async () => {
    const listeners = [];
    for (let count = 0; count < 100; count++) listeners.push(await listen("?types=server"));
    const refused = await there.request("/events");
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: "too-many-watchers" } });
    for (const listener of listeners) listener.leave();
    await waitFor("there is room again", async () => {
      const response = await there.request("/events");
      await response.body!.cancel();
      return response.status === 200;
    });
  });

  it("tells who lags that he missed some, and keeps no more than a thousand for him", async () => {
    const signal = new AbortController();
    const told = server.face.events({ signal: signal.signal, types: ["file"] });
    await told.next();
    for (let each = 0; each < 60; each++) await server.face.makeDirectory(`d0/${each}`);
    for (let step = 1; step <= 20; step++) await server.face.move(`d${step - 1}`, `d${step}`);
    const rest: SwarmEvent[] = [];
    const isLast = (event: SwarmEvent) => event.type === "file" && event.change === "moved" && event.to === "d20/59";
    for await (const event of told) if (rest.push(event) > 0 && isLast(event)) break;
    expect(rest[0]).toEqual({ type: "missed", reason: "lagging" });
    expect(rest.length).toBeLessThanOrEqual(1_001);
    expect(rest.some((event) => event.type === "file" && event.change === "directory")).toBe(false);
  });

  it("ends when the gateway closes, at once", async () => {
    // Were it to wait for its clients, it would do so for longer than this test may take.
    const other = await openGateway(server, { limits: { closeGraceMs: 600_000 } });
    const response = await other.request("/events");
    const listener = new Listener(response);
    await until(() => listener.has({ type: "ready" }));
    await other.close();
    await until(() => listener.ended);
  });
});

describe("GET /events of servers with serving processes", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await createCluster();
    await cluster.start();
  });
  afterAll(() => cluster.close());

  it("goes through them, tells of pulls and servers of the others, and ends with the server", async () => {
    const [a] = cluster.servers;
    const gathered: SwarmEvent[] = [];
    const has = (expected: object) => () =>
      gathered.some((event) =>
        Object.entries(expected).every(([name, value]) => event[name as keyof SwarmEvent] === value),
      );
    const follow = async () => {
      for await (const event of a!.client.events()) gathered.push(event);
    };
    const followed = follow();
    await waitFor("it is heard", has({ type: "ready" }));
    const b = await cluster.start();
    await waitFor("b joined", has({ type: "server", change: "joined", name: "b" }));
    await waitFor("b is up", has({ type: "server", change: "up", name: "b" }));
    await cluster.whole();
    await b.client.put("through-b", new Blob(["bytes"]));
    await waitFor("the file is told of", has({ type: "file", change: "put", path: "through-b" }));
    await waitFor("both copies are", () => gathered.filter(({ type }) => type === "copy").length >= 2);
    const cli = await cluster.cli(["events", "--types", "fish", "--data", a!.data]);
    expect(cli).toMatchObject({ code: 2 });
    await b.kill();
    await waitFor("b is down", has({ type: "server", change: "down", name: "b" }));
    // One that takes too long to stop ends with 1.
    expect(await a!.stop()).toMatchObject({ code: 0 });
    await followed;
  });
});
