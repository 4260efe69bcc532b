/** The part of the Network port's contract that is about bodies: whole, in order, no faster than they are read. */
import { expect } from "vitest";
import type { Bytes } from "../../src/core/catalog/kv.ts";
import type { Connection } from "../../src/ports/network.ts";
import type { InWorld } from "./network.contract.ts";
import {
  aborted,
  ask,
  bytes,
  digestOf,
  moment,
  networkFailure,
  nothing,
  pair,
  text,
  type WatchedBody,
  watchedBody,
} from "./network-world.ts";

const MB = 1_000_000;
/** A writer may be that far ahead of its reader: windows and queues, never a whole body. */
const AHEAD_BYTES_MAX = 48 * MB;

export function bodiesContract(inWorld: InWorld): void {
  wholeBodies(inWorld);
  backpressure(inWorld);
  brokenBodies(inWorld);
}

function wholeBodies(inWorld: InWorld): void {
  inWorld("a body of 100 MB comes down whole, its sender reusing one buffer (P4)", async (world) => {
    const sent = watchedBody(100 * MB);
    const { connection } = await pair(world, async () => ({ head: bytes("head"), body: sent.body }));
    const response = await ask(connection, "pull");
    expect(text(response.head)).toBe("head");
    expect(await digestOf(response.body)).toEqual({ sizeBytes: 100 * MB, digest: sent.digest() });
  });

  inWorld("a body of 100 MB goes up whole, its sender reusing one buffer (P4)", async (world) => {
    const { connection } = await pair(world, async ({ head, body }) => {
      const { sizeBytes, digest } = await digestOf(body);
      return { head: bytes(`${text(head)} ${sizeBytes} ${digest}`) };
    });
    const sent = watchedBody(100 * MB, 100_003);
    const response = await ask(connection, "put", { head: bytes("name"), body: sent.body });
    expect(text(response.head)).toBe(`name ${100 * MB} ${sent.digest()}`);
  });

  inWorld("a request and its response stream at the same time, chunk for chunk", async (world) => {
    const { connection } = await pair(world, async ({ body }) => ({ head: nothing, body }));
    const answered = [moment(), moment(), moment()];
    async function* conversation(): AsyncGenerator<Bytes> {
      for (const [i, answer] of answered.entries()) {
        yield bytes(`word ${i}`);
        await answer.come;
      }
    }
    const response = await ask(connection, "talk", { body: conversation() });
    const heard: string[] = [];
    for await (const chunk of response.body) {
      heard.push(text(chunk));
      answered[heard.length - 1]!.now();
    }
    expect(heard).toEqual(["word 0", "word 1", "word 2"]);
  });

  inWorld("bodies up and down at once, over one connection, do not mix", async (world) => {
    const { connection } = await pair(world, async ({ method, body }) => {
      if (method === "down") return { head: nothing, body: watchedBody(8 * MB, 70_001).body };
      return { head: bytes((await digestOf(body)).digest) };
    });
    const expected = await digestOf(watchedBody(8 * MB, 70_001).body);
    const work = Array.from({ length: 8 }, async (_, i) => {
      if (i % 2 === 0) return (await digestOf((await ask(connection, "down")).body)).digest;
      return text((await ask(connection, "up", { body: watchedBody(8 * MB, 70_001).body })).head);
    });
    expect(await Promise.all(work)).toEqual(Array.from({ length: 8 }, () => expected.digest));
  });

  inWorld("a body without bytes, and one with empty chunks, end as they should", async (world) => {
    async function* chunks(...of: string[]): AsyncGenerator<Bytes> {
      for (const chunk of of) yield bytes(chunk);
    }
    const { connection } = await pair(world, async ({ body }) => {
      const { sizeBytes } = await digestOf(body);
      return { head: bytes(`${sizeBytes}`), body: chunks("", "ab", "", "c") };
    });
    for (const [body, size] of [
      [chunks(), 0],
      [chunks(""), 0],
      [chunks("", "xyz", ""), 3],
    ] as const) {
      const response = await ask(connection, "put", { body });
      expect(text(response.head)).toBe(`${size}`);
      expect((await digestOf(response.body)).sizeBytes).toBe(3);
    }
    const without = await ask(connection, "put");
    expect(text(without.head)).toBe("0");
  });
}

function backpressure(inWorld: InWorld): void {
  inWorld("a reader that stops stops the sender of the response, and no other request", async (world) => {
    const sent = watchedBody(400 * MB);
    const { connection } = await pair(world, async ({ method }) =>
      method === "pull" ? { head: nothing, body: sent.body } : { head: nothing },
    );
    const reading = (await ask(connection, "pull")).body[Symbol.asyncIterator]();
    await reading.next();
    await untilStill(connection, sent);
    expect(sent.sentBytes).toBeLessThan(AHEAD_BYTES_MAX);
    await reading.return?.();
    await sent.ended;
  });

  inWorld("a handler that stops reading stops the sender of the request, and no other request", async (world) => {
    const begun = moment();
    const release = moment();
    const { connection } = await pair(world, async ({ method, body }) => {
      if (method !== "put") return { head: nothing };
      await body[Symbol.asyncIterator]().next();
      begun.now();
      await release.come;
      return { head: bytes("enough") };
    });
    const sent = watchedBody(400 * MB);
    const answer = ask(connection, "put", { body: sent.body });
    await begun.come;
    await untilStill(connection, sent);
    expect(sent.sentBytes).toBeLessThan(AHEAD_BYTES_MAX);
    release.now();
    expect(text((await answer).head)).toBe("enough");
    await sent.ended;
    expect(sent.sentBytes).toBeLessThan(AHEAD_BYTES_MAX);
  });
}

/** Round trips until the body has stood still for a hundred of them, or went beyond what is allowed. */
async function untilStill(connection: Connection, sent: WatchedBody): Promise<void> {
  for (let seenBytes = -1, still = 0; still < 100 && sent.sentBytes < AHEAD_BYTES_MAX; ) {
    await ask(connection, "ping");
    still = sent.sentBytes === seenBytes ? still + 1 : 0;
    seenBytes = sent.sentBytes;
  }
}

function brokenBodies(inWorld: InWorld): void {
  inWorld("leaving a response's body cancels it: its sender lets go, its handler hears of it", async (world) => {
    const sent = watchedBody(400 * MB);
    const gone = moment();
    const { connection } = await pair(world, async ({ method, signal }) => {
      if (method !== "pull") return { head: nothing };
      void aborted(signal).then(gone.now);
      return { head: nothing, body: sent.body };
    });
    for await (const chunk of (await ask(connection, "pull")).body) {
      if (chunk.length > 0) break;
    }
    await sent.ended;
    await gone.come;
    await ask(connection, "ping");
  });

  inWorld("aborting while the response's body is read ends the reading with an error", async (world) => {
    const sent = watchedBody(400 * MB);
    const { connection } = await pair(world, async () => ({ head: nothing, body: sent.body }));
    const controller = new AbortController();
    const { body } = await ask(connection, "pull", { signal: controller.signal });
    const reading = (async () => {
      for await (const chunk of body) if (chunk.length > 0) controller.abort();
    })();
    expect(await networkFailure(reading)).toBe("closed");
    await sent.ended;
  });

  inWorld(
    "a request whose body fails rejects with that failure, and never looks whole to the handler (P4)",
    async (world) => {
      const outcome = moment<string>();
      const { connection } = await pair(world, async ({ method, body }) => {
        if (method === "put") {
          const failure = networkFailure(digestOf(body));
          outcome.now(await failure);
        }
        return { head: nothing };
      });
      async function* failing(): AsyncGenerator<Bytes> {
        yield bytes("half of it");
        throw new Error("the disk failed");
      }
      await expect(ask(connection, "put", { body: failing() })).rejects.toThrow("the disk failed");
      expect(await outcome.come).toBe("closed");
      await ask(connection, "ping");
    },
  );

  inWorld("a response whose body fails never looks whole to its reader (P4)", async (world) => {
    async function* failing(): AsyncGenerator<Bytes> {
      yield bytes("half of it");
      throw new Error("the disk failed");
    }
    const { connection } = await pair(world, async ({ method }) =>
      method === "pull" ? { head: nothing, body: failing() } : { head: nothing },
    );
    expect(await networkFailure(ask(connection, "pull").then(({ body }) => digestOf(body)))).toBe("closed");
    await ask(connection, "ping");
  });

  inWorld("a body never looks whole when its connection is closed midway, by either side (P4)", async (world) => {
    const outcome = moment<string>();
    const half = moment();
    async function* stalling(): AsyncGenerator<Bytes> {
      yield bytes("half of it");
      half.now();
      await new Promise<never>(() => {});
    }
    const { connection, client, address, server } = await pair(world, async ({ method, body }) => {
      if (method === "pull") return { head: nothing, body: stalling() };
      outcome.now(await networkFailure(digestOf(body)));
      return { head: nothing };
    });
    const upload = networkFailure(ask(connection, "put", { body: stalling() }));
    await half.come;
    connection.close();
    expect(await upload).toBe("closed");
    expect(await outcome.come).toBe("closed");

    const { body } = await ask(await client.connect(address, "bulk"), "pull");
    const reading = body[Symbol.asyncIterator]();
    await reading.next();
    const rest = networkFailure(reading.next());
    await server.close();
    expect(await rest).toBe("closed");
  });

  inWorld("a response that does not wait for the request's body ends the upload", async (world) => {
    const { connection } = await pair(world, async ({ method }) => ({ head: bytes(`not now: ${method}`) }));
    const sent = watchedBody(400 * MB);
    const response = await ask(connection, "put", { body: sent.body });
    expect(text(response.head)).toBe("not now: put");
    await sent.ended;
    expect(sent.sentBytes).toBeLessThan(AHEAD_BYTES_MAX);
    await ask(connection, "ping");
  });
}
