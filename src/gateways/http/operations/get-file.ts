/**
 * GET and HEAD /files/{path} (S5): a file's content, or the way to a server that holds it. Conditions are judged, and
 * headers made, from the very version whose bytes follow (P4).
 */
import type { OutgoingHttpHeaders } from "node:http";
import { z } from "zod";
import { contentTypeOf, isActiveContent } from "../../../core/content-types.ts";
import { FsdfsError } from "../../../errors.ts";
import type { EntryInfo, OpenedFile, OpenOptions } from "../../../server/face.ts";
import type { Answer } from "../answer.ts";
import { evaluateConditions, rangeApplies, type Validators } from "../conditions.ts";
import { FILE_HEADERS, readConditionHeaders } from "../description.ts";
import { type Call, check, filePath, type Operation } from "../operation.ts";
import { type RangeAnswer, readRange } from "../ranges.ts";

const querySchema = z.object({ redirect: z.enum(["auto", "never"], "none of auto, never").optional() });

export const getFile: Operation = {
  methods: ["GET", "HEAD"],
  url: "/files/-",
  scope: "read",
  linkable: true,
  description: {
    id: "getFile",
    summary: "A file's content, or the way to a server that holds it.",
    query: querySchema.extend({
      version: z.string().optional().describe("of a signed link, as expires and mac are"),
      expires: z.string().optional(),
      mac: z.string().optional(),
    }),
    headers: readConditionHeaders,
    answers: {
      200: { what: "the file; its type is by the extension", mediaType: "*/*", headers: FILE_HEADERS },
      206: {
        what: "a part",
        mediaType: "*/*",
        headers: { ...FILE_HEADERS, "content-range": "which" },
      },
      304: { what: "it is as the condition says", headers: FILE_HEADERS },
      307: { what: "another server has it", headers: { location: "a signed link that needs no key" } },
    },
    errors: [
      ...(["path-invalid", "argument-invalid", "link-expired", "file-not-found", "copy-not-here"] as const),
      ...(["is-a-directory", "precondition-failed", "range-unsatisfiable", "no-copy-reachable"] as const),
    ],
  },
  async run(call) {
    const path = filePath(call);
    const { redirect } = check(querySchema, Object.fromEntries(call.query));
    const { linkVersion } = call.principal;
    if (call.method === "HEAD" && linkVersion === undefined) return answerHead(call, await call.face.head(path));
    const options: OpenOptions = {
      ...(redirect === undefined ? {} : { redirect }),
      ...(linkVersion === undefined ? {} : { version: linkVersion }),
    };
    return answerOpened(call, await call.face.open(path, options));
  },
};

function answerHead(call: Call, info: EntryInfo): Answer {
  if (info.type === "directory") throw new FsdfsError("is-a-directory", { path: info.path });
  const headers = fileHeaders(info);
  const early = conditionAnswer(call, info, headers);
  return early ?? contentAnswer(200, headers, { info, start: 0, end: info.size });
}

async function answerOpened(call: Call, opened: OpenedFile): Promise<Answer> {
  let answer: Answer | undefined;
  try {
    answer = chooseAnswer(call, opened);
    return answer;
  } finally {
    // Whoever sends content closes the file; every other outcome is done with it here.
    if (opened.kind === "content" && answer?.kind !== "content") await opened.close();
  }
}

function chooseAnswer(call: Call, opened: OpenedFile): Answer {
  const { info } = opened;
  const headers = fileHeaders(info);
  const early = conditionAnswer(call, info, headers);
  if (early !== undefined) return early;
  if (opened.kind === "redirect") {
    return { kind: "empty", status: 307, headers: { location: opened.url, "cache-control": "no-store" } };
  }
  const range = requestedRange(call, info);
  if (range.kind === "unsatisfiable") throw new FsdfsError("range-unsatisfiable", { size: info.size });
  if (range.kind === "whole") return contentAnswer(200, headers, { info, start: 0, end: info.size, opened });
  const { start, end } = range;
  headers["content-range"] = `bytes ${start}-${end - 1}/${info.size}`;
  return contentAnswer(206, headers, { info, start, end, opened });
}

/** 304 or 412; undefined when the file itself is to be sent. @throws FsdfsError `precondition-failed` */
function conditionAnswer(call: Call, info: EntryInfo, headers: OutgoingHttpHeaders): Answer | undefined {
  const verdict = evaluateConditions(call.headers, validators(info));
  if (verdict === "failed") throw new FsdfsError("precondition-failed");
  if (verdict === "proceed") return undefined;
  return { kind: "empty", status: 304, headers };
}

/** Only a GET has ranges (RFC 9110, 14.2). */
function requestedRange({ method, headers }: Call, info: EntryInfo): RangeAnswer {
  const applies = method === "GET" && rangeApplies(headers["if-range"]?.toString(), validators(info));
  return readRange(applies ? headers.range : undefined, info.size);
}

interface Part {
  readonly info: EntryInfo;
  readonly start: number;
  readonly end: number;
  /** Missing for a HEAD, which has no content to send. */
  readonly opened?: OpenedFile & { kind: "content" };
}

function contentAnswer(status: number, headers: OutgoingHttpHeaders, { start, end, opened }: Part): Answer {
  return {
    kind: "content",
    status,
    headers,
    sizeBytes: end - start,
    chunks: () => opened?.stream(start, end),
    close: async () => opened?.close(),
  };
}

function validators(info: EntryInfo): Validators {
  return { etag: `"${info.version}"`, modifiedMs: info.modified === null ? undefined : Date.parse(info.modified) };
}

export function fileHeaders(info: EntryInfo): OutgoingHttpHeaders {
  const contentType = contentTypeOf(info.path);
  const { etag, modifiedMs } = validators(info);
  return {
    etag,
    "fsdfs-version": info.version ?? "",
    "fsdfs-copies": info.copies ?? 0,
    "fsdfs-sha256": info.sha256 ?? "",
    ...(modifiedMs === undefined ? {} : { "last-modified": new Date(modifiedMs).toUTCString() }),
    "accept-ranges": "bytes",
    "content-type": contentType,
    "x-content-type-options": "nosniff",
    // A cache asks again each time: another server may have taken a newer version a moment ago (P5).
    "cache-control": "no-cache",
    ...(isActiveContent(contentType) ? { "content-security-policy": "sandbox" } : {}),
  };
}
