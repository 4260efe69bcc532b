/** Tells when the catalog is given up for another (C7, C11): what is committed from then on may lack what was there. */
export class Emptying {
  readonly #listeners: (() => void)[] = [];
  #isUnderWay = false;

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Called before it begins. */
  onBegin(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async during(work: () => Promise<void>): Promise<void> {
    this.#isUnderWay = true;
    for (const listener of this.#listeners) listener();
    try {
      await work();
    } finally {
      this.#isUnderWay = false;
    }
  }
}
