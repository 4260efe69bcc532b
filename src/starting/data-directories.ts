/**
 * Data directories, made and remembered. `$XDG_STATE_HOME/fsdfs/data-directories/`: one small file for each data directory ever used, by which a disk that is not
 * mounted is told from a new server (S9). One file each, so that servers that start at once do not overwrite one another's
 * word.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, realpath, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { STATE_DIRECTORY_NAME } from "../config.ts";
import { FsdfsError } from "../errors.ts";
import type { Environment } from "../options.ts";
import { writeSecretFile } from "./secret-file.ts";
import { safeJson, shaped, text } from "./shape.ts";

/** Makes it where it is missing. @throws FsdfsError `data-not-writable` */
export async function makeDataDirectory(dataDirectory: string): Promise<void> {
  try {
    await mkdir(dataDirectory, { recursive: true });
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new FsdfsError("data-not-writable", { reason }, { cause: error });
  }
}

/** Remembers that a server has lived there (S9). */
export async function rememberDataDirectory(environment: Environment, dataDirectory: string): Promise<void> {
  const path = await realpath(dataDirectory);
  const directory = rememberedDirectory(environment);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeSecretFile(join(directory, rememberedName(path)), `${JSON.stringify({ path })}\n`);
}

/**
 * S9: a data directory that was used before and has no identity now is most likely a disk that is not mounted.
 *
 * @throws FsdfsError `data-lost-identity`
 */
export async function checkDataDirectory(environment: Environment, dataDirectory: string): Promise<void> {
  const path = await realpath(dataDirectory).catch(() => dataDirectory);
  const remembered = (await usedDataDirectories(environment)).includes(path);
  if (!remembered) return;
  const identity = await stat(join(path, STATE_DIRECTORY_NAME, "identity")).catch(() => undefined);
  if (identity === undefined) throw new FsdfsError("data-lost-identity");
}

export async function usedDataDirectories(environment: Environment): Promise<string[]> {
  const directory = rememberedDirectory(environment);
  const names = await readdir(directory).catch(() => []);
  const paths = await Promise.all(
    names
      .filter((name) => name.endsWith(".json"))
      .map(async (name) => shaped(safeJson(await readFile(join(directory, name), "utf8")), { path: text })),
  );
  return paths.flatMap((each) => (each === undefined ? [] : [each.path]));
}

function rememberedDirectory(environment: Environment): string {
  const given = environment.XDG_STATE_HOME;
  // The XDG base directory specification: a relative path is to be ignored.
  const base = given !== undefined && isAbsolute(given) ? given : join(homedir(), ".local", "state");
  return join(base, "fsdfs", "data-directories");
}

function rememberedName(path: string): string {
  return `${createHash("sha256").update(path).digest("hex").slice(0, 32)}.json`;
}
