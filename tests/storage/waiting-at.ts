/** A disk whose named operation waits, once armed, until it is let go on, when it is done or before. */
import type { FileStore } from "../../src/ports/file-store.ts";

export function waitingAt(
  method: "rename" | "open" | "remove" | "stat" | "syncDirectory",
  when: "before" | "after" = "after",
): {
  between: (disk: FileStore) => FileStore;
  arm(): { reached: Promise<void>; goOn(): void; fail(error: Error): void };
} {
  let pending: { reached: PromiseWithResolvers<void>; gate: PromiseWithResolvers<void> } | undefined;
  const between = (disk: FileStore): FileStore =>
    new Proxy(disk, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return async (...args: unknown[]) => {
          const at = pending;
          if (name !== method || at === undefined) return await Reflect.apply(value, target, args);
          pending = undefined;
          const result: unknown = when === "after" && (await Reflect.apply(value, target, args));
          at.reached.resolve();
          await at.gate.promise;
          return when === "after" ? result : await Reflect.apply(value, target, args);
        };
      },
    });
  const arm = () => {
    pending = { reached: Promise.withResolvers(), gate: Promise.withResolvers() };
    return { reached: pending.reached.promise, goOn: pending.gate.resolve, fail: pending.gate.reject };
  };
  return { between, arm };
}
