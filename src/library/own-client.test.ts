import { once } from "node:events";
import { mkdtemp, readFile, rm, utimes } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeCertificate } from "../../tests/acceptance/certificates.ts";
import { ownClient } from "./own-client.ts";

test("the client takes the certificate that is in its server's file now, whatever name it bears, and no other", async () => {
  const directory = await mkdtemp(join(tmpdir(), "fsdfs-own-client-"));
  const make = async (name: string) => {
    const { cert, key } = await makeCertificate(directory, name, "DNS:some.example");
    return { cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") };
  };
  const server = createServer(await make("mine"), (_, response) => response.end('{"status":"ok"}'));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const certificateFile = join(directory, "mine.pem");
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = await ownClient({ url, password: "p", localSecret: "s", certificateFile });
  try {
    expect(await client.health()).toMatchObject({ status: "ok" });
    server.setSecureContext(await make("mine"));
    await utimes(certificateFile, new Date(), new Date(Date.now() + 5000));
    server.closeAllConnections();
    expect(await client.health()).toMatchObject({ status: "ok" });
    server.setSecureContext(await make("another"));
    server.closeAllConnections();
    await expect(client.health()).rejects.toMatchObject({ code: "connection-lost" });
  } finally {
    client.close();
    server.close();
    await rm(directory, { recursive: true });
  }
});
