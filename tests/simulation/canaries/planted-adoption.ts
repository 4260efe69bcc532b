/** Bugs to be planted in adopting (C9, P7), which its drill is to see. */
import type { Canary } from "./canary.ts";

export const ADOPTION_CANARIES: readonly Canary[] = [
  {
    name: "a file that changed while it was adopted is recorded as right",
    rules: "C9 P4",
    file: "server/adoption/looking.ts",
    find: "if (isUnchanged(before, after)) return",
    replace: "return",
    drill: "adoption",
  },
  {
    name: "names of adopted files are not synced",
    rules: "C9 P3",
    file: "server/adoption/entering.ts",
    find: "      await this.#syncNames(files.filter((_, i) => placed[i] === undefined));\n",
    replace: "",
    drill: "adoption",
  },
  {
    name: "a file that is left as it is loses its name",
    rules: "P7",
    file: "server/adoption/entering.ts",
    find: 'if (outcomes[i]!.kind === "adopted") await removeSource(source, name, stat);',
    replace: "if ((await source.stat(name)) !== undefined) await source.remove(name);",
    drill: "adoption",
  },
];
