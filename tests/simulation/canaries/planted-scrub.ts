/** Bugs planted in the scrub and in what is done about what it finds (P4). */
import type { Canary } from "./canary.ts";

export const SCRUB_CANARIES: readonly Canary[] = [
  {
    name: "a scrub compares nothing",
    rules: "P4",
    file: "server/scrub/rehash.ts",
    find: "sizeBytes: opened.sizeBytes, pass })) === sha256;",
    replace: 'sizeBytes: opened.sizeBytes, pass })) !== "";',
    drill: "scrub",
  },
  {
    name: "a damaged copy stays stated",
    rules: "P4 S8",
    file: "server/storage/copies.ts",
    find: "      await this.withdraw(version, copy);\n      return isStrange",
    replace: "      return isStrange",
    drill: "verify",
  },
];
