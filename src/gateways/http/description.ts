/** What clients are told of an operation (GET /openapi.json): declared beside it, made of the schemas that it checks by. */
import { z } from "zod";
import type { ErrorCode } from "../../errors.ts";

export interface Description {
  /** A name for generated clients. */
  readonly id: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: BodyDescription;
  /** By status; errors are beside them. */
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Besides those that every request may meet. */
  readonly errors: readonly ErrorCode[];
}

export type BodyDescription =
  | { readonly kind: "bytes" }
  | { readonly kind: "json"; readonly schema: z.ZodType; readonly optional?: true };

export interface AnswerDescription {
  readonly what: string;
  /** JSON, unless `mediaType` says otherwise. */
  readonly schema?: z.ZodType;
  readonly mediaType?: string;
  /** Names and what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Every request may be answered with these. */
export const COMMON_ERRORS = [
  ...(["request-malformed", "headers-too-large", "internal", "stopping", "overloaded", "server-removed"] as const),
] satisfies readonly ErrorCode[];
/** And those that need a key with these. */
export const ADMITTED_ERRORS = [
  ...([
    "unauthorized",
    "key-unknown",
    "signature-invalid",
    "forbidden",
    "behind",
    "clock-wrong",
    "interrupted",
  ] as const),
] satisfies readonly ErrorCode[];
/** And those with a JSON body with these. */
export const JSON_ERRORS = [
  ...(["argument-invalid", "body-too-large", "body-incomplete", "request-timeout"] as const),
] satisfies readonly ErrorCode[];

export const FILE_HEADERS = {
  etag: "the version in quotes; strong",
  "fsdfs-version": "the version",
  "fsdfs-copies": "how many servers hold it",
  "fsdfs-sha256": "the digest of the whole file, hexadecimal",
  "last-modified": "when this version was put",
  "accept-ranges": "bytes",
} as const;

/** Of requests that change something (C14). */
export const writeConditionHeaders = z.object({
  "if-match": z.string().optional().describe("only if the file is in one of these versions; *: only if it is there"),
  "if-none-match": z
    .string()
    .optional()
    .describe("only if it is in none of these versions; *: only if it is not there"),
});

/** Of requests that read a file. */
export const readConditionHeaders = writeConditionHeaders.extend({
  "if-modified-since": z.string().optional(),
  "if-unmodified-since": z.string().optional(),
  range: z.string().optional().describe("one range of bytes; several give the whole"),
  "if-range": z.string().optional(),
});

export const WRITE_ERRORS = ["precondition-failed", "owner-unavailable"] as const satisfies readonly ErrorCode[];
