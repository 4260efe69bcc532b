/** PUT, GET and DELETE /files/{dir}/: directories, told from files by the "/" at the end of the URL. */
import { z } from "zod";
import { parsePath } from "../../../core/paths.ts";
import { FsdfsError } from "../../../errors.ts";
import { writeConditions } from "../conditions.ts";
import { WRITE_ERRORS, writeConditionHeaders } from "../description.ts";
import {
  check,
  checkMayChange,
  defined,
  filePath,
  type Operation,
  pageSchema,
  requestId,
  requestIdSchema,
} from "../operation.ts";
import { listing, madeDirectory } from "../schemas.ts";

export const makeDirectory: Operation = {
  methods: ["PUT"],
  url: "/files/-/",
  scope: "write",
  description: {
    id: "makeDirectory",
    summary: "Makes a directory, and those above it.",
    headers: writeConditionHeaders,
    answers: { 201: { what: "it is there", schema: madeDirectory } },
    errors: ["path-invalid", "argument-invalid", "already-exists", "not-a-directory", "clock-wrong", ...WRITE_ERRORS],
  },
  async run(call) {
    const path = filePath(call);
    checkMayChange(call.principal, path);
    if (call.hasBody()) {
      const reason = "a path that ends in '/' names a directory, and a directory has no content";
      throw new FsdfsError("argument-invalid", { name: "The body", reason });
    }
    await call.face.makeDirectory(path, defined({ conditions: writeConditions(call.headers, "PUT") }));
    return { kind: "json", status: 201, value: { path, type: "directory" } };
  },
};

const YES_OR_NO = "none of true, false";
const listSchema = pageSchema.extend({
  recursive: z.stringbool({ truthy: ["true", "1", ""], falsy: ["false", "0"], error: YES_OR_NO }).optional(),
});

export const listDirectory: Operation = {
  methods: ["GET", "HEAD"],
  url: "/files/-/",
  scope: "read",
  description: {
    id: "listDirectory",
    summary: "What is in a directory, a page at a time.",
    query: listSchema,
    answers: { 200: { what: "a page", schema: listing } },
    errors: ["path-invalid", "argument-invalid", "file-not-found", "not-a-directory"],
  },
  async run(call) {
    const options = defined(check(listSchema, Object.fromEntries(call.query)));
    const { path } = call.path();
    const { asJson } = call.face;
    if (asJson !== undefined) return { kind: "json-bytes", status: 200, pieces: await asJson.list(path, options) };
    return { kind: "json", status: 200, value: await call.face.list(path, options) };
  },
};

export const removeDirectory: Operation = {
  methods: ["DELETE"],
  url: "/files/-/",
  scope: "write",
  description: {
    id: "removeDirectory",
    summary: "Removes an empty directory.",
    headers: requestIdSchema.extend(writeConditionHeaders.shape),
    answers: { 204: { what: "it is removed" } },
    errors: [
      ...(["path-invalid", "argument-invalid", "file-not-found", "not-a-directory", "directory-not-empty"] as const),
      ...(["clock-wrong", ...WRITE_ERRORS] as const),
    ],
  },
  async run(call) {
    const path = parsePath(call.path().path);
    checkMayChange(call.principal, path);
    const conditions = writeConditions(call.headers, "DELETE");
    // `DELETE /files/song.ogg/` speaks of a directory, and must not delete the file.
    await call.face.remove(path, defined({ only: "directory" as const, conditions, requestId: requestId(call) }));
    return { kind: "empty", status: 204 };
  },
};
