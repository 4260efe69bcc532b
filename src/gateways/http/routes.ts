/** Every operation of the HTTP API; each says its own address and what key it needs. docs/API.md describes them. */
import type { Operation } from "./operation.ts";
import { adopt } from "./operations/adopt.ts";
import { clock, repairClock } from "./operations/clock.ts";
import { configureServer, configureSwarm } from "./operations/configure.ts";
import { deleteFile } from "./operations/delete-file.ts";
import { listDirectory, makeDirectory, removeDirectory } from "./operations/directories.ts";
import { drop } from "./operations/drop.ts";
import { events } from "./operations/events.ts";
import { getFile } from "./operations/get-file.ts";
import { health } from "./operations/health.ts";
import { heat } from "./operations/heat.ts";
import { createKey, listKeys, revokeKey } from "./operations/keys.ts";
import { listServerFiles } from "./operations/list-server-files.ts";
import { listServers } from "./operations/list-servers.ts";
import { locate, locateMany } from "./operations/locate.ts";
import { merge, mergeState } from "./operations/merge.ts";
import { move } from "./operations/move.ts";
import { openApiDocument } from "./operations/openapi.ts";
import { policy, policyLog, resetPolicy, setPolicy, tryPolicy } from "./operations/policy.ts";
import { putFile } from "./operations/put-file.ts";
import { removeServer } from "./operations/remove-server.ts";
import { status } from "./operations/status.ts";
import { emptyTrash, listTrash, restoreFile } from "./operations/trash.ts";
import { setManyVariables, setVariables } from "./operations/variables.ts";
import { verify } from "./operations/verify.ts";

export const OPERATIONS: readonly Operation[] = [
  putFile,
  getFile,
  deleteFile,
  setVariables,
  makeDirectory,
  listDirectory,
  removeDirectory,
  move,
  setManyVariables,
  locate,
  locateMany,
  heat,
  drop,
  adopt,
  verify,
  status,
  listServers,
  configureServer,
  removeServer,
  listServerFiles,
  configureSwarm,
  policy,
  setPolicy,
  tryPolicy,
  resetPolicy,
  policyLog,
  events,
  clock,
  repairClock,
  merge,
  mergeState,
  listTrash,
  restoreFile,
  emptyTrash,
  createKey,
  listKeys,
  revokeKey,
  health,
  openApiDocument(() => OPERATIONS),
];
