/**
 * A policy that is a function of the program that a server runs in (docs/LIBRARY.md). Such a function is nowhere but in that
 * program. What the swarm has in the policy's place is a text that names it: by it the policy has its time like any other, so
 * that N is ordered by it (C1), is shown by `fsdfs policy show`, and gives way to what is set later. A server that has not
 * the function fails to load the text, and leaves its share to those that have it (server/policy/share.ts).
 */
import { createHash } from "node:crypto";
import { utf8 } from "../bytes.ts";
import type { Bytes } from "../catalog/kv.ts";
import type { Policy, Prefer } from "./policy.ts";

export interface ProgramPolicy {
  readonly policy: Policy;
  readonly prefer?: Prefer | undefined;
}

const NAME_LENGTH = 16;
const FIRST_LINE =
  "// The policy is a function of a program that runs servers of this swarm in itself: see docs/LIBRARY.md.";

/** The same for functions of the same source text, whatever they close over. */
export function programPolicyText({ policy, prefer }: ProgramPolicy): Bytes {
  const name = createHash("sha256").update(`${policy}\n${prefer}`).digest("hex").slice(0, NAME_LENGTH);
  const lines = [
    FIRST_LINE,
    "// These servers ask the function. The others leave the files to them, and tell the error below.",
    `throw new Error("the policy is the function ${name} of a program, which this server does not run in");`,
    "export default () => 0;",
  ];
  return utf8(`${lines.join("\n")}\n`);
}

/** What such a text says to whoever has not got the function; undefined for any other policy. */
export function missingFunction(source: Bytes): string | undefined {
  const text = new TextDecoder().decode(source);
  if (!text.startsWith(FIRST_LINE)) return undefined;
  return /^throw new Error\("(the policy is the function .*)"\);$/m.exec(text)?.[1];
}
