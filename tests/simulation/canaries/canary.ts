/** What a bug to be planted is (planted.ts). */
export interface Canary extends Edit {
  readonly name: string;
  /** The rules of docs/ARCHITECTURE.md that it breaks. */
  readonly rules: string;
  /** Where the same is looked at once more, which would hide it. */
  readonly also?: Edit;
  /** The drill that is to see it (drills/); without one the random runs are. */
  readonly drill?: string;
  /** The story that is to see it; without one the random runs are. */
  readonly story?: "collecting";
}

export interface Edit {
  /** Below src/. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export function editsOf({ file, find, replace, also }: Canary): readonly Edit[] {
  return [{ file, find, replace }, ...(also === undefined ? [] : [also])];
}

/** A copy that goes has its promises counted once more at the end, by min(W, N) as it is then (D1). */
export const UNCHECKED: Edit = {
  file: "server/replication/dropping.ts",
  find: "Math.max(promises, this.target(version).safe)",
  replace: "promises",
};
