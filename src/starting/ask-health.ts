/**
 * What a server says of itself at /health, by HTTP or HTTPS, whichever it speaks. Its certificate is not checked: nothing
 * secret is sent, and what is told is only where to go on, with a password that both sides prove.
 */
import { request as httpsRequest } from "node:https";
import type { JoinAddress } from "../config-values.ts";
import { shaped, whole } from "./shape.ts";

// An import by name would load undici too, for other names of the module: 80 ms of each start.
const { request: httpRequest } = process.getBuiltinModule("node:http");

const BYTES_MAX = 64 * 1024;

/** @throws Error when nothing that speaks JSON answers in time */
export async function askHealth(url: string, timeoutMs: number): Promise<unknown> {
  const target = new URL("/health", url);
  const signal = AbortSignal.timeout(timeoutMs);
  return await new Promise((resolve, reject) => {
    const isSecure = target.protocol === "https:";
    const request = isSecure
      ? httpsRequest(target, { signal, agent: false, rejectUnauthorized: false })
      : httpRequest(target, { signal, agent: false });
    request.on("error", reject);
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > BYTES_MAX) response.destroy(new Error("what answers there is not fsdfs"));
      });
      response.on("error", reject);
      response.on("end", () => {
        try {
          resolve(JSON.parse(text));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.end();
  });
}

/** The same of a host and port of which it is not known what it speaks. */
export async function askHealthOf(address: string, timeoutMs: number): Promise<unknown> {
  const [plain, secure] = [`http://${address}`, `https://${address}`];
  return await Promise.any([askHealth(plain, timeoutMs), askHealth(secure, timeoutMs)]).catch((error: unknown) => {
    throw error instanceof AggregateError ? error.errors[0] : error;
  });
}

/** Where other servers reach the one that answers there, as "host:port". @throws Error when no fsdfs answers in time */
export async function swarmAddressOf({ host, port }: JoinAddress, timeoutMs: number): Promise<string> {
  const told = shaped(await askHealthOf(`${host}:${port}`, timeoutMs), { swarmPort: whole(1, 65_535) });
  if (told === undefined) throw new Error("what answers there is not fsdfs");
  return `${host}:${told.swarmPort}`;
}
