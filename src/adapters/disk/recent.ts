/** Names that the kernel has looked up for this store a moment ago, and has in memory therefore. */

/** Far fewer than the kernel keeps, and more than are in work at a time. */
const NAMES_MAX = 1024;

export class RecentNames {
  readonly #names = new Set<string>();

  has(name: string): boolean {
    return this.#names.has(name);
  }

  add(name: string): void {
    this.#names.delete(name); // The newest come last.
    this.#names.add(name);
    const [oldest] = this.#names;
    if (this.#names.size > NAMES_MAX && oldest !== undefined) this.#names.delete(oldest);
  }
}
