/** GET /trash, POST /trash/restore, POST /trash/empty: what was deleted or overwritten, and having it back (S2, P5). */
import { z } from "zod";
import { parsePath } from "../../../core/paths.ts";
import { check, checkMayChange, defined, type Operation, pageSchema, pathSchema } from "../operation.ts";
import { emptiedTrash, restored, trashPage } from "../schemas.ts";

const under = pathSchema.optional().describe("a path: what was there, or below it");
const listSchema = pageSchema.extend({ under });

export const listTrash: Operation = {
  methods: ["GET", "HEAD"],
  url: "/trash",
  scope: "write",
  description: {
    id: "listTrash",
    summary: "What lies in the trash of the servers that are up, a page at a time.",
    query: listSchema,
    answers: { 200: { what: "a page, which may be short", schema: trashPage } },
    errors: ["argument-invalid", "path-invalid"],
  },
  async run({ face, query }) {
    const value = await face.listTrash(defined(check(listSchema, Object.fromEntries(query))));
    return { kind: "json", status: 200, value };
  },
};

const restoreSchema = z.strictObject({
  path: pathSchema.optional(),
  version: z.string("not a text").optional(),
  to: pathSchema.optional(),
  overwrite: z.boolean("neither true nor false").optional(),
});

export const restoreFile: Operation = {
  methods: ["POST"],
  url: "/trash/restore",
  scope: "write",
  description: {
    id: "restoreFile",
    summary: "Makes a version that lies in the trash current again.",
    body: { kind: "json", schema: restoreSchema },
    answers: {
      200: { what: "it is back, in the place of a file", schema: restored },
      201: { what: "it is back", schema: restored },
    },
    errors: [
      ...(["path-invalid", "trash-not-found", "not-restored-over", "is-a-directory", "not-a-directory"] as const),
      ...(["not-enough-servers", "no-space", "clock-wrong", "disk-failed"] as const),
    ],
  },
  async run({ face, principal, json, outlasting }) {
    const wish = defined(check(restoreSchema, await json()));
    const target = wish.to ?? wish.path;
    if (target !== undefined) checkMayChange(principal, parsePath(target));
    outlasting(); // It is read first, to see that it is right.
    const value = await face.restore({ ...wish, asAdmin: principal.scope === "admin" });
    return { kind: "json", status: value.created ? 201 : 200, value };
  },
};

const emptySchema = z.strictObject({ under, after: z.string("not a text").optional() });

export const emptyTrash: Operation = {
  methods: ["POST"],
  url: "/trash/empty",
  scope: "admin",
  description: {
    id: "emptyTrash",
    summary: "Throws away what lies in the trash of the servers that are up, some of it in each request.",
    body: { kind: "json", schema: emptySchema, optional: true },
    answers: { 200: { what: "what went, and what stays", schema: emptiedTrash } },
    errors: ["path-invalid", "argument-invalid"],
  },
  async run({ face, hasBody, json, outlasting }) {
    const wish = hasBody() ? defined(check(emptySchema, await json())) : {};
    outlasting(); // Each file is a wait for the disk.
    return { kind: "json", status: 200, value: await face.emptyTrash(wish) };
  },
};
