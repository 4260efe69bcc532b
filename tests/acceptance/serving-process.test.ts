/** A serving process that cannot serve, as its pool sees it. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openLmdbCatalogStore } from "../../src/adapters/lmdb/catalog-store.ts";
import { createLeaseRegister, type OwnLeaseRegister } from "../../src/adapters/system/lease-register.ts";
import { ServingPool } from "../../src/adapters/system/serving-pool.ts";
import type { ServingInit } from "../../src/serving-process.ts";
import { freePortPair } from "../free-ports.ts";
import { ROOT, waitFor } from "./cluster.ts";

let directory: string;
let register: OwnLeaseRegister;
let pool: ServingPool;
let port: number;
let ended: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "fsdfs-serving-"));
  register = createLeaseRegister();
  [port] = await freePortPair();
  ended = [];
  const ignore = () => undefined;
  pool = new ServingPool({
    ...{ count: 1, entry: join(ROOT, "src/serving-process.ts"), port, host: "127.0.0.1" },
    registerDescriptor: register.descriptor,
    log: {
      ...{ debug: ignore, info: ignore, error: ignore },
      warn: (_message, fields) => void ended.push(String(fields?.how)),
    },
    ...{ onSent: ignore, onReads: ignore, onEnded: ignore },
  });
});
afterEach(async () => {
  await pool.close();
  register.close();
  await rm(directory, { recursive: true });
});

async function init(): Promise<ServingInit> {
  const catalog = join(directory, "catalog");
  await mkdir(catalog);
  await openLmdbCatalogStore(catalog).close();
  const controlSocket = join(directory, "control.sock");
  const tokenKeys = { link: "00".repeat(32), request: "00".repeat(32) };
  return { data: directory, catalog, controlSocket, publicRead: true, logLevel: "error", cors: [], tokenKeys };
}

it("one that cannot listen ends, and another serves once the port is free", async () => {
  // Both sockets may have the port until one of them listens.
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
  await expect(pool.serve(await init())).rejects.toMatchObject({ code: "port-in-use" });
  await waitFor("it has ended", () => ended.length > 0);
  expect(ended[0]).toBe("code 1");
  await new Promise((resolve) => other.close(resolve));
  // Nobody answers at the control socket, which one that serves tells.
  await waitFor("another serves", async () => {
    const response = await fetch(`http://127.0.0.1:${port}/status`).catch(() => undefined);
    return response?.status === 503;
  });
});
