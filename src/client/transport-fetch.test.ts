import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Client } from "./client.ts";
import { createClient } from "./sdk-node.ts";

/** Where Node's fetch finds what sends its requests, and gives up on those whose answer does not come. */
const DISPATCHERS = [Symbol.for("undici.globalDispatcher.1"), Symbol.for("undici.globalDispatcher.2")];
const RESULT = { version: "v", sha256: "", size: 7, copies: 2, created: true };

const globals = globalThis as unknown as Record<symbol, object | undefined>;
/** For a machine that is busy with something else. */
const PATIENCE = { timeout: 30_000 };
let before: (object | undefined)[];
let server: Server;
let client: Client;
/** Of those that wait for their answer, by method. */
let waiting: Map<string | undefined, ServerResponse>;

beforeEach(async () => {
  await fetch("data:,loads-it");
  before = DISPATCHERS.map((symbol) => globals[symbol]);
  const Agent = before[0]?.constructor as new (options: object) => object;
  const impatient = new Agent({ headersTimeout: 50, bodyTimeout: 50 });
  for (const [at, symbol] of DISPATCHERS.entries()) if (before[at] !== undefined) globals[symbol] = impatient;
  waiting = new Map();
  server = createServer((request, response) => {
    request.resume();
    waiting.set(request.method, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  client = createClient({ url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, key: "k" });
});
afterEach(() => {
  for (const [at, symbol] of DISPATCHERS.entries()) if (before[at] !== undefined) globals[symbol] = before[at];
  server.closeAllConnections();
  server.close();
});

/** Begun after what is to outlast it. */
async function untilOneIsGivenUp(): Promise<void> {
  await expect(client.health()).rejects.toMatchObject({ code: "connection-lost" });
}

describe("over Node's fetch", () => {
  it("a server may work on a request for as long as it takes when it is known to", async () => {
    const stored = client.putFrom("x", "http://source/");
    await expect.poll(() => waiting.has("PUT"), PATIENCE).toBe(true);
    await untilOneIsGivenUp();
    waiting.get("PUT")?.end(JSON.stringify(RESULT));
    expect(await stored).toEqual(RESULT);
  });

  it("an answer may pause for as long as it takes when it is known to", async () => {
    const events = client.events();
    const first = events.next();
    await expect.poll(() => waiting.has("GET"), PATIENCE).toBe(true);
    const answer = waiting.get("GET");
    answer?.write(": begin\n");
    await untilOneIsGivenUp();
    answer?.write('data: {"type":"ready"}\n');
    expect(await first).toMatchObject({ value: { type: "ready" } });
    answer?.end();
    expect(await events.next()).toMatchObject({ done: true });
  });
});
