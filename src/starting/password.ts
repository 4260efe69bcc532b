/** The swarm's password on a server's machine: where it comes from, whether it is any good, and where it is kept. */
import { randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { STATE_DIRECTORY_NAME, type StartValues } from "../config.ts";
import { FsdfsError } from "../errors.ts";
import { writeSecretFile } from "./secret-file.ts";

export interface ChosenPassword {
  readonly password: string;
  readonly source: "given" | "kept" | "made";
  /** The one used before was another. */
  readonly changed: boolean;
}

/** 26 of these make 130 bits; none looks like another. */
const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";
const MADE_LENGTH = 26;
/** A recorded handshake lets one guess offline, at some 300 ms of a core a guess (section 6). */
const STRONG_LENGTH_MIN = 16;
const STRONG_CHARACTERS_MIN = 8;

/** The one given, else the one kept in the data directory, else a new one of more than 128 bits. */
export async function choosePassword(values: StartValues): Promise<ChosenPassword> {
  const kept = await readKeptPassword(values.data);
  const given =
    values.password ?? (values.passwordFile === undefined ? undefined : await readPasswordFile(values.passwordFile));
  if (given !== undefined) return { password: given, source: "given", changed: kept !== undefined && kept !== given };
  if (kept !== undefined) return { password: kept, source: "kept", changed: false };
  return { password: makePassword(), source: "made", changed: false };
}

export function isWeak(password: string): boolean {
  return password.length < STRONG_LENGTH_MIN || new Set(password).size < STRONG_CHARACTERS_MIN;
}

export function passwordFile(dataDirectory: string): string {
  return join(dataDirectory, STATE_DIRECTORY_NAME, "password");
}

export async function keepPassword(dataDirectory: string, password: string): Promise<void> {
  await mkdir(join(dataDirectory, STATE_DIRECTORY_NAME), { recursive: true, mode: 0o700 });
  await writeSecretFile(passwordFile(dataDirectory), `${password}\n`);
}

function makePassword(): string {
  // 32 characters: five bits of each byte, none more likely than another.
  return Array.from(randomBytes(MADE_LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}

/** undefined while no server has used the directory. @throws FsdfsError `password-unreadable` when it is another user's */
export async function readKeptPassword(dataDirectory: string): Promise<string | undefined> {
  try {
    return firstLine(await readFile(passwordFile(dataDirectory), "utf8")) || undefined;
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new FsdfsError(
      "password-unreadable",
      { file: "The file .fsdfs/password", reason: String(code) },
      { cause: error },
    );
  }
}

/** @throws FsdfsError `password-unreadable` when there is none in it */
export async function readPasswordFile(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new FsdfsError(
      "password-unreadable",
      { file: "The password file", reason: String(codeOf(error)) },
      { cause: error },
    );
  });
  const password = firstLine(text);
  if (password === "")
    throw new FsdfsError("password-unreadable", { file: "The password file", reason: "its first line is empty" });
  return password;
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? "";
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : error;
}
