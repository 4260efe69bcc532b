/** What the demo plays: a swarm that begins with one server, grows, loses one, and gets it back. */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "../../client/client.ts";
import { FsdfsError } from "../../errors.ts";
import { LocalError } from "../command.ts";
import { count, formatSeconds, formatSize } from "../output.ts";
import { patiently, unlessPassing } from "./patience.ts";
import type { Screen } from "./screen.ts";
import type { Song } from "./songs.ts";
import type { DemoServer, DemoSwarm } from "./swarm.ts";
import { copiesUp, describe, isAtRest, type Snapshot } from "./view.ts";

const DIRECTORY = "songs";
const FRAME_MS = 150;
/** Without a table to look at, a line now and then. */
const LINE_MS = 1_000;
/** A copying that takes this long can be watched; the disk alone would be done at once. */
const WATCHED_S = 3.5;
const PULL_RATE_MIN = 200_000;
const PUTS_AT_ONCE = 4;
/** Put while a server is gone. */
const LATER_SONGS = 4;
/** For the eye to find what has changed. */
const PAUSE_MS = 1_200;
const BACK_AFTER_MS = 4_000;
const AGAIN = "Try it again.";

export class Story {
  readonly #swarm: DemoSwarm;
  readonly #screen: Screen;
  readonly #paths: string[] = [];
  #servers: DemoServer[] = [];
  #snapshot: Snapshot = { servers: [], files: 0, songs: [] };
  #saidAt = 0;
  #said = "";

  constructor(swarm: DemoSwarm, screen: Screen) {
    this.#swarm = swarm;
    this.#screen = screen;
  }

  /** Up to the swarm at rest with all servers back. Answers them, and where the songs are. */
  async play(
    music: readonly Song[] | Promise<readonly Song[]>,
  ): Promise<{ servers: readonly DemoServer[]; paths: readonly string[] }> {
    const alpha = await this.#swarm.start("alpha", []);
    this.#servers = [alpha];
    const songs = await music;
    const later = songs.slice(-Math.min(LATER_SONGS, Math.floor(songs.length / 2)));
    const first = songs.slice(0, songs.length - later.length);
    await this.#grow(alpha, first);
    await this.#lose(first, later);
    await this.#comeBack(later);
    return { servers: this.#servers, paths: this.#paths };
  }

  /** Shows the swarm for ever, and starts a server again that somebody has killed. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look();
      const gone = this.#servers.find((each) => !each.running());
      if (gone !== undefined) {
        this.#screen.say(`${gone.name} has ended. It is started again in ${BACK_AFTER_MS / 1000} s.`);
        await this.#lookWhile(delay(BACK_AFTER_MS));
        this.#replace(gone, await this.#lookWhile(this.#swarm.restart(gone)));
        this.#screen.say(`${gone.name} is back.`);
      }
      await delay(FRAME_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #grow(alpha: DemoServer, songs: readonly Song[]): Promise<void> {
    const bytes = songs.reduce((sum, song) => sum + song.bytes.length, 0);
    await this.#put(alpha, songs);
    this.#say(`1. A server, alpha, is alone. It is given ${count(songs.length, "song")}, ${formatSize(bytes)}.`);
    await this.#look();
    const rate = Math.max(PULL_RATE_MIN, Math.round(bytes / WATCHED_S));
    this.#say("2. Two more servers are started, beta and gamma. They know alpha's address and the password.");
    this.#servers.push(...(await Promise.all(["beta", "gamma"].map((name) => this.#swarm.start(name, [alpha], rate)))));
    await this.#rest();
  }

  async #lose(earlier: readonly Song[], later: readonly Song[]): Promise<void> {
    const [alpha, beta, gamma] = this.#servers;
    if (alpha === undefined || beta === undefined || gamma === undefined) throw new Error("there are three servers");
    await this.#pause();
    await gamma.kill();
    this.#say(`3. gamma is killed: kill -9 ${gamma.pid}. The others go on.`);
    await this.#until("gamma is seen to be down", () =>
      this.#snapshot.servers.some(({ name, state }) => name === gamma.name && state !== "up"),
    );
    await this.#put(beta, later);
    await this.#look();
    const songs = [...earlier, ...later];
    await Promise.all([alpha, beta].map((server) => this.#readAll(server, songs)));
    this.#say(
      `   ${count(later.length, "more song")} put; all ${songs.length} read through alpha and through beta, every byte right.`,
    );
    await this.#pause();
  }

  async #comeBack(later: readonly Song[]): Promise<void> {
    const gamma = this.#servers.find((each) => !each.running());
    if (gamma === undefined) return;
    this.#say(`4. gamma is started again. It has its songs, and copies the ${later.length} that it missed.`);
    this.#replace(gamma, await this.#lookWhile(this.#swarm.restart(gamma)));
    await this.#rest();
  }

  async #rest(): Promise<void> {
    const began = performance.now();
    await this.#until("the swarm is at rest", () => isAtRest(this.#snapshot, this.#servers.length));
    const took = formatSeconds(performance.now() - began);
    this.#say(`   at rest: ${this.#paths.length} songs, each on ${this.#servers.length} servers, after ${took}`);
  }

  async #put(server: DemoServer, songs: readonly Song[]): Promise<void> {
    const waiting = [...songs];
    const work = async () => {
      for (let song = waiting.shift(); song !== undefined; song = waiting.shift()) {
        const { name, bytes } = song;
        const path = `${DIRECTORY}/${name}`;
        await this.#ask(server, `${server.name} takes ${path}`, (client) => client.put(path, bytes));
        this.#paths.push(path);
      }
    };
    await Promise.all(Array.from({ length: PUTS_AT_ONCE }, work));
    this.#paths.sort();
  }

  #replace(gone: DemoServer, back: DemoServer): void {
    this.#servers = this.#servers.map((each) => (each === gone ? back : each));
  }

  #say(text: string): void {
    this.#screen.say(text);
    this.#saidAt = performance.now();
  }

  async #readAll(server: DemoServer, songs: readonly Song[]): Promise<void> {
    for (const { name, bytes } of songs) {
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      await this.#ask(server, `${name} is read through ${server.name}`, async (client) => {
        const { body } = await client.get(`${DIRECTORY}/${name}`, { sha256 });
        for await (const _ of body);
        return server;
      });
    }
  }

  /** Again while it fails for a passing reason, and the server lives. */
  async #ask(server: DemoServer, what: string, work: (client: Client) => Promise<object>): Promise<void> {
    const attempt = () => (server.running() ? unlessPassing(() => work(server.client)) : work(server.client));
    await patiently(attempt, { what, pauseMs: FRAME_MS, sign: () => this.#sign() });
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    const attempt = async () => {
      // After Ctrl-C nobody waits for this any more, and the process would not end.
      if (!this.#servers.some(({ running }) => running()))
        throw new LocalError("The demo's servers have ended.", AGAIN);
      await this.#look();
      return condition() || undefined;
    };
    await patiently(attempt, { what, pauseMs: FRAME_MS, sign: () => summary(this.#snapshot, true) });
  }

  async #sign(): Promise<string> {
    await this.#look();
    return summary(this.#snapshot, true);
  }

  async #pause(): Promise<void> {
    if (this.#screen.live) await this.#lookWhile(delay(PAUSE_MS));
  }

  async #lookWhile<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const ended = work.finally(() => {
      done = true;
    });
    ended.catch(() => undefined);
    while (!done) {
      await this.#look();
      await Promise.race([ended.then(nothing, nothing), delay(FRAME_MS)]);
    }
    return await ended;
  }

  /** As the first server sees it that answers. */
  async #look(): Promise<void> {
    for (const { client, running } of this.#servers) {
      if (!running()) continue;
      try {
        const [servers, status, songs] = await Promise.all([
          client.servers(),
          client.status(),
          client.locateMany(this.#paths),
        ]);
        const sorted = [...servers].sort((a, b) => (a.name < b.name ? -1 : 1));
        this.#snapshot = { servers: sorted, files: status.files, songs };
        break;
      } catch (error) {
        if (!(error instanceof FsdfsError)) throw error;
      }
    }
    this.#screen.show(describe(this.#snapshot, this.#screen));
    const line = summary(this.#snapshot);
    if (this.#screen.live || line === this.#said || performance.now() - this.#saidAt < LINE_MS) return;
    this.#said = line;
    this.#say(`   ${line}`);
  }
}

const nothing = () => undefined;

/** "alpha 36, beta 12, gamma down; 12 songs on 2 servers, 24 on 1". @param whole with all that shows copies on their way */
function summary({ servers, songs }: Snapshot, whole = false): string {
  const each = servers.map(({ name, state, files, pulls, quota }) => {
    const more = whole ? ` (${quota.used} bytes, ${count(pulls, "pull")})` : "";
    return `${name} ${state === "up" ? files : state}${more}`;
  });
  const copies = songs.map(copiesUp);
  const counts = [...new Set(copies)].sort((a, b) => b - a);
  const told = counts.map((number) => `${copies.filter((one) => one === number).length} on ${number}`);
  return `${each.join(", ")}; songs: ${told.join(", ")}`;
}
