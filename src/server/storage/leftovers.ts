/** Files that are to go but that the disk has not let go of yet: tried again until they are gone (S3, exact quota). */
import type { FileStore } from "../../ports/file-store.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import { isDiskError } from "./disk.ts";

const RETRY_MS = 1000;
const IDLE_MS = 60_000;

export class Leftovers {
  readonly unit: BackgroundUnit;
  readonly #files: FileStore;
  readonly #names = new Set<string>();
  #removing: Promise<boolean> = Promise.resolve(true);

  constructor(files: FileStore) {
    this.#files = files;
    this.unit = new BackgroundUnit("remove leftovers", () => this.#step());
  }

  /** Removes a file, now if the disk lets it, later if not. Never fails. */
  async remove(name: string): Promise<void> {
    if (await this.#tryToRemove(name)) return;
    this.#names.add(name);
    this.unit.wake();
  }

  /** Whether a file has yet to go: it may be gone at any moment. */
  isToGo(name: string): boolean {
    return this.#names.has(name);
  }

  /** Another file is about to get this name: it stays. */
  async keep(name: string): Promise<void> {
    this.#names.delete(name);
    await this.#removing;
  }

  async #step(): Promise<NextStep> {
    for (const name of this.#names) {
      this.#removing = this.#tryToRemove(name);
      if (await this.#removing) this.#names.delete(name);
    }
    return { restMs: this.#names.size > 0 ? RETRY_MS : IDLE_MS };
  }

  async #tryToRemove(name: string): Promise<boolean> {
    try {
      await this.#files.remove(name);
      return true;
    } catch (error) {
      return isDiskError(error, "missing");
    }
  }
}
