/** What an operation of the HTTP API is: its address, who may ask for it, and how it turns a request into an answer. */
import type { IncomingHttpHeaders } from "node:http";
import { z } from "zod";
import type { Bytes } from "../../core/catalog/kv.ts";
import { type DecodedUrlPath, decodeUrlPath, type FilePath, isGoverning, parsePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { Face, Principal, Scope } from "../../server/face.ts";
import type { Answer } from "./answer.ts";
import type { Description } from "./description.ts";
import type { Fetched } from "./fetch/fetcher.ts";
import type { HttpLimits } from "./limits.ts";

export interface Operation {
  readonly methods: readonly string[];
  /** A pattern of Fastify's router. Addresses that end in a path are the ones of `PATH_ROUTES`. */
  readonly url: string;
  /** The least that the caller's key must have; "none" asks for no key. */
  readonly scope: Scope | "none";
  /** A signed link opens it (S5). */
  readonly linkable?: true;
  /** For GET /openapi.json. */
  readonly description: Description;
  run(call: Call): Promise<Answer>;
}

/** One request, as operations see it. */
export interface Call {
  readonly face: Face;
  readonly principal: Principal;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** What the URL says behind "/files/", "/locate/" or "/drop/", decoded once. @throws FsdfsError `path-invalid` */
  path(): DecodedUrlPath;
  hasBody(): boolean;
  /** Content-Length. @throws FsdfsError `argument-invalid` */
  declaredSize(): number | undefined;
  /** The body as it comes. @throws FsdfsError `body-incomplete`, `request-timeout` */
  body(): AsyncIterable<Bytes>;
  /** @throws FsdfsError `body-too-large`, `argument-invalid`, `body-incomplete`, `request-timeout` */
  json(): Promise<unknown>;
  /** The caller has shown what only the server's user on its machine can read (`fsdfs-local`). */
  readonly isLocal: boolean;
  /** The answer may take long: the connection may stand still meanwhile. Aborted when the client leaves. */
  outlasting(): AbortSignal;
  /** As `outlasting`, for an answer without an end of its own: aborted as well when the gateway closes. */
  endless(): AbortSignal;
  readonly limits: HttpLimits;
  /** Opens what lies at a URL. @throws FsdfsError `argument-invalid`, `fetch-refused`, `fetch-failed`, `fetch-timeout` */
  fetch(url: string): Promise<Fetched>;
}

/**
 * Addresses that end in a path, which Fastify must not decode. They are routed under these fixed names, the path being
 * taken from the URL as it came; every URL with the prefix is, so no client can mean the name itself.
 */
const PATH_ROUTES = [
  { prefix: "/files/", file: "/files/-", directory: "/files/-/" },
  { prefix: "/locate/", file: "/locate/-", directory: "/locate/-" },
  { prefix: "/drop/", file: "/drop/-", directory: "/drop/-" },
] as const;

/** The URL to route by. `target` is the one that came. */
export function routingUrl(target: string): string {
  const route = PATH_ROUTES.find(({ prefix }) => target.startsWith(prefix));
  if (route === undefined) return target;
  const path = withoutQuery(target).slice(route.prefix.length);
  return path === "" || path.endsWith("/") ? route.directory : route.file;
}

/** @throws FsdfsError `path-invalid`; `route-unknown` for a prefix that was itself percent-encoded */
export function pathOfTarget(target: string): DecodedUrlPath {
  const route = PATH_ROUTES.find(({ prefix }) => target.startsWith(prefix));
  if (route === undefined) throw new FsdfsError("route-unknown");
  return decodeUrlPath(target.slice(route.prefix.length));
}

export function queryOf(target: string): URLSearchParams {
  return new URLSearchParams(target.slice(withoutQuery(target).length));
}

function withoutQuery(target: string): string {
  return target.split("?", 1)[0] ?? "";
}

/** The call's path where only a file can be meant. @throws FsdfsError `path-invalid` */
export function filePath(call: Call): FilePath {
  return parsePath(call.path().path);
}

/** @throws FsdfsError `forbidden` */
export function checkMayChange(principal: Principal, path: FilePath | ""): void {
  if (isGoverning(path)) requireScope(principal, "admin");
}

const RANKS: Readonly<Record<Scope, number>> = { read: 0, write: 1, admin: 2 };

/** @throws FsdfsError `forbidden` */
export function requireScope(principal: Principal, needs: Scope): void {
  if (RANKS[principal.scope] < RANKS[needs]) throw new FsdfsError("forbidden", { has: principal.scope, needs });
}

/** @throws FsdfsError `argument-invalid`, naming what is wrong */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const name = issue?.path.join(".") || "The body";
  throw new FsdfsError("argument-invalid", { name, reason: issue?.message ?? "it has another form" });
}

/** `limit` and `after` of lists that come in pages. */
export const pageSchema = z.object({
  limit: z.coerce
    .number("not a number")
    .int("not a whole number")
    .min(1, "below 1")
    .max(10_000, "above 10,000")
    .optional(),
  after: z.string().min(1, "empty").optional(),
});

export const requestIdSchema = z.object({
  "fsdfs-request-id": z
    .string()
    .regex(/^[\x21-\x7e]{1,64}$/, "not 1 to 64 visible ASCII characters")
    .optional()
    .describe("repeated requests with the same one are one"),
});

/** What makes repeated requests one. @throws FsdfsError `argument-invalid` */
export function requestId(call: Call): string | undefined {
  return check(requestIdSchema, call.headers)["fsdfs-request-id"];
}

export const pathSchema = z.string("not a text");

/** Without members that are undefined, which optional parameters of the Face do not take. */
export function defined<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]: Exclude<T[Key], undefined> };
}

/** A stream whose first value was waited for already. Leaving it early ends it. */
export async function* continued<T>(first: T, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
