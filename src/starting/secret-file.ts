/** Files that only this user may read. */
import { randomUUID } from "node:crypto";
import { rename, writeFile } from "node:fs/promises";

/** Never seen half-written, and by nobody else. */
export async function writeSecretFile(file: string, text: string): Promise<void> {
  const staged = `${file}.${randomUUID()}`;
  await writeFile(staged, text, { mode: 0o600, flag: "wx", flush: true });
  await rename(staged, file);
}
