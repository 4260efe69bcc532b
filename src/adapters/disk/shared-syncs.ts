/**
 * Directory syncs that are asked for while one of the same directory is under way share the next (group commit): what was
 * done before it was asked for is done before the shared sync begins.
 */

interface Syncing {
  readonly running: Promise<void>;
  next: Promise<void> | undefined;
}

export class SharedSyncs {
  readonly #sync: (name: string) => Promise<void>;
  readonly #syncing = new Map<string, Syncing>();

  constructor(sync: (name: string) => Promise<void>) {
    this.#sync = sync;
  }

  /** Resolves after a sync of the directory that began no sooner than now; rejects as that one does. */
  sync(name: string): Promise<void> {
    const syncing = this.#syncing.get(name);
    if (syncing === undefined) return this.#begin(name);
    // Whether the one under way succeeds says nothing about the next.
    syncing.next ??= syncing.running.then(
      () => this.#begin(name),
      () => this.#begin(name),
    );
    return syncing.next;
  }

  #begin(name: string): Promise<void> {
    const running = this.#sync(name).finally(() => {
      if (syncing.next === undefined) this.#syncing.delete(name);
    });
    const syncing: Syncing = { running, next: undefined };
    this.#syncing.set(name, syncing);
    return running;
  }
}
