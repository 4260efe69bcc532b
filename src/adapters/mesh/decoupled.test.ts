import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { DecoupledSocket } from "./decoupled.ts";

/** A socket whose wire takes nothing until it is released. */
function blockedSocket() {
  const sent: Buffer[] = [];
  const blocked: (() => void)[] = [];
  let open = false;
  const socket = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      const pass = () => {
        sent.push(Buffer.from(chunk));
        done();
      };
      if (open) pass();
      else blocked.push(pass);
    },
  });
  const release = () => {
    open = true;
    for (const pass of blocked.splice(0)) pass();
  };
  return { socket, release, sent: () => Buffer.concat(sent).toString() };
}

describe("a decoupled socket", () => {
  it("takes every write at once, and sends what it was given then, whatever became of the buffer (P4)", async () => {
    const { socket, release, sent } = blockedSocket();
    const decoupled = new DecoupledSocket(socket, 1_000);
    const buffer = Buffer.from("one ");
    await new Promise((resolve) => decoupled.write(buffer, resolve));
    buffer.write("two ");
    decoupled.cork();
    const pair = [buffer, Buffer.from("three")].map((b) => new Promise((resolve) => decoupled.write(b, resolve)));
    decoupled.uncork();
    await Promise.all(pair);
    buffer.write("xxxx");
    expect(sent()).toBe("");
    release();
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent()).toBe("one two three");
  });

  it("goes on reading while nothing that it wrote has left", async () => {
    const { socket } = blockedSocket();
    const decoupled = new DecoupledSocket(socket, 1_000);
    decoupled.write("stuck");
    const heard = new Promise((resolve) => decoupled.once("data", (chunk: Buffer) => resolve(chunk.toString())));
    socket.push("hello");
    expect(await heard).toBe("hello");
  });

  it("gives up a side that reads nothing once more than the limit is queued for it", async () => {
    const { socket } = blockedSocket();
    const decoupled = new DecoupledSocket(socket, 1_000);
    const closed = new Promise((resolve) => decoupled.once("close", resolve));
    for (let i = 0; i < 11; i++) decoupled.write(Buffer.alloc(100));
    await closed;
    expect(socket.destroyed).toBe(true);
  });
});
