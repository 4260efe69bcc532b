/** A gateway with a server behind it, keys of each scope, and requests to it. */
import { signRequest } from "../../src/core/security/tokens.ts";
import { createHttpGateway, type HttpGatewayOptions } from "../../src/gateways/http/gateway.ts";
import type { Log } from "../../src/ports/log.ts";
import { MemoryFace } from "./http-memory-face.ts";

export interface Fixture {
  readonly face: MemoryFace;
  readonly port: number;
  readonly url: string;
  readonly keys: { readonly read: string; readonly write: string; readonly admin: string; readonly revoked: string };
  /** What the gateway logged as an error: a bug, unless the test wanted it. */
  readonly logged: string[];
  /** Sends with the write key unless told otherwise; `key: null` sends none. */
  request(target: string, init?: RequestInit & { key?: string | null }): Promise<Response>;
  /** Headers of a request signed with the password. */
  signed(method: string, target: string, expiresInS?: number): { authorization: string };
  /** All that is there: paths, versions and digests. */
  snapshot(): Promise<unknown>;
  stop(): Promise<void>;
}

export async function startFixture(options: Partial<HttpGatewayOptions> = {}): Promise<Fixture> {
  const face = new MemoryFace();
  const logged: string[] = [];
  const gateway = createHttpGateway({
    face,
    log: collectingLog(logged),
    publicRead: false,
    listenHost: "127.0.0.1",
    port: 0,
    ...options,
  });
  const { port } = await gateway.listen();
  const url = `http://127.0.0.1:${port}`;
  const keys = {
    read: (await face.createKey("r", "read")).secret,
    write: (await face.createKey("w", "write")).secret,
    admin: (await face.createKey("a", "admin")).secret,
    revoked: await revokedKey(face),
  };
  return {
    face,
    port,
    url,
    keys,
    logged,
    request: (target, { key = keys.write, ...init } = {}) => {
      const headers = new Headers(init.headers);
      if (key !== null) headers.set("authorization", `Bearer ${key}`);
      return fetch(url + target, { redirect: "manual", ...init, headers });
    },
    signed: (method, target, expiresInS = 60) => {
      const expires = Math.floor(Date.now() / 1000) + expiresInS;
      const mac = signRequest(face.tokenKeys.request, { method, target, expires });
      return { authorization: `FSDFS-HMAC expires=${expires},mac=${mac}` };
    },
    snapshot: async () => ({
      directories: [...face.directories].sort(),
      files: [...face.files.entries()].map(([path, { info }]) => [path, info.version, info.sha256]).sort(),
    }),
    stop: () => gateway.close(),
  };
}

async function revokedKey(face: MemoryFace): Promise<string> {
  const { id, secret } = await face.createKey("gone", "admin");
  await face.revokeKey(id);
  return secret;
}

function collectingLog(logged: string[]): Log {
  const ignore = () => {};
  return {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (message, fields) => void logged.push(`${message} ${JSON.stringify(fields)}`),
  };
}

/** The caller says what the API promises. */
export async function jsonOf<T>(response: Response): Promise<T> {
  return (await response.json()) as T;
}

/** Resolves once `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
