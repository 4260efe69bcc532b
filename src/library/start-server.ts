/**
 * A server in a program of one's own: what `fsdfs start` does, on the same composition (main.ts), without a process, signals,
 * a terminal, or anything else that is the program's business.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { StartValues } from "../config.ts";
import { FsdfsError } from "../errors.ts";
import { type RunningServer, startRealServer } from "../main.ts";
import type { Log } from "../ports/log.ts";
import { type StartOptions, startOptions } from "../start-options.ts";
import { swarmAddressOf } from "../starting/ask-health.ts";
import { checkDataDirectory, makeDataDirectory, rememberDataDirectory } from "../starting/data-directories.ts";
import { choosePassword, keepPassword } from "../starting/password.ts";
import { softwareVersion } from "../starting/version.ts";
import { logOf } from "./log.ts";
import { inWordsOfOptions, type StartServerOptions, valuesOf } from "./options.ts";
import { putInForce } from "./policy.ts";
import { startedServer } from "./server-in-program.ts";
import type { StartedServer } from "./started-server.ts";

const HEALTH_TIMEOUT_MS = 2000;
const READY_POLL_MS = 25;

/**
 * Resolves when the server belongs to its swarm and knows what that knows. A new one founds a swarm in two to four seconds, or
 * with `join` waits until one of those servers answers.
 *
 * @throws FsdfsError as `fsdfs start` does; nothing is left behind then
 */
export async function startServer(options: StartServerOptions = {}): Promise<StartedServer> {
  const values = valuesOf(options);
  options.signal?.throwIfAborted();
  const log = logOf(options.log, values.logLevel);
  const start = await resolved(values, options, log);
  const { policy, prefer, signal } = options;
  const functions = policy && { policy, prefer };
  const running = await startRealServer(start, { log, policy: functions }).catch((error: unknown) => {
    throw inWordsOfOptions(error);
  });
  let server: StartedServer | undefined;
  try {
    await keepPassword(start.data, start.password);
    if (options.remember) await rememberDataDirectory(process.env, start.data);
    server = await startedServer(running, start);
    await ready(running, signal);
    if (functions !== undefined) await putInForce(functions, server.client);
    return server;
  } catch (error) {
    await (server ?? running).stop();
    throw error;
  }
}

async function resolved(values: StartValues, options: StartServerOptions, log: Log): Promise<StartOptions> {
  if (options.remember && !values.new) await checkDataDirectory(process.env, values.data);
  await makeDataDirectory(values.data);
  const { password } = await choosePassword(values);
  const join = await Promise.all(values.join.map((address) => swarmAddress(address, log)));
  try {
    // Serving processes have a log of their own, at a place that is not the program's to choose.
    return { ...startOptions(values, { password, join, softwareVersion: softwareVersion() }), logLevel: "silent" };
  } catch (error) {
    throw inWordsOfOptions(error);
  }
}

/** As `fsdfs start` has it: one that is down is taken to have its swarm port behind its HTTP port. */
async function swarmAddress(at: StartValues["join"][number], log: Log): Promise<string> {
  try {
    return await swarmAddressOf(at, HEALTH_TIMEOUT_MS);
  } catch {
    log.warn("a server to join does not answer yet; it is tried again and again", { address: `${at.host}:${at.port}` });
    return `${at.host}:${at.port + 1}`;
  }
}

/** @throws the signal's reason; FsdfsError `server-removed` */
async function ready({ server }: RunningServer, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    const { status, name } = server.face.health();
    if (status === "ok") return;
    if (status === "removed") throw new FsdfsError("server-removed", { server: name });
    await delay(READY_POLL_MS);
  }
}
