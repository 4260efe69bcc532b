/** What a policy is told of a file. */
import type { Entry } from "../catalog/entries.ts";
import { variablesObject } from "../catalog/variables.ts";
import { contentTypeOf } from "../content-types.ts";
import type { FileFacts } from "./policy.ts";

export type FileEntry = Extract<Entry, { type: "file" }>;

/** `modifiedMs`: when its content was put, in milliseconds since the Unix epoch. `heat`: reads an hour. */
export function factsOf({ path, content, registers }: FileEntry, modifiedMs: number, heat: number): FileFacts {
  return {
    path,
    size: content.sizeBytes,
    type: contentTypeOf(path).replace(/;.*/, ""),
    modified: modifiedMs,
    variables: variablesObject(registers) ?? {},
    heat,
  };
}
