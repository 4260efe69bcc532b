/** A stand-in for a server behind the HTTP gateway: one map of files, real keys and signatures. */
import { createHash, randomBytes } from "node:crypto";
import type { Bytes } from "../../src/core/catalog/kv.ts";
import { type HybridTime, type ServerId, type SwarmId, type VersionId, versionId } from "../../src/core/ids.ts";
import { ancestorsOf, decodeUrlPath, encodeUrlPath, parsePath } from "../../src/core/paths.ts";
import { hashKey, KEY_RANDOM_BYTES, makeKey, matchesHash, parseKey } from "../../src/core/security/api-keys.ts";
import { deriveTokenKeys, signLink, verifyLink, verifyRequest } from "../../src/core/security/tokens.ts";
import { FsdfsError } from "../../src/errors.ts";
import type {
  Credential,
  EntryInfo,
  Face,
  Health,
  KeyInfo,
  OpenedFile,
  OpenOptions,
  Principal,
  PutOptions,
  PutResult,
  Scope,
} from "../../src/server/face.ts";

const SELF = "0123456789ab" as ServerId;

interface StoredFile {
  readonly content: Buffer;
  readonly info: EntryInfo & { readonly version: VersionId; readonly sha256: string };
}

export class MemoryFace implements Face {
  readonly files = new Map<string, StoredFile>();
  readonly directories = new Set<string>();
  readonly keys = new Map<string, KeyInfo & { hash: string }>();
  readonly tokenKeys = deriveTokenKeys(new Uint8Array(32).fill(1));
  /** Where `open` sends those who let it. */
  redirectTo: string | undefined;
  openHandles = 0;
  /** Uploads whose body failed. */
  failedPuts = 0;
  healthStatus: Health["status"] = "ok";
  /** Called before the content's second chunk. */
  beforeSecondChunk: () => Promise<void> = async () => {};
  #time = 0x10000000000000;

  async put(text: string, body: AsyncIterable<Bytes>, options: PutOptions = {}): Promise<PutResult> {
    const path = parsePath(text);
    if (this.directories.has(path)) throw new FsdfsError("is-a-directory", { path });
    for (const ancestor of ancestorsOf(path)) {
      if (this.files.has(ancestor)) throw new FsdfsError("not-a-directory", { path: ancestor });
    }
    const content = await this.#collect(body);
    const sha256 = createHash("sha256").update(content).digest("hex");
    if (options.sha256 !== undefined && options.sha256 !== sha256) {
      throw new FsdfsError("digest-mismatch", { actual: sha256 });
    }
    const created = !this.files.has(path);
    const version = versionId(this.#time++ as HybridTime, SELF);
    const size = content.length;
    const modified = new Date(1_767_323_045_678).toISOString();
    this.files.set(path, {
      content,
      info: { path, type: "file", size, modified, sha256, version, target: 3, copies: 1 },
    });
    for (const ancestor of ancestorsOf(path)) this.directories.add(ancestor);
    return { version, sha256, size, copies: 1, created };
  }

  async makeDirectory(text: string): Promise<void> {
    const path = parsePath(text);
    if (this.files.has(path)) throw new FsdfsError("already-exists", { path });
    for (const directory of [...ancestorsOf(path), path]) this.directories.add(directory);
  }

  async head(text: string): Promise<EntryInfo> {
    const path = parsePath(text);
    const file = this.files.get(path);
    if (file !== undefined) return file.info;
    if (!this.directories.has(path)) throw new FsdfsError("file-not-found", { path });
    return {
      path,
      type: "directory",
      size: 0,
      modified: null,
      sha256: null,
      version: null,
      target: null,
      copies: null,
    };
  }

  async open(text: string, options: OpenOptions = {}): Promise<OpenedFile> {
    const path = parsePath(text);
    const file = this.files.get(path);
    if (file === undefined) throw await this.#notAFile(path);
    if (options.version !== undefined && options.version !== file.info.version) {
      throw new FsdfsError("copy-not-here", { path });
    }
    if (this.redirectTo !== undefined && options.redirect !== "never" && options.version === undefined) {
      return { kind: "redirect", info: file.info, url: this.link(this.redirectTo, path, file.info.version) };
    }
    this.openHandles += 1;
    return {
      kind: "content",
      info: file.info,
      stream: (start, end) => this.#stream(file.content.subarray(start, end)),
      close: async () => {
        this.openHandles -= 1;
      },
    };
  }

  link(base: string, path: string, version: VersionId): string {
    const expires = Math.floor(Date.now() / 1000) + 60;
    const mac = signLink(this.tokenKeys.link, { method: "GET", path, version, expires });
    return `${base}/files/${encodeUrlPath(parsePath(path))}?version=${version}&expires=${expires}&mac=${mac}`;
  }

  async remove(text: string): Promise<void> {
    const path = parsePath(text);
    if (this.files.delete(path)) return;
    if (!this.directories.has(path)) throw new FsdfsError("file-not-found", { path });
    const inside = [...this.files.keys(), ...this.directories].some((other) => other.startsWith(`${path}/`));
    if (inside) throw new FsdfsError("directory-not-empty", { path });
    this.directories.delete(path);
  }

  async move(from: string, to: string): Promise<void> {
    const file = this.files.get(from);
    if (file === undefined) throw new FsdfsError("file-not-found", { path: from });
    if (this.files.has(to)) throw new FsdfsError("already-exists", { path: to });
    this.files.delete(from);
    this.files.set(to, { ...file, info: { ...file.info, path: to } });
  }

  async list(path: string) {
    if (this.files.has(path)) throw new FsdfsError("not-a-directory", { path });
    if (path !== "" && !this.directories.has(path)) throw new FsdfsError("file-not-found", { path });
    const prefix = path === "" ? "" : `${path}/`;
    const names = [...this.files.keys(), ...this.directories]
      .filter((other) => other.startsWith(prefix) && !other.slice(prefix.length).includes("/"))
      .sort();
    const entries = await Promise.all(
      names.map(async (other) => {
        const { path: _path, ...info } = await this.head(other);
        return { name: other.slice(prefix.length), ...info };
      }),
    );
    return { entries, next: null };
  }

  async locate(paths: readonly string[]) {
    return paths.map((text) => {
      const info = this.files.get(parsePath(text))?.info;
      if (info === undefined) return undefined;
      const { path, size, sha256, version } = info;
      return { path, size, sha256, version, target: 3, copies: 1, surplus: -2, servers: [] };
    });
  }

  async status() {
    return {
      swarm: "0123456789abcdef" as SwarmId,
      files: this.files.size,
      bytes: [...this.files.values()].reduce((sum, { info }) => sum + info.size, 0),
      minSurplus: this.files.size === 0 ? null : -2,
      advice: "Add two servers.",
      servers: { up: 1, total: 1 },
      quota: { total: 1000, used: 0 },
    };
  }

  async servers() {
    return [];
  }

  async serverFiles(server: string) {
    if (server !== SELF) throw new FsdfsError("server-not-found", { server });
    const files = [...this.files.values()].map(({ info: { path, size, version } }) => ({ path, size, version }));
    return { files, next: null };
  }

  async drop(path: string): Promise<void> {
    throw new FsdfsError("drop-refused", { path, reason: "there is no other server" });
  }

  health(): Health {
    return { status: this.healthStatus, server: SELF, name: "memory", softwareVersion: "0" };
  }

  async createKey(name: string, scope: Scope) {
    const { id, secret } = makeKey(randomBytes(KEY_RANDOM_BYTES));
    const info: KeyInfo = { id, name, scope, created: new Date().toISOString() };
    this.keys.set(id, { ...info, hash: hashKey(secret) });
    return { ...info, secret };
  }

  async listKeys(): Promise<KeyInfo[]> {
    return [...this.keys.values()].map(({ hash: _hash, ...info }) => info);
  }

  async revokeKey(id: string): Promise<void> {
    if (!this.keys.delete(id)) throw new FsdfsError("key-not-found", { key: id });
  }

  async authenticate(credential: Credential, request: { method: string; target: string }): Promise<Principal> {
    const nowS = Date.now() / 1000;
    switch (credential.kind) {
      case "none":
        throw new FsdfsError("unauthorized");
      case "key": {
        const key = this.keys.get(parseKey(credential.secret)?.id ?? "");
        if (key === undefined || !matchesHash(credential.secret, key.hash)) throw new FsdfsError("key-unknown");
        return { scope: key.scope };
      }
      case "signature": {
        const claim = { ...request, expires: credential.expires };
        if (verifyRequest(this.tokenKeys.request, claim, credential.mac, nowS)) return { scope: "admin" };
        throw new FsdfsError("signature-invalid");
      }
      case "link": {
        const path = decodeUrlPath(request.target.slice("/files/".length)).path;
        const { version, expires } = credential;
        const claim = { method: request.method, path, version, expires };
        if (!verifyLink(this.tokenKeys.link, claim, credential.mac, nowS)) throw new FsdfsError("link-expired");
        return { scope: "read", linkVersion: version as VersionId };
      }
    }
  }

  async #collect(body: AsyncIterable<Bytes>): Promise<Buffer> {
    const chunks: Bytes[] = [];
    try {
      for await (const chunk of body) chunks.push(chunk);
      return Buffer.concat(chunks);
    } catch (error) {
      this.failedPuts += 1;
      throw error;
    }
  }

  async #notAFile(path: string): Promise<FsdfsError> {
    const { type } = await this.head(path);
    return new FsdfsError(type === "directory" ? "is-a-directory" : "file-not-found", { path });
  }

  /** One buffer for all chunks, spoilt once the next is asked for, as the Face allows. */
  async *#stream(content: Buffer): AsyncGenerator<Bytes> {
    const buffer = Buffer.alloc(64 * 1024);
    for (let start = 0; start < content.length; start += buffer.length) {
      const chunk = content.subarray(start, start + buffer.length);
      chunk.copy(buffer);
      yield buffer.subarray(0, chunk.length);
      buffer.fill(0);
      await this.beforeSecondChunk();
    }
  }
}
