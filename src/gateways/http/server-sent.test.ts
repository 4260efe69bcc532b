import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, it } from "vitest";
import { sendEvents } from "./server-sent.ts";

it("disconnects a client of events that takes nothing", async () => {
  async function* endless() {
    for (;;) yield { type: "file", path: "p".repeat(10_000) };
  }
  const sent = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    const exchange = { request, response, broken: new AbortController(), awaitsContinue: false };
    void sendEvents(exchange, { events: endless(), heartbeatMs: 10, stallMs: 100 }).then(() => {
      expect(response.destroyed).toBe(true);
      sent.resolve();
    }, sent.reject);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(socket, "data");
  socket.pause();
  await sent.promise;
  socket.destroy();
  await new Promise((closed) => server.close(closed));
});
