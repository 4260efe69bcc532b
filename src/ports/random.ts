import type { Bytes } from "../core/catalog/kv.ts";

/** Chance. Real servers draw it from the system's secure source, the simulator from its seed. */
export interface Random {
  /** `length` random bytes, fit for keys. */
  bytes(length: number): Bytes;
  /** A number in [0, 1). */
  fraction(): number;
}
