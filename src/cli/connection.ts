/** Which server a command speaks to, and how it proves what it may. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Client } from "../client/client.ts";
import type { ClientCredential } from "../client/credentials.ts";
import { createClient } from "../client/node.ts";
import type { Trust } from "../client/trust.ts";
import { absolutePath, HTTP_PORT, passwordText } from "../config-values.ts";
import { parseKey } from "../core/security/api-keys.ts";
import { type Environment, flagOption, type Options, option, type ValuesOf } from "../options.ts";
import { readPasswordFile } from "../starting/password.ts";
import { type Call, type Command, command, type Definition, LocalError } from "./command.ts";
import { findLocalServers, type LocalAccess } from "./local-access.ts";
import { oneOfTheSwarm } from "./local-choice.ts";

const CONNECTION_OPTIONS = {
  server: option(
    {
      flag: "server",
      env: "FSDFS_SERVER",
      placeholder: "URL",
      excludes: ["data"],
      defaultText: `the one on this machine, else http://127.0.0.1:${HTTP_PORT}`,
      help: "The server to ask; any of the swarm.",
    },
    serverUrl,
    undefined,
  ),
  key: option(
    {
      flag: "key",
      env: "FSDFS_KEY",
      placeholder: "KEY",
      excludes: ["password", "password-file"],
      help: "A key made by fsdfs key create. The server on this machine needs none.",
    },
    wholeKey,
    undefined,
  ),
  password: option(
    {
      flag: "password",
      env: "FSDFS_PASSWORD",
      placeholder: "PASSWORD",
      excludes: ["key", "password-file"],
      help: "The swarm's password, instead of a key. Other users of this machine can see it with ps.",
    },
    passwordText,
    undefined,
  ),
  passwordFile: option(
    {
      flag: "password-file",
      env: "FSDFS_PASSWORD_FILE",
      placeholder: "FILE",
      excludes: ["key", "password"],
      help: "Reads the password from the first line of a file.",
    },
    absolutePath,
    undefined,
  ),
  data: option(
    {
      flag: "data",
      env: "FSDFS_DATA",
      placeholder: "DIR",
      excludes: ["server"],
      help: "Asks the server that runs on this data directory.",
    },
    absolutePath,
    undefined,
  ),
  ca: option(
    {
      flag: "ca",
      env: "FSDFS_CA",
      placeholder: "FILE",
      help: "Certificates, in PEM, of servers or authorities to trust besides those that are known. The server on this machine needs none.",
    },
    absolutePath,
    undefined,
  ),
  json: flagOption({ flag: "json", help: "Writes JSON, as docs/API.md describes it." }),
};

export type ConnectionValues = ValuesOf<typeof CONNECTION_OPTIONS>;

/** A command that asks a server. Its client is closed when it is done. */
export function clientCommand<O extends Options>(
  definition: Omit<Definition<O>, "run"> & {
    readonly run: (call: Call<O & typeof CONNECTION_OPTIONS> & { client: Client }) => Promise<number | undefined>;
  },
): Command {
  const options: O & typeof CONNECTION_OPTIONS = { ...definition.options, ...CONNECTION_OPTIONS };
  return command({
    ...definition,
    options,
    run: async (call) => {
      const client = await connect(call.values as ConnectionValues, call.context.environment);
      try {
        return await definition.run({ ...call, client });
      } finally {
        client.close();
      }
    },
  });
}

async function connect(values: ConnectionValues, environment: Environment): Promise<Client> {
  const given = await givenCredential(values);
  const authorities = values.ca === undefined ? undefined : await readCertificates(values.ca);
  const locals = await findLocalServers(environment, values.data);
  if (values.data !== undefined && locals.length === 0 && values.server === undefined) {
    throw new LocalError(
      `No server of yours runs on ${values.data}.`,
      "Start it (fsdfs start), name a server with --server, or run this as the user who started it.",
    );
  }
  const local =
    values.server === undefined ? oneOfTheSwarm(locals) : locals.find((each) => sameServer(each.url, values.server));
  const own = await trustOf(local);
  return createClient({
    url: values.server ?? local?.url ?? `http://127.0.0.1:${HTTP_PORT}`,
    credential: given ?? localCredential(local),
    trust: { ...own, ...(authorities && { authorities }) },
  });
}

/** By which the server on this machine is known, when it speaks HTTPS. */
export async function trustOf(local: LocalAccess | undefined): Promise<Trust> {
  // One that is just being replaced is not there to be read.
  const own = local?.certificateFile && (await readCertificates(local.certificateFile).catch(() => undefined));
  return own ? { own } : {};
}

/** @throws LocalError */
async function readCertificates(file: string): Promise<string> {
  try {
    const text = await readFile(file, "utf8");
    new X509Certificate(text);
    return text;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LocalError(`${file} holds no certificate in PEM that can be read: ${reason}.`, "Check --ca.", {
      cause: error,
    });
  }
}

/** As it was made: what is not cannot be sent, or is another's secret. It is not shown. */
function wholeKey(text: string): string {
  if (parseKey(text) === undefined) throw new Error("it is no key, which has 59 characters as in fsdfs_0123…");
  return text;
}

async function givenCredential(values: ConnectionValues): Promise<ClientCredential | undefined> {
  if (values.key !== undefined) return { kind: "key", secret: values.key };
  const password =
    values.password ?? (values.passwordFile === undefined ? undefined : await readPasswordFile(values.passwordFile));
  if (password === undefined) return undefined;
  // Loaded only now: most commands never stretch a password.
  const { requestKeyFromPassword } = await import("../client/request-key.ts");
  return { kind: "signing", requestKey: await requestKeyFromPassword(password) };
}

function localCredential(local: LocalAccess | undefined): ClientCredential {
  return local === undefined ? { kind: "none" } : { kind: "signing", requestKey: local.requestKey };
}

/** "host", "host:port" or a URL, as people give it. */
export function serverUrl(text: string): string {
  const url = URL.parse(/^https?:\/\//.test(text) ? text : `http://${text}`);
  if (url === null || url.hostname === "" || url.pathname !== "/" || url.search !== "") {
    throw new Error(`'${text}' is not a server's URL such as http://10.0.0.7:${HTTP_PORT}`);
  }
  const hasPort = url.port !== "" || /^https?:\/\//.test(text);
  return hasPort ? url.origin : `${url.origin}:${HTTP_PORT}`;
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** A local key is only ever sent to the server it belongs to. */
function sameServer(a: string, b: string | undefined): boolean {
  const [left, right] = [URL.parse(a), URL.parse(b ?? "")];
  if (left === null || right === null || left.protocol !== right.protocol || left.port !== right.port) return false;
  const loopback = LOOPBACK.includes(left.hostname) && LOOPBACK.includes(right.hostname);
  return loopback || left.hostname === right.hostname;
}
