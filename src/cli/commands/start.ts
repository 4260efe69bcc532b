/** `fsdfs start`: runs a server until it is told to stop. */
import { networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { DATA_DIRECTORY, START_OPTIONS, type StartValues } from "../../config.ts";
import type { JoinAddress } from "../../config-values.ts";
import { FsdfsError } from "../../errors.ts";
import { flagOption } from "../../options.ts";
import { type StartOptions, startOptions } from "../../start-options.ts";
import { swarmAddressOf } from "../../starting/ask-health.ts";
import { checkDataDirectory, makeDataDirectory, rememberDataDirectory } from "../../starting/data-directories.ts";
import { inUrl, isWildcard, localUrl } from "../../starting/local-url.ts";
import { type ChosenPassword, choosePassword, isWeak, keepPassword, passwordFile } from "../../starting/password.ts";
import { softwareVersion } from "../../starting/version.ts";
import { type Context, command, LocalError } from "../command.ts";
import { readLocalAccess, removeLocalAccess, writeLocalAccess } from "../local-access.ts";
import { quoted } from "../output.ts";
import { processMark } from "../process-mark.ts";

/** A supervisor that sends SIGTERM gets its exit code within 5 s, come what may. */
const STOP_TIMEOUT_MS = 4_800;
const HEALTH_TIMEOUT_MS = 2_000;

export const start = command({
  name: "start",
  summary: "Starts a server.",
  usage: "",
  details:
    "Without options it makes a swarm of its own with a new password, or, with the password of a swarm on the same LAN, joins that. What it prints is all that the next server needs.",
  options: {
    ...START_OPTIONS,
    detach: flagOption({
      flag: "detach",
      help: "Runs it in the background, with a log file: see fsdfs logs, fsdfs stop. This comes back when it serves, or says why it does not.",
    }),
  },
  positionals: [0, 0],
  run: async ({ args, values, context }) => {
    context.outlivesOutput(); // A server does not fall because nobody reads what it prints.
    await prepareDataDirectory(values, context);
    if (!values.detach || context.background !== undefined) return await runServer(values, context);
    const { startInBackground } = await import("../background.ts");
    return await startInBackground(args, values.data, context);
  },
});

async function runServer(values: StartValues, context: Context): Promise<number> {
  const chosen = await choosePassword(values);
  warnOfPassword(chosen, context);
  const options = startOptions(values, {
    password: chosen.password,
    join: await Promise.all(values.join.map((address) => swarmAddress(address, context))),
    softwareVersion: softwareVersion(),
  });
  const interrupted = Promise.withResolvers<void>();
  let interrupts = 0;
  context.onInterrupt(() => {
    interrupts++;
    // The second time somebody means it. Nothing acknowledged is lost: a kill is what everything here is made for.
    if (interrupts > 1) process.exit(130);
    interrupted.resolve();
  });
  // Loaded only now: the other commands do without the server's libraries.
  const { startRealServer } = await import("../../main.ts");
  const server = await startRealServer(options);
  try {
    await leaveTraces(options, server.localSecret, context);
  } catch (error) {
    // Nobody on this machine would find it, not even to stop it.
    await stop(server, options, context);
    throw untraced(error);
  }
  context.out.write(greeting(options, chosen));
  context.background?.serving(options.data);
  await interrupted.promise;
  await stop(server, options, context);
  // Whatever still holds the event loop must not hold the machine's shutdown.
  process.exit(0);
}

async function stop(server: { stop(): Promise<void> }, options: StartOptions, context: Context): Promise<void> {
  context.err.write("fsdfs: stopping ...\n");
  const late = setTimeout(() => {
    context.err.write("fsdfs: it took too long to stop; what was under way is abandoned.\n");
    process.exit(1);
  }, STOP_TIMEOUT_MS);
  // One that stays names a process that has gone, and is taken for what it is.
  await removeLocalAccess(options.data).catch(() => undefined);
  await server.stop();
  clearTimeout(late);
}

function untraced(error: unknown): LocalError {
  const reason = error instanceof Error ? error.message : String(error);
  return new LocalError(
    `The server cannot leave in its data directory what the other commands find it by: ${reason}`,
    "It was stopped again. Is something in the way there, or is the disk full?",
    { cause: error },
  );
}

async function prepareDataDirectory(values: StartValues, context: Context): Promise<void> {
  if (!values.new) await checkDataDirectory(context.environment, values.data);
  await makeDataDirectory(values.data);
  const running = await readLocalAccess(values.data);
  // The lock that counts is the server's own; this only says it before anything else is tried. Without a mark it may be
  // any process that got the number.
  if (running?.mark !== undefined && running.pid !== process.pid) throw new FsdfsError("data-in-use");
}

function warnOfPassword({ password, source, changed }: ChosenPassword, context: Context): void {
  if (changed) {
    context.err.write(
      "fsdfs: this is another password than the last time on this data directory. Servers that still have the old one will not be reached.\n",
    );
  }
  if (source !== "made" && isWeak(password)) {
    context.err.write(
      "fsdfs: that password is weak: who records the servers' traffic can guess it. Without --password a strong one is made.\n",
    );
  }
}

/** A server tells its swarm port to who asks; while it is down it is taken to be the one after the HTTP port. */
async function swarmAddress(at: JoinAddress, context: Context): Promise<string> {
  try {
    return await swarmAddressOf(at, HEALTH_TIMEOUT_MS);
  } catch {
    context.err.write(`fsdfs: ${at.host}:${at.port} does not answer yet; this server goes on trying.\n`);
    return `${at.host}:${at.port + 1}`;
  }
}

/** For this machine's other commands, and for the next start. */
async function leaveTraces(options: StartOptions, localSecret: string, context: Context): Promise<void> {
  const { requestKeyFromPassword } = await import("../../client/request-key.ts");
  await keepPassword(options.data, options.password);
  await writeLocalAccess(options.data, {
    url: localUrl(options, options.port),
    certificateFile: options.tls?.cert,
    requestKey: await requestKeyFromPassword(options.password),
    localSecret,
    pid: process.pid,
    mark: processMark(process.pid),
    background: context.background !== undefined,
  });
  try {
    await rememberDataDirectory(context.environment, options.data);
  } catch (error) {
    // A read-only home is no reason not to serve; only S9's warning is lost.
    const reason = error instanceof Error ? error.message : String(error);
    context.err.write(`fsdfs: the data directory cannot be remembered outside of it: ${reason}\n`);
  }
}

function greeting(options: StartOptions, { password, source }: ChosenPassword): string {
  const url = options.url ?? `${scheme(options)}://${visibleHost(options.listen)}:${options.port}`;
  const data = options.data === resolve(DATA_DIRECTORY) ? "" : ` --data ${quoted(options.data)}`;
  const trusted = options.tls === undefined ? "" : `--cacert ${quoted(options.tls.cert)} `;
  const secret = source === "made" ? `--password ${password}` : "--password-file FILE";
  const join = `${visibleHost(options.listen)}:${options.port}`;
  const lines = [
    `fsdfs ${options.softwareVersion}, server "${options.name}", files in ${options.data}`,
    "",
    `  URL           ${url}`,
    `  Put a file    curl ${trusted}-H "Authorization: Bearer $(./fsdfs key create${data})" -T song.ogg ${url}/files/song.ogg`,
    `  Next server   ./fsdfs start ${secret}`,
    `  from afar     ./fsdfs start ${secret} --join ${join}`,
    "",
    `  The swarm's password stands in ${passwordFile(options.data)}`,
    "",
  ];
  return `${lines.join("\n")}\n`;
}

function scheme({ tls }: StartOptions): string {
  return tls === undefined ? "http" : "https";
}

/** The address that others most likely reach this machine by. */
function visibleHost(listen: string | undefined): string {
  if (listen !== undefined && !isWildcard(listen)) return inUrl(listen);
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return addresses.find((each) => !each.internal && each.family === "IPv4")?.address ?? "127.0.0.1";
}
