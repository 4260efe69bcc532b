/** PATCH /files/{path} and POST /variables: sets the user's own values on a file, or on many. */
import { z } from "zod";
import { checkVariable } from "../../../core/catalog/variables.ts";
import { FsdfsError } from "../../../errors.ts";
import type { VariableChanges } from "../../../server/face.ts";
import { refuseConditions } from "../conditions.ts";
import { linesOf } from "../lines.ts";
import { check, checkMayChange, filePath, type Operation } from "../operation.ts";
import { variableChanges, variablesChanged, variablesOfFile } from "../schemas.ts";
import { LINE_BYTES_MAX, VariableLines } from "../variable-lines.ts";

// What is in it is looked at by itself: Zod passes over a member that is called __proto__.
const bodySchema = z.strictObject({ variables: z.unknown() });

export const setVariables: Operation = {
  methods: ["PATCH"],
  url: "/files/-",
  scope: "write",
  description: {
    id: "setVariables",
    summary: "Sets variables of a file; null removes one, and those that are not named stay.",
    body: { kind: "json", schema: variableChanges },
    answers: { 200: { what: "all that the file has now", schema: variablesOfFile } },
    errors: [
      ...(["path-invalid", "variable-invalid", "file-not-found", "is-a-directory"] as const),
      ...(["variables-too-many", "variable-names-too-many", "clock-wrong"] as const),
    ],
  },
  async run(call) {
    const path = filePath(call);
    checkMayChange(call.principal, path);
    refuseConditions(call.headers, "PATCH");
    const changes = changesIn(check(bodySchema, await call.json()).variables);
    return { kind: "json", status: 200, value: { path, variables: await call.face.setVariables(path, changes) } };
  },
};

function changesIn(variables: unknown): VariableChanges {
  if (typeof variables !== "object" || variables === null || Array.isArray(variables)) {
    throw new FsdfsError("argument-invalid", { name: "variables", reason: "it is no object" });
  }
  for (const [name, value] of Object.entries(variables)) checkVariable(name, value);
  return variables as VariableChanges;
}

export const setManyVariables: Operation = {
  methods: ["POST"],
  url: "/variables",
  scope: "write",
  description: {
    id: "setManyVariables",
    summary: "Sets variables of many files: a line of PATH, a tab, and NAME=VALUE for each, up to 100,000.",
    body: { kind: "bytes" },
    answers: { 200: { what: "how many were set, and what was wrong with the others", schema: variablesChanged } },
    errors: ["lines-too-many", "body-incomplete", "request-timeout", "clock-wrong"],
  },
  async run({ face, principal, body }) {
    await face.setManyVariables([]); // Who cannot says so before the body is read.
    const lines = new VariableLines(face, principal);
    for await (const line of linesOf(body(), LINE_BYTES_MAX)) await lines.add(line);
    return { kind: "json", status: 200, value: await lines.end() };
  },
};
