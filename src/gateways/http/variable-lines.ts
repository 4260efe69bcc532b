/** Lines of `POST /variables`: read, handed on to the server many at a time, and counted (V1, V3). */
import { setImmediate } from "node:timers/promises";
import { parseAssignment } from "../../core/catalog/variable-text.ts";
import { parsePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { Face, Principal, VariableChange, VariableFailure } from "../../server/face.ts";
import type { Line } from "./lines.ts";
import { checkMayChange } from "./operation.ts";

/** A request that takes many seconds is better made of several, which can be repeated. */
export const LINES_MAX = 100_000;
/** The longest path, name and value, each character of which may be an escape of six. */
export const LINE_BYTES_MAX = 16 * 1024;
/** Further ones are only counted. */
export const LINE_ERRORS_MAX = 1000;
/** Handed on together. */
export const LINES_AT_ONCE = 400;
/** Read without a pause: some 1 ms, in which others wait. */
const LINES_PER_TURN = 100;
/** So many are handed on before the first of them is acknowledged: enough that no server waits for another's word. */
export const UNDER_WAY_MAX = 4;

interface NumberedFailure extends VariableFailure {
  readonly line: number;
}

/** Lines that are handed on together. */
interface Batch {
  readonly changes: { readonly line: number; readonly change: VariableChange }[];
  /** Of lines that say no change. */
  readonly failures: NumberedFailure[];
}

interface Outcome {
  readonly changed: number;
  /** In the order of their lines. */
  readonly failures: readonly NumberedFailure[];
}

/**
 * Lines of one request, handed on many at a time. Some are made when those before them are, so that the last of several for
 * one name counts; their acknowledgements are waited for together. What fails as a whole fails the request: of the lines
 * behind it some may be carried out, and each that is, is carried out after those before it.
 */
export class VariableLines {
  readonly #face: Pick<Face, "setManyVariables">;
  readonly #principal: Principal;
  #next: Batch = { changes: [], failures: [] };
  /** In the order of their lines. */
  readonly #underWay: Promise<Outcome>[] = [];
  #lines = 0;
  #changed = 0;
  #failed = 0;
  readonly #errors: NumberedFailure[] = [];

  constructor(face: Pick<Face, "setManyVariables">, principal: Principal) {
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
    if (number % LINES_AT_ONCE === 0) await this.#handOn();
    if (number % LINES_PER_TURN === 0) await setImmediate();
  }

  /** @throws FsdfsError what some of the lines met as a whole */
  async end() {
    await this.#handOn();
    while (this.#underWay.length > 0) await this.#countOldest();
    return { lines: this.#lines, changed: this.#changed, failed: this.#failed, errors: this.#errors };
  }

  #take(line: number, text: string | undefined): void {
    try {
      this.#next.changes.push({ line, change: this.#read(text) });
    } catch (error) {
      if (!(error instanceof FsdfsError)) throw error;
      this.#next.failures.push({ line, code: error.code, message: error.message, hint: error.hint });
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
    const batch = this.#next;
    this.#next = { changes: [], failures: [] };
    if (this.#underWay.length === UNDER_WAY_MAX) await this.#countOldest();
    const made = Promise.withResolvers<void>();
    const outcome = this.#carryOut(batch, made.resolve);
    outcome.catch(() => undefined); // It is told when its turn comes, unless another's was told before.
    this.#underWay.push(outcome);
    await Promise.race([made.promise, outcome]);
  }

  async #carryOut({ changes, failures }: Batch, onMade: () => void): Promise<Outcome> {
    if (changes.length === 0) return { changed: 0, failures };
    const told = await this.#face.setManyVariables(
      changes.map(({ change }) => change),
      { onMade },
    );
    const refused = changes.flatMap(({ line }, i) => (told[i] == null ? [] : { line, ...told[i] }));
    const all = [...failures, ...refused].sort((a, b) => a.line - b.line);
    return { changed: changes.length - refused.length, failures: all };
  }

  async #countOldest(): Promise<void> {
    const outcome = await this.#underWay.shift();
    if (outcome === undefined) return;
    this.#changed += outcome.changed;
    this.#failed += outcome.failures.length;
    this.#errors.push(...outcome.failures.slice(0, LINE_ERRORS_MAX - this.#errors.length));
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
