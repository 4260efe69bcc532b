/** GET /openapi.json against the routes, the catalogue of errors, docs/API.md, and what a real server answers. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ERRORS, type ErrorCode, isErrorCode } from "../../src/errors.ts";
import { ADMITTED_ERRORS, COMMON_ERRORS, JSON_ERRORS } from "../../src/gateways/http/description.ts";
import { documentedUrl, errorsOf } from "../../src/gateways/http/openapi.ts";
import { OPERATIONS } from "../../src/gateways/http/routes.ts";
import { type Fixture, jsonOf, openGateway, startServer, type TestServer } from "./http-fixture.ts";

type Json = Readonly<Record<string, unknown>>;
interface Response_ {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema?: Json }>>;
  readonly "x-fsdfs-codes"?: readonly string[];
}
interface Described {
  readonly operationId: string;
  readonly "x-fsdfs-scope": string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Json }[];
  readonly responses: Readonly<Record<string, Response_>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

/** What of `value` is not as the schema says. No member may be there that the schema does not have. */
function problems(document: Document, schema: Json, value: unknown, at = "$"): string[] {
  const { $ref, anyOf, type, properties, required, items, pattern, minimum } = schema as {
    [Name in "$ref" | "pattern"]?: string;
  } & {
    anyOf?: Json[];
    type?: string | string[];
    properties?: Record<string, Json>;
    required?: string[];
    items?: Json;
    minimum?: number;
  };
  if ($ref !== undefined) {
    return problems(document, document.components.schemas[$ref.replace("#/components/schemas/", "")]!, value, at);
  }
  if (anyOf !== undefined) {
    const found = anyOf.map((each) => problems(document, each, value, at));
    return found.some((each) => each.length === 0) ? [] : [`${at} is none of ${anyOf.length} forms: ${found.flat()}`];
  }
  const types = type === undefined ? [] : [type].flat();
  const actual = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const fits = types.some((each) => each === actual || (each === "integer" && Number.isInteger(value)));
  if (types.length > 0 && !fits) return [`${at} is ${JSON.stringify(value)}, not ${types}`];
  if ("const" in schema && schema.const !== value) return [`${at} is not ${schema.const}`];
  if (Array.isArray(schema.enum) && !schema.enum.includes(value)) return [`${at}: ${value} is not listed`];
  if (typeof value === "string" && pattern !== undefined && !new RegExp(pattern).test(value))
    return [`${at}: ${value}`];
  if (typeof value === "number" && minimum !== undefined && value < minimum) return [`${at} is below ${minimum}`];
  if (Array.isArray(value)) return value.flatMap((each, i) => problems(document, items ?? {}, each, `${at}[${i}]`));
  if (actual !== "object" || properties === undefined) return [];
  const members = value as Json;
  return [
    ...(required ?? []).filter((name) => !(name in members)).map((name) => `${at}.${name} is missing`),
    ...Object.entries(members).flatMap(([name, member]) =>
      properties[name] === undefined
        ? [`${at}.${name} is not described`]
        : problems(document, properties[name], member, `${at}.${name}`),
    ),
  ];
}

describe("GET /openapi.json", () => {
  let server: TestServer;
  let there: Fixture;
  let document: Document;
  beforeAll(async () => {
    server = await startServer();
    there = await openGateway(server);
    document = await jsonOf<Document>(await there.request("/openapi.json", { key: null }));
  });
  afterAll(async () => {
    await there.close();
    await server.stop();
  });

  it("has the routes there are, with the scopes they ask for", () => {
    const told = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) => `${method} ${path} ${described["x-fsdfs-scope"]}`),
    );
    const real = OPERATIONS.flatMap(({ methods, url, scope }) =>
      methods.map((method) => `${method.toLowerCase()} ${documentedUrl(url)} ${scope}`),
    );
    expect(document.openapi).toBe("3.1.0");
    expect(told.sort()).toEqual(real.sort());
    const ids = Object.values(document.paths).flatMap((each) =>
      Object.values(each).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("has the parameters that operations check", () => {
    const names = (path: string, method: string) =>
      document.paths[path]![method]!.parameters.map((each) => `${each.in} ${each.name}`);
    expect(names("/files/{dir}/", "get")).toEqual(["path dir", "query limit", "query after", "query recursive"]);
    expect(names("/files/{path}", "put")).toContain("header fsdfs-request-id");
    const limit = document.paths["/files/{dir}/"]!.get!.parameters.find(({ name }) => name === "limit");
    expect(limit?.schema).toEqual({ type: "integer", minimum: 1, maximum: 10_000 });
  });

  it("has every error of the catalogue as a code, each under its status", () => {
    const { properties } = document.components.schemas.Error as { properties: { error: { properties: Json } } };
    expect((properties.error.properties.code as { enum: string[] }).enum).toEqual(Object.keys(ERRORS));
    for (const { responses } of Object.values(document.paths).flatMap((each) => Object.values(each))) {
      for (const [status, { "x-fsdfs-codes": codes = [] }] of Object.entries(responses)) {
        for (const code of codes) expect(ERRORS[code as ErrorCode].status).toBe(Number(status));
      }
    }
  });

  it("has the errors that docs/API.md tells of, operation by operation, and the other way round", async () => {
    const api = await readFile(new URL("../../docs/API.md", import.meta.url), "utf8");
    const general: readonly string[] = [...COMMON_ERRORS, ...ADMITTED_ERRORS, ...JSON_ERRORS, "clock-wrong", "merging"];
    const alsoTold: readonly string[] = [
      ...general,
      "path-invalid",
      "argument-invalid",
      "disk-failed",
      "owner-unavailable",
    ];
    const sections = api.split(/^(?=#{2,3} )/m).filter((section) => section.startsWith("### `"));
    for (const section of sections) {
      const [title = ""] = section.split("\n", 1);
      const addresses = [...title.matchAll(/`([A-Z]+) ([^`]+)`/g)].map(([, method, path]) => ({ method, path }));
      const operations = OPERATIONS.filter(({ methods, url }) =>
        addresses.some(({ method, path }) => methods.includes(method!) && documentedUrl(url) === path),
      );
      const declared = new Set(operations.flatMap((operation) => [...errorsOf(operation)]));
      const text = section.replace(/Codes of `\w+`:[^.]*\./, "");
      const told = [...text.matchAll(/`([a-z]+(?:-[a-z]+)*)`/g)].map(([, code = ""]) => code).filter(isErrorCode);
      expect({ title, missing: told.filter((code) => !declared.has(code)) }).toEqual({ title, missing: [] });
      const untold = [...declared].filter((code) => !told.includes(code) && !alsoTold.includes(code));
      // Conditions are told of in a section of their own.
      expect({ title, untold: untold.filter((code) => code !== "precondition-failed") }).toEqual({ title, untold: [] });
    }
    expect(sections.length).toBeGreaterThan(20);
  });

  it("describes what a real server answers, for every operation", async () => {
    const seen = new Set<string>();
    const ask = async (
      method: string,
      path: string,
      target: string,
      init: RequestInit & { key?: string | null } = {},
    ) => {
      const described = document.paths[path]![method.toLowerCase()]!;
      seen.add(described.operationId);
      const response = await there.request(target, { key: there.keys.admin, method, ...init });
      const told = described.responses[response.status];
      expect({ method, target, status: response.status, told: told !== undefined }).toMatchObject({ told: true });
      const [mediaType = ""] = (response.headers.get("content-type") ?? "").split(";");
      const content = told!.content?.[mediaType] ?? told!.content?.["*/*"];
      if (method === "HEAD" || told!.content === undefined) return response;
      expect({ target, mediaType, described: content !== undefined }).toMatchObject({ described: true });
      if (mediaType !== "application/json" || content!.schema === undefined) return response;
      const value = await jsonOf<{ error?: { code: string } }>(response.clone());
      expect(problems(document, content!.schema, value), target).toEqual([]);
      if (value.error !== undefined && told!["x-fsdfs-codes"] !== undefined)
        expect(told!["x-fsdfs-codes"]).toContain(value.error.code);
      return response;
    };
    const file = "/files/{path}";
    const directory = "/files/{dir}/";
    expect((await ask("PUT", file, "/files/a/one.ogg", { body: "1234" })).status).toBe(201);
    await ask("PUT", file, "/files/a/one.ogg", { body: "12345" });
    await ask("PUT", file, "/files/a/one.ogg", { body: "1", headers: { "if-none-match": "*" } });
    await ask("PUT", file, "/files/a/one.ogg", { body: "1", headers: { "fsdfs-sha256": "0".repeat(64) } });
    await ask("PUT", file, "/files/a/../b", { body: "1" });
    await ask("PUT", file, "/files/a", { body: "1" });
    await ask("PUT", file, "/files/z?from=http://127.0.0.1:1/x");
    for (const method of ["GET", "HEAD"]) {
      const got = await ask(method, file, "/files/a/one.ogg?redirect=never");
      expect(got.status).toBe(200);
      await ask(method, file, "/files/none");
      await ask(method, file, "/files/a");
      await ask(method, file, "/files/a/one.ogg?redirect=never", { headers: { range: "bytes=1-2" } });
      await ask(method, file, "/files/a/one.ogg?redirect=never", { headers: { range: "bytes=90-" } });
      await ask(method, file, "/files/a/one.ogg", { headers: { "if-none-match": got.headers.get("etag")! } });
      await ask(method, file, "/files/a/one.ogg", { headers: { "if-match": '"x"' } });
      await ask(method, file, "/files/a/one.ogg", { key: null });
      await ask(method, file, "/files/a/one.ogg", { key: there.keys.revoked });
      await ask(method, directory, "/files/");
      await ask(method, directory, "/files/a/?limit=1&recursive=true");
      await ask(method, directory, "/files/a/?limit=0");
      await ask(method, directory, "/files/a/one.ogg/");
      await ask(method, "/locate/{path}", "/locate/a/one.ogg");
      await ask(method, "/locate/{path}", "/locate/none");
      await ask(method, "/status", "/status");
      const list = await ask(method, "/servers", "/servers");
      if (method === "GET") {
        const { servers } = await jsonOf<{ servers: { id: string }[] }>(list);
        await ask("POST", "/servers/{id}", `/servers/${servers[0]!.id}`, { body: '{"pullRate": "unlimited"}' });
        for (const each of ["GET", "HEAD"]) await ask(each, "/servers/{id}/files", `/servers/${servers[0]!.id}/files`);
      }
      await ask(method, "/servers/{id}/files", "/servers/0123456789ab/files");
      await ask(method, "/clock", "/clock");
      await ask(method, "/policy", "/policy");
      await ask(method, "/policy/log", "/policy/log");
      await ask(method, "/keys", "/keys");
      await ask(method, "/merge", "/merge");
      await ask(method, "/health", "/health", { key: null });
      await ask(method, "/openapi.json", "/openapi.json", { key: null });
    }
    const set = (body: string) => ask("PATCH", file, "/files/a/one.ogg", { body });
    expect((await set('{"variables": {"popularity": 9, "genre": "rock", "live": true, "old": null}}')).status).toBe(
      200,
    );
    await set('{"variables": {"a b": 1}}');
    await set('{"variables": [1]}');
    await ask("PATCH", file, "/files/none", { body: '{"variables": {}}' });
    await ask("PATCH", file, "/files/a", { body: '{"variables": {}}' });
    for (const method of ["GET", "HEAD"]) {
      await ask(method, directory, "/files/a/");
      await ask(method, "/locate/{path}", "/locate/a/one.ogg");
    }
    await ask("POST", "/heat", "/heat", { body: '{"paths": ["a/one.ogg", "none"]}' });
    await ask("POST", "/variables", "/variables", { body: "a/one.ogg\tplays=1\nnone\tplays=2\nnonsense" });
    expect((await ask("PUT", directory, "/files/d/")).status).toBe(201);
    await ask("PUT", directory, "/files/a/one.ogg/");
    await ask("POST", "/locate", "/locate", { body: '{"paths": ["a/one.ogg", "none"]}' });
    await ask("POST", "/locate", "/locate", { body: "nonsense" });
    await ask("POST", "/servers/{id}", "/servers/none", { body: '{"paused": false}' });
    await ask("POST", "/servers/{id}", "/servers/none", { body: '{"pullRate": 1}' });
    await ask("POST", "/swarm", "/swarm", { body: '{"copies": 3}' });
    await ask("POST", "/policy/try", "/policy/try", { body: "export default () => 4;" });
    await ask("POST", "/policy/try", "/policy/try", { body: "export default () => -1;" });
    await ask("PUT", "/policy", "/policy", { body: "export default () => 4;" });
    await ask("PUT", "/policy", "/policy", { body: "export default 4;" });
    await ask("GET", "/policy", "/policy");
    await ask("DELETE", "/policy", "/policy");
    await ask("DELETE", "/policy", "/policy");
    await ask("DELETE", "/servers/{id}", "/servers/none?acceptLoss=true");
    await ask("DELETE", "/servers/{id}", "/servers/none?acceptLoss=1");
    await ask("POST", "/drop/{path}", "/drop/a/one.ogg");
    await ask("POST", "/drop/{path}", "/drop/none");
    await ask("POST", "/move", "/move", { body: '{"from": "a/one.ogg", "to": "a/two.ogg"}' });
    await ask("POST", "/move", "/move", { body: '{"from": "none", "to": "b"}' });
    await ask("PUT", file, "/files/t/one.ogg", { body: "1" });
    await ask("DELETE", file, "/files/t/one.ogg?forever=perhaps");
    await ask("DELETE", file, "/files/t/one.ogg");
    const back = await ask("POST", "/trash/restore", "/trash/restore", { body: '{"path": "t/one.ogg"}' });
    expect(back.status).toBe(201);
    await ask("POST", "/trash/restore", "/trash/restore", { body: '{"path": "t/none"}' });
    await ask("POST", "/trash/restore", "/trash/restore", { body: '{"version": 1}' });
    for (const method of ["GET", "HEAD"]) await ask(method, "/trash", "/trash?under=a");
    await ask("GET", "/trash", "/trash?after=nonsense");
    await ask("POST", "/trash/empty", "/trash/empty", { body: '{"under": "a"}' });
    await ask("POST", "/trash/empty", "/trash/empty");
    await ask("DELETE", file, "/files/t/one.ogg?forever=true");
    await ask("POST", "/merge", "/merge", { body: '{"with": "127.0.0.1:1", "dryRun": true}' });
    await ask("POST", "/clock/repair", "/clock/repair");
    const made = await jsonOf<{ id: string }>(
      await ask("POST", "/keys", "/keys", { body: '{"name": "k", "scope": "read"}' }),
    );
    await ask("POST", "/keys", "/keys", { body: '{"name": "k", "scope": "read"}', key: there.keys.read });
    await ask("DELETE", "/keys/{id}", `/keys/${made.id}`);
    await ask("DELETE", "/keys/{id}", "/keys/none");
    await ask("DELETE", directory, "/files/a/");
    await ask("DELETE", directory, "/files/d/");
    const lines = await ask("POST", "/adopt", "/adopt", {
      body: JSON.stringify({ directory: server.data, dryRun: true }),
    });
    const adoptEvent = document.paths["/adopt"]!.post!.responses[200]!.content!["application/x-ndjson"]!.schema!;
    for (const line of (await lines.text()).trim().split("\n"))
      expect(problems(document, adoptEvent, JSON.parse(line))).toEqual([]);
    await ask("POST", "/adopt", "/adopt", { body: '{"directory": "/nowhere"}' });
    const verified = await ask("POST", "/verify", "/verify", { body: '{"rate": 10000000}' });
    const verifyEvent = document.paths["/verify"]!.post!.responses[200]!.content!["application/x-ndjson"]!.schema!;
    for (const line of (await verified.text()).trim().split("\n"))
      expect(problems(document, verifyEvent, JSON.parse(line))).toEqual([]);
    await ask("POST", "/verify", "/verify", { body: '{"path": "none"}' });
    await ask("POST", "/verify", "/verify", { body: '{"rate": 1}' });

    const aborted = new AbortController();
    const events = await ask("GET", "/events", "/events", {
      signal: aborted.signal,
      headers: { "last-event-id": "1" },
    });
    await ask("GET", "/events", "/events?types=none");
    await ask("PUT", file, "/files/b", { body: "1" });
    await there.request("/move", { method: "POST", body: '{"from": "b", "to": "c"}' });
    await ask("PUT", directory, "/files/e/");
    await ask("DELETE", file, "/files/c");
    await ask("DELETE", file, "/files/none");
    const swarmEvent = document.paths["/events"]!.get!.responses[200]!.content!["text/event-stream"]!.schema!;
    const changes = new Set<unknown>();
    let text = "";
    for await (const chunk of events.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split("\n\n");
      text = blocks.pop()!;
      for (const block of blocks) {
        const event = JSON.parse(/^data: (.*)$/m.exec(block)![1]!) as Json;
        expect(problems(document, swarmEvent, event)).toEqual([]);
        changes.add(event.change ?? event.type);
      }
      if (["ready", "missed", "put", "moved", "directory", "deleted", "made"].every((each) => changes.has(each))) break;
    }
    aborted.abort();
    const all = Object.values(document.paths).flatMap((each) =>
      Object.values(each).map(({ operationId }) => operationId),
    );
    expect([...seen].sort()).toEqual(all.sort());
  });

  it("the check can fail", () => {
    const schema = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };
    expect(problems(document, schema, { a: 1 })).toEqual([]);
    expect(problems(document, schema, { a: 1.5 })).toHaveLength(1);
    expect(problems(document, schema, {})).toHaveLength(1);
    expect(problems(document, schema, { a: 1, b: 2 })).toHaveLength(1);
    expect(problems(document, { $ref: "#/components/schemas/Error" }, { error: {} })).not.toEqual([]);
  });
});
