/** Speaking HTTP byte by byte, for what no well-behaved client would send. */
import { connect, type Socket } from "node:net";

export interface WireAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

export function connectTo(port: number): Socket {
  return connect({ port, host: "127.0.0.1", allowHalfOpen: true });
}

/** Sends `pieces` over one connection and resolves with all that comes back until the server closes it. */
export async function sendRaw(port: number, pieces: readonly (string | Buffer)[]): Promise<string> {
  const socket = connectTo(port);
  const answer = collect(socket);
  for (const piece of pieces) {
    if (socket.destroyed) break;
    if (!socket.write(piece)) await drained(socket);
  }
  return answer;
}

/** All that comes over a connection until it closes; what came before a reset counts. */
export function collect(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {});
  socket.on("end", () => socket.end());
  return new Promise((resolve) => socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1"))));
}

/** Resolves when the other side has taken the most of it, with the error if it does not. */
export function written(socket: Socket, bytes: Buffer): Promise<Error | undefined> {
  socket.on("error", () => {});
  return new Promise((resolve) => socket.write(bytes, (error) => resolve(error ?? undefined)));
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ["drain", "close"]) socket.off(event, done);
      resolve();
    };
    for (const event of ["drain", "close"]) socket.on(event, done);
  });
}

/** The answers in `text`, one after the other, each with its Content-Length. */
export function parseAnswers(text: string): WireAnswer[] {
  const answers: WireAnswer[] = [];
  let rest = text;
  while (rest !== "") {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) throw new Error(`no HTTP: ${rest}`);
    const [statusLine = "", ...lines] = rest.slice(0, end).split("\r\n");
    const headers = new Headers(lines.map((line): [string, string] => splitHeader(line)));
    const length = Number(headers.get("content-length") ?? 0);
    answers.push({ status: Number(statusLine.split(" ")[1]), headers, body: rest.slice(end + 4, end + 4 + length) });
    rest = rest.slice(end + 4 + length);
  }
  return answers;
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}
