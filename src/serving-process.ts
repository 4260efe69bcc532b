/**
 * A serving process, wired together: it answers readers from its server's catalog and disk, and hands everything else on
 * to the control process that started it. It ends with that one.
 */
import { openLocalFiles } from "./adapters/disk/local-files.ts";
import { openLmdbCatalogStore } from "./adapters/lmdb/catalog-store.ts";
import { HandedCertificate } from "./adapters/system/certificate.ts";
import { systemClock } from "./adapters/system/clock.ts";
import { createTurns } from "./adapters/system/event-loop.ts";
import { openLeaseRegister } from "./adapters/system/lease-register.ts";
import { createLoadMeter } from "./adapters/system/load-meter.ts";
import { createLog, type LogLevel } from "./adapters/system/log.ts";
import type { FromServing, ToServing } from "./adapters/system/serving-messages.ts";
import { LISTEN_DESCRIPTOR, REGISTER_DESCRIPTOR } from "./adapters/system/serving-pool.ts";
import { fromHex } from "./core/bytes.ts";
import { FsdfsError } from "./errors.ts";
import { createServingGateway } from "./gateways/http/serving-gateway.ts";
import type { CertificatePair } from "./ports/certificate.ts";
import { LocalFace } from "./server/serving/local-face.ts";
import { ReadCounter } from "./server/serving/read-counts.ts";
import { Snapshots } from "./server/serving/snapshot.ts";
import type { ServingView } from "./server/serving/view.ts";

const REPORT_MS = 1000;

/** What the control process says first. Keys come this way, which no other user of the machine sees. */
export interface ServingInit {
  readonly data: string;
  readonly catalog: string;
  readonly controlSocket: string;
  readonly publicRead: boolean;
  readonly logLevel: LogLevel;
  /** Origins of web pages that may use it. */
  readonly cors: readonly string[];
  /** To answer clients by HTTPS with. */
  readonly certificate?: CertificatePair;
  /** Hexadecimal. */
  readonly tokenKeys: { readonly link: string; readonly request: string };
}

function main(): void {
  // Signals of a terminal or a supervisor go to all processes of the server; the control process ends the others.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  process.on("disconnect", () => process.exit(0));
  if (!process.connected) process.exit(0);
  let serving: Serving | undefined;
  process.on("message", (message) => {
    const told = message as ToServing;
    switch (told.kind) {
      case "init":
        serving = serve(told.init as ServingInit);
        break;
      case "renew":
        serving?.renew(told.init as ServingInit);
        break;
      case "view":
        serving?.snapshots.take(told.view as ServingView);
        break;
      case "close":
        void (serving?.close() ?? Promise.resolve()).finally(() => process.exit(0));
    }
  });
}

interface Serving {
  readonly snapshots: Snapshots;
  renew(changed: ServingInit): void;
  close(): Promise<void>;
}

function serve(init: ServingInit): Serving {
  const log = createLog({ level: init.logLevel, pretty: process.stderr.isTTY === true });
  const store = openLmdbCatalogStore(init.catalog, { readOnly: true });
  const snapshots = new Snapshots({
    clock: systemClock,
    store,
    register: openLeaseRegister(REGISTER_DESCRIPTOR),
    tokenKeys: { link: fromHex(init.tokenKeys.link), request: fromHex(init.tokenKeys.request) },
    publicRead: init.publicRead,
  });
  let sentBytes = 0;
  const reads = new ReadCounter();
  const certificate = init.certificate && new HandedCertificate(init.certificate);
  const gateway = createServingGateway({
    face: new LocalFace(snapshots, openLocalFiles(init.data), systemClock, reads, createTurns()),
    log,
    publicRead: init.publicRead,
    where: { fd: LISTEN_DESCRIPTOR },
    controlSocket: init.controlSocket,
    cors: init.cors,
    certificate,
    onSent: (bytes) => {
      sentBytes += bytes;
    },
  });
  const load = createLoadMeter(Number.POSITIVE_INFINITY);
  const report = () => {
    tell({ kind: "report", sentBytes, load: load.load(), reads: reads.take() });
    sentBytes = 0;
  };
  setInterval(report, REPORT_MS).unref();
  gateway.listen().then(
    () => tell({ kind: "ready" }),
    (error: unknown) => {
      log.error("a serving process cannot listen", { reason: String(error) });
      // It would be of no use; one that takes its place may find it otherwise.
      tell({ kind: "failed", code: codeOf(error) }, () => process.exit(1));
    },
  );
  return {
    snapshots,
    renew: (changed) => {
      if (changed.certificate !== undefined) certificate?.renew(changed.certificate);
    },
    async close() {
      await gateway.close();
      report();
      await store.close();
    },
  };
}

function codeOf(error: unknown): string {
  const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
  if (isTaken) return "port-in-use";
  return error instanceof FsdfsError ? error.code : "internal";
}

/** @param then is called when it is told, or nobody is there to be told */
function tell(message: FromServing, then: () => void = () => undefined): void {
  if (process.connected) process.send?.(message, undefined, undefined, then);
  else then();
}

if (import.meta.main) main();
