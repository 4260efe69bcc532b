/** All commands, in the order in which help lists them. */
import type { Command } from "./command.ts";
import { adopt } from "./commands/adopt.ts";
import { cat } from "./commands/cat.ts";
import { CLOCK_COMMANDS } from "./commands/clock.ts";
import { copies } from "./commands/copies.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { drain } from "./commands/drain.ts";
import { drop } from "./commands/drop.ts";
import { events } from "./commands/events.ts";
import { find } from "./commands/find.ts";
import { get } from "./commands/get.ts";
import { KEY_COMMANDS } from "./commands/key.ts";
import { locate } from "./commands/locate.ts";
import { logs } from "./commands/logs.ts";
import { ls } from "./commands/ls.ts";
import { merge } from "./commands/merge.ts";
import { mv } from "./commands/mv.ts";
import { PAUSE_COMMANDS } from "./commands/pause.ts";
import { POLICY_COMMANDS } from "./commands/policy.ts";
import { put } from "./commands/put.ts";
import { quota } from "./commands/quota.ts";
import { remove } from "./commands/remove.ts";
import { rm } from "./commands/rm.ts";
import { servers } from "./commands/servers.ts";
import { set } from "./commands/set.ts";
import { start } from "./commands/start.ts";
import { stat } from "./commands/stat.ts";
import { status } from "./commands/status.ts";
import { stop } from "./commands/stop.ts";
import { sync } from "./commands/sync.ts";
import { throttle } from "./commands/throttle.ts";
import { TRASH_COMMANDS } from "./commands/trash.ts";
import { verify } from "./commands/verify.ts";

export const COMMANDS: readonly Command[] = [
  start,
  stop,
  logs,
  doctor,
  put,
  adopt,
  get,
  sync,
  cat,
  ls,
  find,
  stat,
  set,
  rm,
  ...TRASH_COMMANDS,
  mv,
  locate,
  status,
  servers,
  verify,
  events,
  copies,
  ...POLICY_COMMANDS,
  quota,
  throttle,
  ...PAUSE_COMMANDS,
  drain,
  remove,
  drop,
  merge,
  ...CLOCK_COMMANDS,
  ...KEY_COMMANDS,
  demo,
];
