/** The part of the face that is about variables, the user's own values on a file. */
import type { Variables, VariableValue } from "../core/catalog/variables.ts";

export interface VariablesFace {
  /**
   * Sets variables of a file, and removes those that are null; the others stay. All or none of it is done. Answers what
   * the file has then.
   *
   * @throws `file-not-found`, `is-a-directory`, `variable-invalid`, `variables-too-many`
   */
  setVariables(path: string, changes: VariableChanges): Promise<Variables>;
  /**
   * The same for many files, at most 1,000 at once: each by itself. Answers for each, in order, what was wrong with it, when
   * those that were set are acknowledged.
   */
  setManyVariables(
    changes: readonly VariableChange[],
    options?: ManyVariablesOptions,
  ): Promise<(VariableFailure | null)[]>;
}

export interface ManyVariablesOptions {
  /**
   * Called when they are made and have yet to be acknowledged, if they are made here: what is asked for from then on comes
   * after them.
   */
  readonly onMade?: () => void;
}

export type VariableChanges = Readonly<Record<string, VariableValue | null>>;

export interface VariableChange {
  readonly path: string;
  readonly name: string;
  /** null removes it. */
  readonly value: VariableValue | null;
}

export interface VariableFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}
