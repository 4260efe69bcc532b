/** What a bug to be planted is (planted.ts). */
export interface Canary {
  readonly name: string;
  /** The rules of docs/ARCHITECTURE.md that it breaks. */
  readonly rules: string;
  /** Below src/. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The drill that is to see it (drills/); without one the random runs are. */
  readonly drill?: string;
  /** The story that is to see it; without one the random runs are. */
  readonly story?: "collecting";
}
