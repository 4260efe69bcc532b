/** PATCH /files/{path} and POST /variables: sets the user's own values on a file, or on many. */
import { setImmediate } from "node:timers/promises";
import { z } from "zod";
import { parseAssignment } from "../../../core/catalog/variable-text.ts";
import { checkVariable } from "../../../core/catalog/variables.ts";
import { parsePath } from "../../../core/paths.ts";
import { FsdfsError } from "../../../errors.ts";
import type { Face, Principal, VariableChange, VariableChanges, VariableFailure } from "../../../server/face.ts";
import { type Line, linesOf } from "../lines.ts";
import { check, checkMayChange, filePath, type Operation } from "../operation.ts";
import { variableChanges, variablesChanged, variablesOfFile } from "../schemas.ts";

/** A request that takes many seconds is better made of several, which can be repeated. */
export const LINES_MAX = 100_000;
/** The longest path, name and value, each character of which may be an escape of six. */
export const LINE_BYTES_MAX = 16 * 1024;
/** Further ones are only counted. */
export const LINE_ERRORS_MAX = 1000;
/** Handed on together. */
const CHANGES_AT_ONCE = 1000;

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
    const bulk = new BulkChange(face, principal);
    for await (const line of linesOf(body(), LINE_BYTES_MAX)) await bulk.add(line);
    return { kind: "json", status: 200, value: await bulk.end() };
  },
};

/** Lines of one request, handed on a thousand at a time in their order, so that the last of several for one name counts. */
class BulkChange {
  readonly #face: Face;
  readonly #principal: Principal;
  #waiting: { readonly line: number; readonly change: VariableChange }[] = [];
  #lines = 0;
  #changed = 0;
  #failed = 0;
  readonly #errors: ({ readonly line: number } & VariableFailure)[] = [];

  constructor(face: Face, principal: Principal) {
    this.#face = face;
    this.#principal = principal;
  }

  /** @throws FsdfsError `lines-too-many`, when those before it are done */
  async add({ number, text }: Line): Promise<void> {
    if (number > LINES_MAX) {
      await this.end();
      throw new FsdfsError("lines-too-many", { limit: LINES_MAX });
    }
    this.#lines = number;
    if (text !== "") this.#take(number, text);
    if (number % CHANGES_AT_ONCE > 0) return;
    await this.#handOn();
    await setImmediate(); // Lines that are wrong take time as well, which others have a share of.
  }

  async end() {
    await this.#handOn();
    const errors = this.#errors.sort((a, b) => a.line - b.line);
    return { lines: this.#lines, changed: this.#changed, failed: this.#failed, errors };
  }

  #take(line: number, text: string | undefined): void {
    try {
      this.#waiting.push({ line, change: this.#read(text) });
    } catch (error) {
      if (!(error instanceof FsdfsError)) throw error;
      this.#fail(line, { code: error.code, message: error.message, hint: error.hint });
    }
  }

  #read(text: string | undefined): VariableChange {
    if (text === undefined) throw lineInvalid(`it has more than ${LINE_BYTES_MAX} bytes, or is no UTF-8`);
    const tab = text.indexOf("\t");
    if (tab === -1) throw lineInvalid("it has no tab");
    const path = parsePath(unquoted(text.slice(0, tab)));
    checkMayChange(this.#principal, path);
    return { path, ...parseAssignment(text.slice(tab + 1)) };
  }

  async #handOn(): Promise<void> {
    const handed = this.#waiting;
    this.#waiting = [];
    if (handed.length === 0) return;
    const failures = await this.#face.setManyVariables(handed.map(({ change }) => change));
    for (const [i, { line }] of handed.entries()) {
      const failure = failures[i];
      if (failure == null) this.#changed++;
      else this.#fail(line, failure);
    }
  }

  #fail(line: number, failure: VariableFailure): void {
    this.#failed++;
    if (this.#errors.length < LINE_ERRORS_MAX) this.#errors.push({ line, ...failure });
  }
}

/** A path that begins with a double quote is JSON: it may have tabs and line feeds. */
function unquoted(path: string): string {
  if (!path.startsWith('"')) return path;
  try {
    const text: unknown = JSON.parse(path);
    if (typeof text === "string") return text;
  } catch {
    // Told below.
  }
  throw lineInvalid("its path begins with a double quote and is no text of JSON");
}

function lineInvalid(reason: string): FsdfsError {
  return new FsdfsError("line-invalid", { reason });
}
