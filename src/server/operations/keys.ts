/** Keys, and who a caller is (section 10). */

import { isVersionId } from "../../core/ids.ts";
import { decodeUrlPath } from "../../core/paths.ts";
import { hashKey, KEY_RANDOM_BYTES, makeKey, matchesHash, parseKey } from "../../core/security/api-keys.ts";
import { type TokenKeys, verifyLink, verifyRequest } from "../../core/security/tokens.ts";
import { FsdfsError } from "../../errors.ts";
import type { CreatedKey, Credential, KeyInfo, Principal, Scope } from "../face.ts";
import type { Parts } from "../parts.ts";
import { type StoredKey, writeKey } from "../settings.ts";
import { changeSettings } from "./change-settings.ts";

const NAME_LENGTH_MAX = 100;
const KEYS_MAX = 10_000;
const FILES_PREFIX = "/files/";

export async function createKey(parts: Parts, name: string, scope: Scope): Promise<CreatedKey> {
  if (name.length < 1 || name.length > NAME_LENGTH_MAX) {
    throw new FsdfsError("argument-invalid", {
      name: "name",
      reason: `it must have 1 to ${NAME_LENGTH_MAX} characters`,
    });
  }
  if (parts.settings.keys.size >= KEYS_MAX) throw new FsdfsError("overloaded");
  const { id, secret } = makeKey(parts.ports.random.bytes(KEY_RANDOM_BYTES));
  const createdMs = parts.ports.clock.wall();
  const key: StoredKey = { id, name, scope, hash: hashKey(secret), createdMs, revoked: false };
  await changeSettings(parts, (change) => writeKey(change, key));
  return { ...describeKey(key), secret };
}

export function listKeys(parts: Parts): KeyInfo[] {
  return [...parts.settings.keys.values()].filter(({ revoked }) => !revoked).map(describeKey);
}

export async function revokeKey(parts: Parts, id: string): Promise<void> {
  const key = parts.settings.keys.get(id);
  if (key === undefined || key.revoked) throw new FsdfsError("key-not-found", { key: id });
  await changeSettings(parts, (change) => writeKey(change, { ...key, revoked: true }));
}

/** What judging a caller takes. */
export interface Access {
  wall(): number;
  /** Reading needs no key. */
  readonly publicRead: boolean;
  key(id: string): StoredKey | undefined;
  readonly tokenKeys: TokenKeys;
}

export function authenticate(
  access: Access,
  credential: Credential,
  request: { readonly method: string; readonly target: string },
): Principal {
  const nowS = access.wall() / 1000;
  switch (credential.kind) {
    case "none":
      if (access.publicRead) return { scope: "read" };
      throw new FsdfsError("unauthorized");
    case "key": {
      const key = access.key(parseKey(credential.secret)?.id ?? "");
      if (key === undefined || key.revoked || !matchesHash(credential.secret, key.hash)) {
        throw new FsdfsError("key-unknown");
      }
      return { scope: key.scope, by: key.id };
    }
    case "signature": {
      const claim = { ...request, expires: credential.expires };
      if (verifyRequest(access.tokenKeys.request, claim, credential.mac, nowS))
        return { scope: "admin", by: "password" };
      throw new FsdfsError("signature-invalid");
    }
    case "link": {
      const { version, expires, mac } = credential;
      const isRead = request.method === "GET" || request.method === "HEAD";
      if (!isRead || !request.target.startsWith(FILES_PREFIX) || !isVersionId(version)) {
        throw new FsdfsError("link-expired");
      }
      const { path } = decodeUrlPath(request.target.slice(FILES_PREFIX.length));
      if (verifyLink(access.tokenKeys.link, { method: "GET", path, version, expires }, mac, nowS)) {
        return { scope: "read", linkVersion: version };
      }
      throw new FsdfsError("link-expired");
    }
  }
}

function describeKey({ id, name, scope, createdMs }: StoredKey): KeyInfo {
  return { id, name, scope, created: new Date(createdMs).toISOString() };
}
