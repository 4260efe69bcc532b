/** The pre-shared key that both sides of a connection prove: the swarm's password, stretched. */
import { scrypt } from "node:crypto";

/** 300 ms and 128 MB for one guess. Node refuses these parameters below 256 MiB of `maxmem`. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };
const KEY_BYTES = 32;
/** Fixed: both sides must come to the same key before they have exchanged a word. */
const SALT = "fsdfs swarm pre-shared key, version 1";
/** A process knows one password; tests know a few. */
const KEYS_MAX = 16;

const keys = new Map<string, Promise<Buffer>>();

/** Computed once for each password, off the event loop. */
export function swarmKey(password: string): Promise<Buffer> {
  const known = keys.get(password);
  if (known) return known;
  const key = stretch(password);
  if (keys.size >= KEYS_MAX) keys.clear();
  keys.set(password, key);
  key.catch(() => keys.delete(password));
  return key;
}

function stretch(password: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFC"), SALT, KEY_BYTES, SCRYPT, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
