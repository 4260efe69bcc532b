/** A server that runs in this program, with what the program is given of it. */
import type { Client } from "../client/client.ts";
import type { RunningServer } from "../main.ts";
import type { StartOptions } from "../start-options.ts";
import { localUrl } from "../starting/local-url.ts";
import { ServerEventSource } from "./events.ts";
import { ownClient } from "./own-client.ts";
import type { StartedServer } from "./started-server.ts";

class ServerInProgram extends ServerEventSource implements StartedServer {
  readonly name: string;
  readonly id: string;
  readonly url: string;
  readonly port: number;
  readonly swarmPort: number;
  readonly data: string;
  readonly client: Client;
  readonly #running: RunningServer;
  readonly #password: string;
  readonly #ending: AbortController;
  #stopping: Promise<void> | undefined;

  constructor(running: RunningServer, options: StartOptions, client: Client) {
    const { server: id, swarmPort } = running.server.face.health();
    const ending = new AbortController();
    super(running.server, id, ending.signal);
    this.#ending = ending;
    this.#running = running;
    this.#password = options.password;
    this.id = id;
    this.name = options.name;
    this.url = options.url ?? localUrl(options, running.port);
    this.port = running.port;
    this.swarmPort = swarmPort;
    this.data = options.data;
    this.client = client;
  }

  /** Not a member of its own, so that whoever prints the server does not print it. */
  get password(): string {
    return this.#password;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#ending.abort();
    this.client.close();
    await this.#running.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export async function startedServer(running: RunningServer, options: StartOptions): Promise<StartedServer> {
  const client = await ownClient({
    url: localUrl(options, running.port),
    password: options.password,
    localSecret: running.localSecret,
    certificateFile: options.tls?.cert,
  });
  return new ServerInProgram(running, options, client);
}
