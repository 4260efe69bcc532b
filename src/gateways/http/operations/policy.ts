/** GET, PUT and DELETE /policy, POST /policy/try, GET /policy/log: how many copies files are to have, by the user's own rule. */
import { z } from "zod";
import type { Bytes } from "../../../core/catalog/kv.ts";
import { POLICY_BYTES_MAX } from "../../../core/policy/policy.ts";
import { FsdfsError } from "../../../errors.ts";
import type { Call, Operation } from "../operation.ts";
import { policyLog as log, policyStatus, policyTrial } from "../schemas.ts";

export const policy: Operation = {
  methods: ["GET", "HEAD"],
  url: "/policy",
  scope: "read",
  description: {
    id: "policy",
    summary: "The policy that is in force, and how far it is evaluated.",
    answers: { 200: { what: "of all servers that are up", schema: policyStatus } },
    errors: [],
  },
  async run({ face }) {
    return { kind: "json", status: 200, value: await face.policy() };
  },
};

export const setPolicy: Operation = {
  methods: ["PUT"],
  url: "/policy",
  scope: "admin",
  description: {
    id: "setPolicy",
    summary: "Puts a policy in force, unless it fails for one of some files.",
    body: { kind: "bytes" },
    answers: { 200: { what: "what it changes, of the files that it was tried on", schema: policyTrial } },
    errors: ["policy-invalid", "body-incomplete", "request-timeout", "clock-wrong", "no-space", "not-enough-servers"],
  },
  async run(call) {
    call.outlasting();
    return { kind: "json", status: 200, value: await call.face.setPolicy(await source(call)) };
  },
};

export const tryPolicy: Operation = {
  methods: ["POST"],
  url: "/policy/try",
  scope: "admin",
  description: {
    id: "tryPolicy",
    summary: "Tells what a policy would change.",
    body: { kind: "bytes" },
    answers: { 200: { what: "what it would change; nothing was", schema: policyTrial } },
    errors: ["policy-invalid", "body-incomplete", "request-timeout"],
  },
  async run(call) {
    call.outlasting();
    return { kind: "json", status: 200, value: await call.face.tryPolicy(await source(call)) };
  },
};

export const resetPolicy: Operation = {
  methods: ["DELETE"],
  url: "/policy",
  scope: "admin",
  description: {
    id: "resetPolicy",
    summary: "Takes the policy away: all files get the swarm's N again.",
    answers: { 204: { what: "it is taken away" } },
    errors: ["policy-missing", "clock-wrong"],
  },
  async run({ face }) {
    await face.resetPolicy();
    return { kind: "empty", status: 204 };
  },
};

export const policyLog: Operation = {
  methods: ["GET", "HEAD"],
  url: "/policy/log",
  scope: "read",
  description: {
    id: "policyLog",
    summary: "What became of the policy, its failures above all.",
    answers: { 200: { what: "of all servers that are up, the newest last", schema: z.object({ entries: log }) } },
    errors: [],
  },
  async run({ face }) {
    return { kind: "json", status: 200, value: { entries: await face.policyLog() } };
  },
};

/** The body, no more of it than a policy may have. @throws FsdfsError `policy-invalid` */
async function source(call: Call): Promise<Bytes> {
  const tooLong = new FsdfsError("policy-invalid", { reason: `it has more than ${POLICY_BYTES_MAX / 1024} KB` });
  if ((call.declaredSize() ?? 0) > POLICY_BYTES_MAX) throw tooLong;
  const chunks: Bytes[] = [];
  let sizeBytes = 0;
  for await (const chunk of call.body()) {
    sizeBytes += chunk.length;
    if (sizeBytes > POLICY_BYTES_MAX) throw tooLong;
    chunks.push(chunk.slice());
  }
  return Buffer.concat(chunks);
}
