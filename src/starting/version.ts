/** This software's version, as package.json has it. */
import { readFileSync } from "node:fs";
import { shaped, text } from "./shape.ts";

export function softwareVersion(): string {
  const json = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const read = shaped(JSON.parse(json), { version: text });
  if (read === undefined) throw new Error("package.json has no version");
  return read.version;
}
