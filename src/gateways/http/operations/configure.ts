/** POST /servers/{id} and POST /swarm: what a server, and the swarm, are to do from now on. */
import { z } from "zod";
import { COPIES_MAX, PULLS_MAX, RATE_MIN } from "../../../config.ts";
import { check, defined, type Operation } from "../operation.ts";
import { server, status } from "../schemas.ts";

const rate = z
  .union([z.int().min(RATE_MIN), z.literal("unlimited")], `neither a number of ${RATE_MIN} or more nor "unlimited"`)
  .nullable()
  .optional();

const serverSchema = z.strictObject({
  quota: z.int("not a whole number").min(0, "below 0").nullable().optional().describe("bytes"),
  pulls: z
    .int("not a whole number")
    .min(1, "below 1")
    .max(PULLS_MAX, `above ${PULLS_MAX}`)
    .nullable()
    .optional()
    .describe("copies made at once"),
  pullRate: rate.describe("bytes a second that it copies from others"),
  serveRate: rate.describe("bytes a second that others copy from it"),
  paused: z.boolean("neither true nor false").optional().describe("it does no work of its own"),
  draining: z.boolean("neither true nor false").optional().describe("it gives its copies to others"),
});

const copies = z.int("not a whole number").min(1, "below 1").max(COPIES_MAX, `above ${COPIES_MAX}`).optional();
const swarmSchema = z.strictObject({
  copies: copies.describe("N, how many servers are to hold each file"),
  writeCopies: copies.describe("W, how many must have it before an upload is acknowledged"),
});

export const configureServer: Operation = {
  methods: ["POST"],
  url: "/servers/:id",
  scope: "admin",
  description: {
    id: "configureServer",
    summary: "Says what a server is to do from now on.",
    body: { kind: "json", schema: serverSchema },
    answers: { 200: { what: "how it is", schema: server } },
    errors: ["server-not-found", "server-ambiguous", "clock-wrong"],
  },
  async run({ face, params, json }) {
    const changes = defined(check(serverSchema, await json()));
    return { kind: "json", status: 200, value: await face.configureServer(params.id ?? "", changes) };
  },
};

export const configureSwarm: Operation = {
  methods: ["POST"],
  url: "/swarm",
  scope: "admin",
  description: {
    id: "configureSwarm",
    summary: "Says how many copies files are to have.",
    body: { kind: "json", schema: swarmSchema },
    answers: { 200: { what: "how the swarm is", schema: status } },
    errors: ["clock-wrong"],
  },
  async run({ face, json }) {
    const changes = defined(check(swarmSchema, await json()));
    return { kind: "json", status: 200, value: await face.configureSwarm(changes) };
  },
};
