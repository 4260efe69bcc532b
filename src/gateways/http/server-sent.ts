/** Server-sent events (HTML, 9.2) on the wire: one JSON object each, signs of life between them, and no waiting for who
 * does not read. */
import type { Exchange } from "./body.ts";
import { written } from "./written.ts";

export interface EventStream {
  readonly events: AsyncIterable<{ readonly type: string }>;
  readonly heartbeatMs: number;
  /** A client that takes nothing for so long is disconnected. */
  readonly stallMs: number;
}

export async function sendEvents({ request, response }: Exchange, stream: EventStream): Promise<void> {
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    // Proxies such as nginx hold back what looks like a page otherwise.
    "x-accel-buffering": "no",
  });
  request.socket.setNoDelay(true);
  let isWriting = false;
  const send = async (text: string) => {
    isWriting = true;
    const stalled = setTimeout(() => response.destroy(), stream.stallMs);
    const isThere = await written(response, Buffer.from(text));
    clearTimeout(stalled);
    isWriting = false;
    return isThere;
  };
  const heartbeat = setInterval(() => {
    if (!isWriting) void send(":\n\n");
  }, stream.heartbeatMs);
  try {
    let id = 0;
    for await (const event of stream.events) {
      id += 1;
      if (!(await send(`id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`))) return;
    }
    response.end();
  } finally {
    clearInterval(heartbeat);
  }
}
