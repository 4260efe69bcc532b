/** Putting a program's function in force as the policy of its swarm (core/policy/program.ts). */
import { createHash } from "node:crypto";
import type { Client } from "../client/client.ts";
import { POLICY_PATH } from "../core/policy/mark.ts";
import { type ProgramPolicy, programPolicyText } from "../core/policy/program.ts";
import { FsdfsError } from "../errors.ts";

/** Unless it is in force already. @throws FsdfsError `policy-invalid` when it fails for a file that there is */
export async function putInForce(policy: ProgramPolicy, client: Client): Promise<void> {
  const text = programPolicyText(policy);
  if ((await digestInForce(client)) === createHash("sha256").update(text).digest("hex")) return;
  await client.setPolicy(text);
}

async function digestInForce(client: Client): Promise<string | null> {
  try {
    return (await client.head(POLICY_PATH)).sha256;
  } catch (error) {
    if (error instanceof FsdfsError && error.code === "file-not-found") return null;
    throw error;
  }
}
