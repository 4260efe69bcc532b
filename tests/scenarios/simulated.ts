/** The stage's machinery on simulated machines: simulated time, disks and network, and the server as it is composed. */
import { MemoryFabric } from "../../src/adapters/memory/fabric.ts";
import { DATA_PATH, outsideName } from "../../src/adapters/memory/sources.ts";
import { authorization, type ClientCredential } from "../../src/client/credentials.ts";
import { deriveTokenKeys, SWARM_KEY_BYTES } from "../../src/core/security/tokens.ts";
import { readCredential } from "../../src/gateways/http/credentials.ts";
import { composeServer } from "../../src/main.ts";
import type { AdoptEvent, Face } from "../../src/server/face.ts";
import { withBugsReported } from "../simulation/bugs.ts";
import { sha256Of } from "../simulation/content.ts";
import { HTTP_PORT, Machine, SWARM_PORT } from "../simulation/machine.ts";
import { World } from "../simulation/world.ts";
import type { Api, DiskFile, Machinery, Outsider, Secret, ServerSettings } from "./machinery.ts";

const PASSWORD = "simulated password";
const GRACE_MS = 600_000;
/** Time-outs, backoffs and catching up are over by then. */
const PATIENCE_MS = 120_000;
/** Scenarios with a hundred servers look at each of them every time. */
const PAUSE_MS = 200;
/** Longer than a server leaves a copy alone that it gave up, or another one that refused a copy. */
const QUIET_MS = 75_000;
const ASK_TIMEOUT_MS = 20_000;
const ADOPT_TIMEOUT_MS = 600_000;
const BESIDE = "/library";
/** No scenario takes longer; what has not ended by then hangs. */
const STORY_LIMIT_MS = 4 * 3_600_000;
const LATENCY_MS = 0.5;
const STAGED = ".fsdfs/staged";

export function simulatedMachinery(seed: number): Machinery {
  return new SimulatedMachinery(seed);
}

class SimulatedMachinery implements Machinery {
  readonly kind = "simulated";
  readonly password = PASSWORD;
  readonly graceMs = GRACE_MS;
  readonly patienceMs = PATIENCE_MS;
  readonly quietMs = QUIET_MS;
  readonly #world: World;
  readonly #fabric: MemoryFabric;
  readonly #machines = new Map<string, Machine>();
  readonly #published = new Map<string, string>();

  constructor(seed: number) {
    this.#world = new World(seed);
    this.#fabric = new MemoryFabric(() => this.#world.nowMs, { latencyMs: LATENCY_MS, bytesPerMs: 125_000 });
  }

  nowMs(): number {
    return this.#world.nowMs;
  }

  pause(): Promise<void> {
    return this.#world.sleep(PAUSE_MS);
  }

  async start(name: string, settings: ServerSettings): Promise<void> {
    let machine = this.#machines.get(name);
    if (machine === undefined) {
      machine = this.#newMachine(name, settings);
      this.#machines.set(name, machine);
    }
    machine.change(settings);
    machine.start();
    while (!machine.serving) await this.pause();
  }

  stop(name: string): Promise<void> {
    return this.#machine(name).shutdown();
  }

  async kill(name: string): Promise<void> {
    this.#machine(name).crash();
  }

  api(name: string): Api {
    const ask = <T>(call: (face: Face) => Promise<T>) => this.#machine(name).ask(call, ASK_TIMEOUT_MS);
    return {
      put: (path, text) => ask((face) => face.put(path, once(text), { sizeBytes: Buffer.byteLength(text) })),
      putFrom: async (path, url) => {
        const text = this.#published.get(url);
        if (text === undefined) throw new Error(`${url}: status 404`);
        await ask((face) => face.put(path, once(text), { sizeBytes: Buffer.byteLength(text) }));
      },
      read: (path) => ask((face) => readText(face, path)),
      remove: (path) => ask((face) => face.remove(path)),
      locate: (paths) => ask((face) => face.locate(paths)),
      drop: (path) => ask((face) => face.drop(path)),
      status: () => ask((face) => face.status()),
      servers: () => ask((face) => face.servers()),
      health: () => ask(async (face) => face.health()),
      createKey: (keyName, scope) => ask((face) => face.createKey(keyName, scope)),
      setPolicy: async (source) => {
        await ask((face) => face.setPolicy(new TextEncoder().encode(source)));
      },
      resetPolicy: () => ask((face) => face.resetPolicy()),
    };
  }

  /** Says who it is as a client does, header by header; the gateway's other checks are the live scenario's. */
  outsider(name: string, secret: Secret): Outsider {
    const machine = this.#machine(name);
    const credential: ClientCredential =
      "key" in secret
        ? { kind: "key", secret: secret.key }
        : { kind: "signing", requestKey: deriveTokenKeys(stretched(secret.password)).request };
    const admitted = <T>(method: string, target: string, call: (face: Face) => Promise<T>) =>
      machine.ask(async (face) => {
        const header = authorization(credential, method, target, machine.wallMs()) ?? "";
        await face.authenticate(readCredential({ authorization: header }), { method, target });
        return await call(face);
      }, ASK_TIMEOUT_MS);
    return {
      status: () => admitted("GET", "/status", (face) => face.status()),
      locate: async (path) => (await admitted("POST", "/locate", (face) => face.locate([path])))[0],
      remove: (path) => admitted("DELETE", `/files/${path}`, (face) => face.remove(path)),
    };
  }

  /** What fetches is the gateway: here its result is put. */
  async publish(path: string, text: string): Promise<string> {
    const url = `http://outside.example/${path}`;
    this.#published.set(url, text);
    return url;
  }

  async disk(name: string): Promise<ReadonlyMap<string, DiskFile>> {
    const files = this.#machine(name)
      .files.tree()
      .filter(({ name: path, type }) => type === "file" && !path.startsWith(".fsdfs/"));
    return new Map(
      files.map(({ name: path, content, stat }) => {
        const identity = `${stat.inode} ${stat.modifiedNs}`;
        return [path, { text: Buffer.from(content).toString(), identity }];
      }),
    );
  }

  async breakDisk(name: string): Promise<void> {
    const { files } = this.#machine(name);
    files.renameExternally(STAGED, `${STAGED}-away`);
    files.writeExternally(STAGED, new Uint8Array(0));
  }

  async mendDisk(name: string): Promise<void> {
    const { files } = this.#machine(name);
    files.removeExternally(STAGED);
    files.renameExternally(`${STAGED}-away`, STAGED);
  }

  async removeFromDisk(name: string, path: string): Promise<void> {
    this.#machine(name).files.removeExternally(path);
  }

  async writeToDisk(name: string, path: string, text: string): Promise<void> {
    this.#machine(name).files.writeExternally(path, bytesOf(text));
  }

  async writeBeside(name: string, path: string, text: string): Promise<void> {
    this.#machine(name).files.writeExternally(outsideName(`${BESIDE}/${path}`), bytesOf(text));
  }

  async adopt(name: string, directory: string, to?: string) {
    const [path, options] =
      to === undefined ? [`${DATA_PATH}/${directory}`, {}] : [`${BESIDE}/${directory}`, { local: true, to }];
    const told = await this.#machine(name).ask(async (face) => {
      let last: AdoptEvent | undefined;
      for await (const event of face.adopt(path, { local: false, ...options })) last = event;
      return last;
    }, ADOPT_TIMEOUT_MS);
    if (told?.kind !== "done") throw new Error("the adoption did not come to its end");
    return { adopted: told.adopted, present: told.present, skipped: told.skipped };
  }

  async play(story: () => Promise<void>): Promise<void> {
    const world = this.#world;
    let outcome: { readonly error?: unknown } | undefined;
    await withBugsReported(world, async () => {
      story().then(
        () => {
          outcome = {};
        },
        (error: unknown) => {
          outcome = { error };
        },
      );
      await world.run(STORY_LIMIT_MS, () => outcome !== undefined);
    });
    if (outcome === undefined) throw new Error("the story does not end");
    if (outcome.error !== undefined) throw outcome.error;
    const [failure] = world.failures;
    if (failure) throw new Error(`unseen by the story: ${failure.rule}: ${failure.message}`);
  }

  async close(): Promise<void> {
    // Nothing of it is real.
  }

  #machine(name: string): Machine {
    const machine = this.#machines.get(name);
    if (machine === undefined) throw new Error(`there is no server ${name}`);
    return machine;
  }

  #newMachine(name: string, settings: ServerSettings): Machine {
    const host = `10.0.0.${this.#machines.size + 1}`;
    const first = this.#machines.values().next().value;
    return new Machine({
      world: this.#world,
      fabric: this.#fabric,
      name,
      host,
      password: PASSWORD,
      compose: composeServer,
      first: first === undefined,
      serverOptions: {
        ...settings,
        swarmKey: stretched(PASSWORD),
        zone: undefined,
        url: `http://${host}:${HTTP_PORT}`,
        httpPort: HTTP_PORT,
        join: [`${first?.host ?? host}:${SWARM_PORT}`],
        graceMs: GRACE_MS,
        pulls: 4,
        pullRate: undefined,
        serveRate: undefined,
        deletionsKeptMs: 24 * 3_600_000,
        scrubMs: undefined,
        trashKeptMs: 7 * 24 * 3_600_000,
        strict: false,
        redirect: "auto",
        publicRead: false,
        softwareVersion: "0.0.0-simulated",
      },
    });
  }
}

/** Stands for scrypt, which would take real time. */
function stretched(password: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(sha256Of(bytesOf(password)), "hex").subarray(0, SWARM_KEY_BYTES));
}

async function readText(face: Face, path: string): Promise<string> {
  const opened = await face.open(path, { redirect: "never" });
  if (opened.kind !== "content") throw new Error("redirected in spite of redirect: never");
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of opened.stream(0, opened.info.size)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString();
  } finally {
    await opened.close();
  }
}

async function* once(text: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield bytesOf(text);
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text));
}
