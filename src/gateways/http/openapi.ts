/** The API as an OpenAPI 3.1 document, made of what the operations say of themselves. */
import { z } from "zod";
import { ERRORS, type ErrorCode } from "../../errors.ts";
import {
  ADMITTED_ERRORS,
  type AnswerDescription,
  COMMON_ERRORS,
  type Description,
  JSON_ERRORS,
} from "./description.ts";
import type { Operation } from "./operation.ts";
import { error } from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;

/** @param softwareVersion the server's */
export function openApi(operations: readonly Operation[], softwareVersion: string): Json {
  const schemas = new Schemas();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    for (const method of operation.methods) {
      const path = documentedUrl(operation.url);
      paths[path] = { ...paths[path], [method.toLowerCase()]: describe(operation, method, schemas) };
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "fsdfs",
      version: softwareVersion,
      description:
        "Every server answers for the whole swarm. A path in an address is percent-encoded segment by segment, its slashes are not; one that ends in / speaks of a directory. docs/API.md says the rest.",
      license: { name: "see LICENSE" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: schemas.all(),
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "A key made by fsdfs key create." },
      },
    },
  };
}

/** "/files/-/" is "/files/{dir}/", "/keys/:id" is "/keys/{id}". */
export function documentedUrl(url: string): string {
  return url
    .replace(/\/-\/$/, "/{dir}/")
    .replace(/\/-$/, "/{path}")
    .replace(/:(\w+)/g, "{$1}");
}

function describe(operation: Operation, method: string, schemas: Schemas): Json {
  const { description, scope, url } = operation;
  const { id, summary, body } = description;
  return {
    operationId: method === "HEAD" ? `${id}Head` : id,
    summary,
    "x-fsdfs-scope": scope,
    security: scope === "none" ? [] : [{ key: [] }, ...(operation.linkable ? [{}] : [])],
    parameters: [
      ...[...documentedUrl(url).matchAll(/\{(\w+)\}/g)].map(([, name]) => pathParameter(name!)),
      ...parameters("query", description.query, schemas),
      ...parameters("header", description.headers, schemas),
    ],
    ...(body === undefined ? {} : { requestBody: requestBody(body, schemas) }),
    responses: { ...answers(description, method, schemas), ...failures(operation, schemas) },
  };
}

function pathParameter(name: string): Json {
  const schema = { type: "string" };
  if (name === "id") return { name, in: "path", required: true, schema };
  const description = "a path of the swarm, with its slashes";
  return { name, in: "path", required: true, schema, allowReserved: true, description };
}

function parameters(place: "query" | "header", schema: z.ZodObject | undefined, schemas: Schemas): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemas.of(schema) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

function requestBody(body: NonNullable<Description["body"]>, schemas: Schemas): Json {
  if (body.kind === "bytes") return { required: false, content: { "application/octet-stream": {} } };
  return { required: body.optional !== true, content: { "application/json": { schema: schemas.of(body.schema) } } };
}

function answers(description: Description, method: string, schemas: Schemas): Json {
  return Object.fromEntries(
    Object.entries(description.answers).map(([status, answer]) => [status, answerOf(answer, method, schemas)]),
  );
}

function answerOf({ what, schema, mediaType, headers }: AnswerDescription, method: string, schemas: Schemas): Json {
  const media = mediaType ?? (schema === undefined ? undefined : "application/json");
  const told = Object.entries(headers ?? {}).map(([name, says]) => [
    name,
    { description: says, schema: { type: "string" } },
  ]);
  return {
    description: what,
    ...(told.length === 0 ? {} : { headers: Object.fromEntries(told) }),
    ...(media === undefined || method === "HEAD"
      ? {}
      : { content: { [media]: schema === undefined ? {} : { schema: schemas.of(schema) } } }),
  };
}

/** Every code that an operation may answer with. */
export function errorsOf({ description, scope, methods }: Operation): ReadonlySet<ErrorCode> {
  const isChange = (scope === "write" || scope === "admin") && !methods.includes("GET");
  return new Set<ErrorCode>([
    ...COMMON_ERRORS,
    ...(scope === "none" ? [] : ADMITTED_ERRORS),
    ...(isChange ? (["merging"] as const) : []),
    ...(description.body?.kind === "json" ? JSON_ERRORS : []),
    ...description.errors,
  ]);
}

/** A status each, since that is how OpenAPI tells answers apart; the codes are named. */
function failures(operation: Operation, schemas: Schemas): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(operation)) {
    const { status } = ERRORS[code];
    if (operation.description.answers[status] !== undefined) continue; // It says more, as /health does.
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const schema = schemas.of(error);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      { description: codes.join(", "), "x-fsdfs-codes": codes, content: { "application/json": { schema } } },
    ]),
  );
}

/** Schemas with names of their own are told once. */
class Schemas {
  readonly #named: Record<string, unknown> = {};

  of(schema: z.ZodType): Json {
    const text = JSON.stringify(z.toJSONSchema(schema, { io: "input" }));
    const {
      $schema: _,
      $defs = {},
      id,
      ...rest
    } = JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/')) as Record<string, unknown>;
    for (const [name, { id: __, ...named }] of Object.entries($defs as Record<string, Json>)) this.#named[name] = named;
    if (typeof id !== "string") return rest;
    this.#named[id] = rest;
    return { $ref: `#/components/schemas/${id}` };
  }

  all(): Json {
    return this.#named;
  }
}
