/** The layers of the design: who may import whom. */
import { describe, expect, test } from "vitest";
import { importsOf, type Source, sources, withoutComments } from "./sources.ts";

/** Pure parts of Node and libraries that a layer may use; of "*" every one. */
interface Layer {
  readonly name: string;
  readonly matches: (path: string) => boolean;
  /** Prefixes of the project's paths. */
  readonly may: readonly string[];
  /** Prefixes of which only types may be imported. */
  readonly mayTypes?: readonly string[];
  readonly packages: readonly string[] | "*";
}

const inside =
  (...prefixes: string[]) =>
  (path: string) =>
    prefixes.some((prefix) => path === prefix || (prefix.endsWith("/") && path.startsWith(prefix)));

const ERRORS = ["src/errors.ts", "src/errors/"];
const CORE = ["src/core/", ...ERRORS];

/** The first layer that matches a file is its own. Tests may import anything of the project. */
const LAYERS: readonly Layer[] = [
  {
    name: "tests and benches",
    matches: (path) => path.endsWith(".test.ts") || inside("tests/", "bench/", "vitest.config.ts")(path),
    may: ["src/", "tests/", "bench/"],
    packages: "*",
  },
  // As whoever has installed the package.
  { name: "examples", matches: inside("examples/"), may: [], packages: "*" },
  // Computing a hash needs neither clock, disk, network nor chance.
  { name: "core", matches: inside("src/core/"), may: CORE, packages: ["node:crypto"] },
  { name: "errors", matches: inside(...ERRORS), may: ["src/errors/"], packages: [] },
  { name: "ports", matches: inside("src/ports/"), may: ["src/ports/"], mayTypes: ["src/core/"], packages: [] },
  { name: "adapters", matches: inside("src/adapters/"), may: ["src/adapters/", "src/ports/", ...CORE], packages: "*" },
  {
    name: "server",
    matches: inside("src/server/"),
    may: ["src/server/", "src/ports/", ...CORE],
    packages: ["node:crypto"],
  },
  {
    name: "gateways",
    matches: inside("src/gateways/"),
    may: ["src/gateways/", "src/server/face.ts", "src/config.ts", ...CORE],
    mayTypes: ["src/ports/"],
    packages: "*",
  },
  { name: "options", matches: inside("src/options.ts"), may: ERRORS, packages: ["node:util"] },
  {
    name: "config",
    matches: inside("src/config.ts", "src/config-values.ts", "src/start-options.ts"),
    may: ["src/config.ts", "src/config-values.ts", "src/options.ts", ...ERRORS],
    mayTypes: ["src/server/server.ts"],
    packages: ["node:net", "node:os", "node:path"],
  },
  {
    name: "starting",
    matches: inside("src/starting/"),
    may: ["src/starting/", "src/config.ts", "src/config-values.ts", "src/options.ts", ...ERRORS],
    packages: "*",
  },
  {
    name: "client",
    matches: inside("src/client/"),
    // The stretched password is the same for clients and for the mesh.
    may: ["src/client/", "src/core/security/swarm-key.ts", ...CORE],
    mayTypes: ["src/server/face.ts"],
    packages: "*",
  },
  {
    name: "cli",
    matches: inside("src/cli/"),
    may: [
      "src/cli/",
      "src/client/",
      "src/starting/",
      "src/config.ts",
      "src/config-values.ts",
      "src/start-options.ts",
      "src/options.ts",
      "src/main.ts",
      ...CORE,
    ],
    mayTypes: ["src/server/face.ts"],
    packages: "*",
  },
  {
    name: "library",
    matches: inside("src/library/", "src/package-node.ts"),
    may: [
      "src/library/",
      "src/client/",
      "src/starting/",
      "src/config.ts",
      "src/options.ts",
      "src/start-options.ts",
      "src/main.ts",
      ...CORE,
    ],
    mayTypes: ["src/config-values.ts", "src/ports/log.ts", "src/server/face.ts", "src/server/server.ts"],
    packages: "*",
  },
  {
    name: "main",
    matches: inside("src/main.ts", "src/serving.ts", "src/serving-process.ts"),
    may: ["src/"],
    packages: "*",
  },
];

const layerOf = (path: string) => LAYERS.find((layer) => layer.matches(path));

/** Imports of `source` that its layer does not allow, in words. */
function violations(source: Source): string[] {
  const layer = layerOf(source.path);
  if (layer === undefined) return [`${source.path} belongs to no layer`];
  return importsOf(source).flatMap(({ specifier, path, typeOnly }) => {
    const told = `${source.path} (${layer.name}) imports ${specifier}`;
    if (path === undefined) {
      return typeOnly || layer.packages === "*" || layer.packages.includes(specifier) ? [] : [told];
    }
    const allowed = typeOnly ? [...layer.may, ...(layer.mayTypes ?? [])] : layer.may;
    return inside(...allowed)(path) ? foreign(source.path, path, typeOnly).map((why) => `${told}: ${why}`) : [told];
  });
}

/** Finer than the layers: an adapter knows no other adapter, a gateway no other gateway. */
function foreign(from: string, to: string, typeOnly: boolean): string[] {
  if (from.endsWith(".test.ts")) return [];
  for (const layer of ["src/adapters/", "src/gateways/"]) {
    if (!from.startsWith(layer) || !to.startsWith(layer) || typeOnly) continue;
    const [own, other] = [from, to].map((path) => path.slice(layer.length).split("/")[0]);
    if (own !== other) return [`${own} and ${other} must not know each other`];
  }
  return [];
}

const fake = (path: string, text: string): Source => ({
  path,
  text,
  lines: text.split("\n"),
  code: withoutComments(text),
});

describe("the layers", () => {
  test("every file imports only what its layer may", () => {
    // This file's own examples are text to it, and imports to the pattern.
    const all = sources().filter(({ path }) => path !== "tests/style/imports.test.ts");
    expect(all.length).toBeGreaterThan(50);
    expect(all.flatMap(violations)).toEqual([]);
  });

  test.each([
    ["src/core/a.ts", 'import { x } from "../server/server.ts";'],
    ["src/core/a.ts", 'import { readFile } from "node:fs/promises";'],
    ["src/core/a.ts", 'export * from "../ports/clock.ts";'],
    ["src/ports/a.ts", 'import { isServerId } from "../core/ids.ts";'],
    ["src/server/a.ts", 'import { open } from "../adapters/lmdb/catalog-store.ts";'],
    ["src/server/a.ts", 'const x = await import("../adapters/disk/lock.ts");'],
    ["src/gateways/http/a.ts", 'import { createServer } from "../../server/server.ts";'],
    ["src/gateways/http/a.ts", 'import { y } from "../mount/y.ts";'],
    ["src/adapters/lmdb/a.ts", 'import { y } from "../disk/y.ts";'],
    ["src/client/a.ts", 'import { y } from "../server/face.ts";'],
    ["src/stray.ts", "export const x = 1;"],
  ])("this test can fail: %s with %s", (path, text) => {
    expect(violations(fake(path, text))).toHaveLength(1);
  });

  test.each([
    ["src/ports/a.ts", 'import type { ServerId } from "../core/ids.ts";'],
    ["src/ports/a.ts", 'import { type ServerId } from "../core/ids.ts";'],
    ["src/server/a.ts", '// import { open } from "../adapters/lmdb/catalog-store.ts";'],
    ["src/server/a.test.ts", 'import { MemoryFileStore } from "../adapters/memory/file-store.ts";'],
  ])("and lets pass what is right: %s with %s", (path, text) => {
    expect(violations(fake(path, text))).toEqual([]);
  });

  test("the client for browsers needs nothing of Node.js", () => {
    const all = new Map(sources().map((source) => [source.path, source]));
    const needed = new Set(["src/client/sdk-web.ts"]);
    for (const path of needed) {
      const source = all.get(path);
      if (source === undefined) throw new Error(`there is no ${path}`);
      for (const { specifier, path: imported, typeOnly } of importsOf(source)) {
        if (typeOnly) continue;
        expect(specifier, path).not.toMatch(/^node:/);
        if (imported !== undefined) needed.add(imported);
      }
      expect(source.code, path).not.toMatch(/\b(?:Buffer|process|setImmediate)\b/);
    }
    expect(needed).toContain("src/core/paths.ts");
  });
});
