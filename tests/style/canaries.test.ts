/** The list of planted bugs keeps up with the code, with the drills and with its table in docs/HACKING.md. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { editsOf } from "../simulation/canaries/canary.ts";
import { CANARIES } from "../simulation/canaries/planted.ts";
import { DRILLS } from "../simulation/drills/drills.ts";
import { ROOT } from "./sources.ts";

const HEADING = "| rules | planted bug | attacked by |\n| --- | --- | --- |\n";

describe("canaries", () => {
  it.each(CANARIES)("$name: its place in the source is there, just once", (canary) => {
    for (const { file, find, replace } of editsOf(canary)) {
      const source = readFileSync(join(ROOT, "src", file), "utf8");
      expect(source.split(find)).toHaveLength(2);
      expect(replace).not.toBe(find);
    }
  });

  it("each drill is shown to see a bug", () => {
    const used = new Set(CANARIES.map(({ drill }) => drill));
    expect(DRILLS.map(({ name }) => name).filter((name) => !used.has(name))).toEqual([]);
  });

  it("docs/HACKING.md lists them all, by rule", () => {
    const rows = CANARIES.map(({ rules, name, drill, story }) => {
      return `| ${rules} | ${name} | ${drill ?? story ?? "random runs"} |`;
    });
    const wanted = rows.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).join("\n");
    const text = readFileSync(join(ROOT, "docs/HACKING.md"), "utf8");
    const listed = text
      .slice(text.indexOf(HEADING) + HEADING.length)
      .split("\n\n", 1)[0]!
      .trim();
    expect(text).toContain(HEADING);
    expect(listed).toBe(wanted);
  });
});
