/** What every adapter of the Network port does: the same suite on the real one and on the simulated one. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FsdfsError } from "../../src/errors.ts";
import { HEAD_BYTES_MAX, NetworkError, RemoteError } from "../../src/ports/network.ts";
import { bodiesContract } from "./network-bodies.contract.ts";
import {
  aborted,
  ask,
  bytes,
  moment,
  type NetworkWorld,
  networkFailure,
  nothing,
  pair,
  text,
} from "./network-world.ts";

export function networkContract(adapter: string, createWorld: () => NetworkWorld): void {
  describe(`the Network port, ${adapter}`, () => {
    let world: NetworkWorld;
    beforeEach(() => {
      world = createWorld();
    });
    afterEach(() => world.end());
    const inWorld = (name: string, body: (world: NetworkWorld) => Promise<void>) =>
      it(name, () => world.run(() => body(world)));

    requestsContract(inWorld);
    connectingContract(inWorld);
    closingContract(inWorld);
    bodiesContract(inWorld);
  });
}

/** One test of the contract. */
export type InWorld = (name: string, body: (world: NetworkWorld) => Promise<void>) => void;

function requestsContract(inWorld: InWorld): void {
  inWorld("a request's method and head arrive, and the response's head comes back", async (world) => {
    const { connection } = await pair(world, async ({ method, head }) => ({ head: bytes(`${method}:${text(head)}`) }));
    expect(text((await ask(connection, "get-range", { head: bytes("äöü") })).head)).toBe("get-range:äöü");
    expect(text((await ask(connection, "ping")).head)).toBe("ping:");
  });

  inWorld("heads of some megabytes arrive whole both ways", async (world) => {
    const { connection } = await pair(world, async ({ head }) => ({ head: head.toReversed() }));
    const head = Uint8Array.from({ length: 5_000_000 }, (_, i) => (i * 7) % 253);
    const response = await ask(connection, "batch", { head });
    expect(Buffer.compare(response.head, head.toReversed())).toBe(0);
  });

  inWorld("the handler is told the caller's IP address", async (world) => {
    const { connection } = await pair(world, async ({ remoteAddress }) => ({ head: bytes(remoteAddress) }));
    expect(text((await ask(connection, "who")).head)).toMatch(/^(\d+\.\d+\.\d+\.\d+|[0-9a-f:]*:[0-9a-f:%a-z]*)$/);
  });

  inWorld("a handler's failure comes as RemoteError with code, message and parameters", async (world) => {
    const { connection } = await pair(world, async () => {
      throw new FsdfsError("file-not-found", { path: "/a/ö.ogg" });
    });
    const error = await ask(connection, "get").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({
      code: "file-not-found",
      message: new FsdfsError("file-not-found", { path: "/a/ö.ogg" }).message,
      params: { path: "/a/ö.ogg" },
    });
  });

  inWorld('a bug in a handler comes as "internal", without what it said', async (world) => {
    const { connection } = await pair(world, async () => {
      throw new TypeError("secret detail at /home/someone");
    });
    const error = await ask(connection, "get").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ code: "internal" });
    expect(String(error)).not.toContain("secret");
  });

  inWorld("a head over the limit is refused, and the connection goes on", async (world) => {
    const { connection } = await pair(world, async ({ head }) => ({ head }));
    const tooLarge = ask(connection, "echo", { head: new Uint8Array(HEAD_BYTES_MAX + 1) });
    expect(await networkFailure(tooLarge)).toBe("too-large");
    expect(text((await ask(connection, "echo", { head: bytes("still here") })).head)).toBe("still here");
  });

  inWorld("1,000 requests at once are each answered with their own answer", async (world) => {
    const allIn = moment();
    let arrived = 0;
    const { connection } = await pair(world, async ({ head }) => {
      if (++arrived === 1_000) allIn.now();
      await allIn.come;
      return { head };
    });
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => ask(connection, "echo", { head: bytes(`${i}`) })),
    );
    expect(answers.map(({ head }) => text(head))).toEqual(Array.from({ length: 1_000 }, (_, i) => `${i}`));
  });

  inWorld("a request that waits does not hold up those behind it", async (world) => {
    const release = moment();
    const { connection } = await pair(world, async ({ method }) => {
      if (method === "wait") await release.come;
      return { head: bytes(method) };
    });
    const waiting = ask(connection, "wait");
    expect(text((await ask(connection, "go")).head)).toBe("go");
    release.now();
    expect(text((await waiting).head)).toBe("wait");
  });

  inWorld("a request that is not answered in time ends with timeout, and its handler hears of it", async (world) => {
    const gone = moment();
    const { connection } = await pair(world, async ({ method, signal }) => {
      if (method === "hang") {
        await aborted(signal);
        gone.now();
      }
      return { head: nothing };
    });
    expect(await networkFailure(ask(connection, "hang", { timeoutMs: 50 }))).toBe("timeout");
    await gone.come;
    await ask(connection, "next");
  });

  inWorld("aborting a request rejects it as closed, and its handler hears of it", async (world) => {
    const begun = moment();
    const gone = moment();
    const { connection } = await pair(world, async ({ signal }) => {
      begun.now();
      await aborted(signal);
      gone.now();
      return { head: nothing };
    });
    const controller = new AbortController();
    const failure = networkFailure(ask(connection, "hang", { signal: controller.signal }));
    await begun.come;
    controller.abort();
    expect(await failure).toBe("closed");
    await gone.come;
    expect(await networkFailure(ask(connection, "never", { signal: controller.signal }))).toBe("closed");
  });

  inWorld("the signal of a request that was answered does not fire", async (world) => {
    const signals: AbortSignal[] = [];
    const { connection } = await pair(world, async ({ signal }) => {
      signals.push(signal);
      return { head: nothing };
    });
    await ask(connection, "one");
    await ask(connection, "two");
    await ask(connection, "three");
    expect(signals.slice(0, 2).map(({ aborted }) => aborted)).toEqual([false, false]);
  });

  inWorld("thousands of cancelled requests leave the connection whole", async (world) => {
    const { connection } = await pair(world, async ({ method, signal }) => {
      if (method === "hang") await aborted(signal);
      return { head: bytes("done") };
    });
    for (let round = 0; round < 5; round++) {
      const controller = new AbortController();
      const failures = Array.from({ length: 500 }, () =>
        networkFailure(ask(connection, "hang", { signal: controller.signal })),
      );
      await ask(connection, "mark");
      controller.abort();
      expect(new Set(await Promise.all(failures))).toEqual(new Set(["closed"]));
    }
    expect(text((await ask(connection, "after")).head)).toBe("done");
  });
}

function connectingContract(inWorld: InWorld): void {
  inWorld("two networks call each other over connections of their own, at once", async (world) => {
    const one = world.member();
    const two = world.member();
    const portOne = await one.listen(async () => ({ head: bytes("one") }));
    const portTwo = await two.listen(async () => ({ head: bytes("two") }));
    const toTwo = await one.connect(world.address(two, portTwo), "control");
    const toOne = await two.connect(world.address(one, portOne), "control");
    const bulkToOne = await two.connect(world.address(one, portOne), "bulk");
    const answers = await Promise.all([toTwo, toOne, bulkToOne].map((connection) => ask(connection, "name")));
    expect(answers.map(({ head }) => text(head))).toEqual(["two", "one", "one"]);
  });

  inWorld("connecting where nothing listens is refused", async (world) => {
    expect(await networkFailure(world.member().connect(await world.silentAddress(), "control"))).toBe("refused");
  });

  inWorld("connecting to a machine that is not there is unreachable or times out", async (world) => {
    const failure = await networkFailure(world.member().connect(world.unreachableAddress(), "control"));
    expect(["unreachable", "timeout"]).toContain(failure);
  });

  inWorld("another password is told as such, and disturbs nobody", async (world) => {
    const { address, connection } = await pair(world, async () => ({ head: bytes("member") }));
    expect(await networkFailure(world.stranger().connect(address, "control"))).toBe("wrong-password");
    expect(await networkFailure(world.stranger().connect(address, "bulk"))).toBe("wrong-password");
    expect(text((await ask(connection, "who")).head)).toBe("member");
    const another = await world.member().connect(address, "control");
    expect(text((await ask(another, "who")).head)).toBe("member");
  });

  inWorld("a port that is taken is told as such, and its holder goes on", async (world) => {
    const holder = world.member();
    const port = await holder.listen(async () => ({ head: bytes("holder") }));
    const rival = world.rival(holder, port);
    expect(await networkFailure(rival.listen(async () => ({ head: bytes("rival") })))).toBe("port-in-use");
    const connection = await world.member().connect(world.address(holder, port), "control");
    expect(text((await ask(connection, "who")).head)).toBe("holder");
  });
}

function closingContract(inWorld: InWorld): void {
  inWorld("closing a connection ends its requests on both sides, and no other connection", async (world) => {
    const begun = moment();
    const gone = moment();
    const { address, client, connection } = await pair(world, async ({ method, signal }) => {
      if (method === "hang") {
        begun.now();
        await aborted(signal);
        gone.now();
      }
      return { head: bytes("here") };
    });
    const other = await client.connect(address, "bulk");
    const failure = networkFailure(ask(connection, "hang"));
    await begun.come;
    connection.close();
    expect(await failure).toBe("closed");
    expect(await connection.closed).toBeInstanceOf(NetworkError);
    await gone.come;
    expect(await networkFailure(ask(connection, "more"))).toBe("closed");
    expect(text((await ask(other, "who")).head)).toBe("here");
  });

  inWorld("closing the answering network ends its connections and frees its port", async (world) => {
    const begun = moment();
    const { server, address, connection, client } = await pair(world, async ({ signal }) => {
      begun.now();
      await aborted(signal);
      return { head: nothing };
    });
    const failure = networkFailure(ask(connection, "hang"));
    await begun.come;
    await server.close();
    expect(await failure).toBe("closed");
    expect((await connection.closed).code).toBe("closed");
    expect(await networkFailure(client.connect(address, "control"))).toBe("refused");
  });

  inWorld("closing the calling network ends what it asked, and it connects no more", async (world) => {
    const begun = moment();
    const gone = moment();
    const { client, address, connection } = await pair(world, async ({ signal }) => {
      begun.now();
      await aborted(signal);
      gone.now();
      return { head: nothing };
    });
    const failure = networkFailure(ask(connection, "hang"));
    await begun.come;
    await client.close();
    expect(await failure).toBe("closed");
    await gone.come;
    expect(await networkFailure(client.connect(address, "control"))).toBe("closed");
  });
}
