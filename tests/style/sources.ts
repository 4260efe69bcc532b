/** The project's own source files, as the style tests read them. */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");

/** Directories that hold what the project did not write. */
const FOREIGN = ["node_modules", ".git", "fsdfs-data", "coverage", "dist"];

export interface Source {
  /** From the root, with "/". */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** The text with comments blanked out, so that prose is not taken for code. Strings stay. */
  readonly code: string;
}

export interface Import {
  /** As written: "node:fs", "zod", "../errors.ts". */
  readonly specifier: string;
  /** From the root, when it is a file of the project. */
  readonly path: string | undefined;
  readonly typeOnly: boolean;
}

/** Every tracked file, and every one that is not ignored; without git, every file that is there. */
export function projectFiles(): string[] {
  try {
    const args = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    const listed = execFileSync("git", args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const files = listed.split("\0").filter((path) => path !== "" && existsSync(join(ROOT, path)));
    if (files.length > 0) return files;
  } catch {
    // A release unpacked without its history is checked all the same.
  }
  return globSync("**/*", { cwd: ROOT, exclude: (path) => FOREIGN.some((name) => path.split("/").includes(name)) });
}

export function sources(): Source[] {
  return projectFiles()
    .filter((path) => path.endsWith(".ts"))
    .map((path) => {
      const text = readFileSync(join(ROOT, path), "utf8");
      return { path, text, lines: text.split("\n"), code: withoutComments(text) };
    });
}

const IMPORT = /\b(import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?["']([^"'\n]+)["']/g;
const DYNAMIC_IMPORT = /\bimport\(\s*["']([^"'\n]+)["']\s*\)/g;

export function importsOf(source: Source): Import[] {
  const fixed = [...source.code.matchAll(IMPORT)].map(([statement, , type, specifier = ""]) => ({
    specifier,
    path: pathOf(source, specifier),
    typeOnly: type !== undefined || onlyTypes(statement),
  }));
  const dynamic = [...source.code.matchAll(DYNAMIC_IMPORT)].map(([, specifier = ""]) => ({
    specifier,
    path: pathOf(source, specifier),
    typeOnly: false,
  }));
  return [...fixed, ...dynamic];
}

/** `import { type A, type B } from`. */
function onlyTypes(statement: string): boolean {
  const names = /\{([^}]*)\}/.exec(statement)?.[1];
  if (names === undefined) return false;
  return names.split(",").every((name) => name.trim() === "" || name.trim().startsWith("type "));
}

function pathOf(source: Source, specifier: string): string | undefined {
  return specifier.startsWith(".") ? join(dirname(source.path), specifier) : undefined;
}

/** Blanks comments, keeping lines; knows strings and templates well enough for this project's code. */
export function withoutComments(text: string): string {
  const token = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
  return text.replace(token, (match) => (match.startsWith("/") ? match.replace(/[^\n]/g, " ") : match));
}
