/** Bugs that the drill about variables (V1 to V3) is to see. */
import type { Canary } from "./canary.ts";

export const VARIABLE_CANARIES: readonly Canary[] = [
  {
    name: "who sets one variable writes the others again",
    rules: "V1 C1",
    file: "server/operations/variables.ts",
    find: "  for (const [name, value] of wanted) {\n    change.writePath(",
    replace:
      "  for (const { field, value } of registers) if (isVariableField(field)) change.writePath(path, field, value);\n  for (const [name, value] of wanted) {\n    change.writePath(",
    drill: "variables",
  },
  {
    name: "a new file has the variables of the one before it",
    rules: "V2",
    file: "server/operations/enter-version.ts",
    find: "  removeLeftVariables(change, path);\n",
    replace: "",
    drill: "variables",
  },
  {
    name: "a file that is overwritten loses its variables",
    rules: "V2",
    file: "server/operations/variables.ts",
    find: '  if (content?.type === "file") return;\n',
    replace: "",
    drill: "variables",
  },
  {
    name: "a file that is moved leaves its variables",
    rules: "V2",
    file: "server/operations/change-names.ts",
    find: "field !== CONTENT_FIELD && isCarried(register)",
    replace: "field !== CONTENT_FIELD && !field.startsWith('variable:') && isCarried(register)",
    drill: "variables",
  },
  {
    name: "a variable is acknowledged before the others know of it",
    rules: "V3 M2",
    file: "server/operations/variables.ts",
    find: "    await readiness.known(last.number);\n",
    replace: "",
    drill: "variables",
  },
  {
    name: "a variable that was removed is remembered for ever",
    rules: "C7",
    file: "core/catalog/absences.ts",
    find: "isVariableField(field) && isUnset(value)",
    replace: "isVariableField(field) && value.length === 0",
    drill: "removed variables",
  },
  {
    name: "a variable that was removed is forgotten while a server is away",
    rules: "C7",
    file: "server/mesh/collector.ts",
    find: "if (server !== catalog.self && mesh.link(server) === undefined) return undefined;",
    replace: "",
    drill: "removed variables",
  },
];
