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
    find: "    await this.withdraw(version, copy);\n    return isStrange",
    replace: "    return isStrange",
    drill: "verify",
  },
  {
    name: "a disk that returns errors takes copies",
    rules: "P4",
    file: "server/storage/disk-watch.ts",
    find: "return this.#unreadable.size > 0;",
    replace: "return this.#unreadable.size < 0;",
    drill: "ailing disk",
  },
  {
    name: "a copy that cannot be read is withdrawn",
    rules: "P4",
    file: "server/scrub/rehash.ts",
    find: "disk.readFailed(version, path, error);",
    replace: "await this.#parts.copies.withdraw(version, copy);",
    drill: "ailing disk",
  },
];
