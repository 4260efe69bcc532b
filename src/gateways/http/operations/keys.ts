/** POST /keys, GET /keys, DELETE /keys/{id}: who may do what (section 10). */
import { z } from "zod";
import { check, type Operation } from "../operation.ts";
import { createdKey, keys } from "../schemas.ts";

const bodySchema = z.strictObject({
  name: z.string("not a text").min(1, "empty").max(100, "longer than 100 characters"),
  scope: z.enum(["read", "write", "admin"], "none of read, write, admin"),
});

export const createKey: Operation = {
  methods: ["POST"],
  url: "/keys",
  scope: "admin",
  description: {
    id: "createKey",
    summary: "Makes a key.",
    body: { kind: "json", schema: bodySchema },
    answers: { 201: { what: "the key, this once", schema: createdKey } },
    errors: ["clock-wrong"],
  },
  async run({ face, json }) {
    const { name, scope } = check(bodySchema, await json());
    return { kind: "json", status: 201, value: await face.createKey(name, scope) };
  },
};

export const listKeys: Operation = {
  methods: ["GET", "HEAD"],
  url: "/keys",
  scope: "admin",
  description: {
    id: "listKeys",
    summary: "The keys there are.",
    answers: { 200: { what: "without their secrets", schema: keys } },
    errors: [],
  },
  async run({ face }) {
    return { kind: "json", status: 200, value: { keys: await face.listKeys() } };
  },
};

export const revokeKey: Operation = {
  methods: ["DELETE"],
  url: "/keys/:id",
  scope: "admin",
  description: {
    id: "revokeKey",
    summary: "Revokes a key.",
    answers: { 204: { what: "it is of no more use" } },
    errors: ["key-not-found", "clock-wrong"],
  },
  async run({ face, params }) {
    await face.revokeKey(params.id ?? "");
    return { kind: "empty", status: 204 };
  },
};
