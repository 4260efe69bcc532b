/** The forms of what the API answers, for GET /openapi.json. The compiler holds them to the face's types, a test to real
 * answers. */
import { z } from "zod";
import type { ServerId, SwarmId, VersionId } from "../../core/ids.ts";
import { ERRORS } from "../../errors.ts";
import type {
  AdoptEvent,
  ClockRepair,
  ClockStatus,
  CreatedKey,
  EmptiedTrash,
  Health,
  HolderInfo,
  KeyInfo,
  Listing,
  Location,
  MergePlan,
  MergeState,
  PolicyLogEntry,
  PolicyStatus,
  PolicyTrial,
  PutResult,
  RemovedServer,
  Restored,
  ServerFilesPage,
  ServerInfo,
  SwarmEvent,
  SwarmStatus,
  TrashedFile,
  TrashPage,
  VerifyEvent,
} from "../../server/face.ts";

const serverId = z.string().regex(/^[0-9a-f]{12}$/) as unknown as z.ZodType<ServerId>;
const swarmId = z.string().regex(/^[0-9a-f]{16}$/) as unknown as z.ZodType<SwarmId>;
const versionId = z.string().regex(/^[0-9a-f]{14}-[0-9a-f]{12}$/) as unknown as z.ZodType<VersionId>;
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.iso.datetime();
const count = z.int().min(0);
const scope = z.enum(["read", "write", "admin"]);
const state = z.enum(["up", "down", "absent"]);

export const error = z
  .object({
    error: z.object({
      code: z.enum(Object.keys(ERRORS)),
      message: z.string(),
      hint: z.string(),
    }),
  })
  .meta({ id: "Error" });

const putMembers = { version: versionId, sha256, size: count, copies: count, created: z.boolean() };
export const putResult: z.ZodType<PutResult> = z.object(putMembers).meta({ id: "PutResult" });

export const madeDirectory = z.object({ path: z.string(), type: z.literal("directory") });

const variableValue = z.union([z.number(), z.string(), z.boolean()]);
const variables = z.record(z.string(), variableValue).meta({ id: "Variables" });
export const variableChanges = z.strictObject({ variables: z.record(z.string(), variableValue.nullable()) });
export const variablesOfFile = z.object({ path: z.string(), variables });
export const variablesChanged = z.object({
  lines: count,
  changed: count,
  failed: count,
  errors: z.array(z.object({ line: count, code: z.string(), message: z.string(), hint: z.string() })),
});

export const listing: z.ZodType<Listing> = z
  .object({
    entries: z.array(
      z.object({
        name: z.string(),
        type: z.enum(["file", "directory"]),
        size: count,
        modified: time.nullable(),
        sha256: sha256.nullable(),
        version: versionId.nullable(),
        target: count.nullable(),
        copies: count.nullable(),
        variables: variables.exactOptional(),
      }),
    ),
    next: z.string().nullable(),
  })
  .meta({ id: "Listing" });

const holder = { id: serverId, name: z.string(), url: z.string(), state, zone: z.string(), load: z.number() };
const holderInfo: z.ZodType<HolderInfo> = z.object(holder).meta({ id: "Holder" });

export const location: z.ZodType<Location> = z
  .object({
    path: z.string(),
    size: count,
    sha256,
    version: versionId,
    target: count,
    copies: count,
    surplus: z.int(),
    variables: variables.exactOptional(),
    servers: z.array(holderInfo),
  })
  .meta({ id: "Location" });

export const locations = z.object({ files: z.array(location.nullable()) });

const scrub = z.object({ share: z.number(), ended: time.nullable(), damaged: count });
export const heats = z.object({
  files: z.array(z.object({ path: z.string(), heat: z.number().describe("reads an hour") }).nullable()),
});

export const status: z.ZodType<SwarmStatus> = z
  .object({
    swarm: swarmId,
    files: count,
    bytes: count,
    deletions: count,
    minSurplus: z.int().nullable(),
    copies: count,
    writeCopies: count,
    advice: z.string(),
    scrub: scrub.nullable(),
    servers: z.object({ up: count, total: count }),
    quota: z.object({ total: count, used: count }),
  })
  .meta({ id: "Status" });

const rate = z.union([z.number(), z.literal("unlimited")]).nullable();

export const server: z.ZodType<ServerInfo> = z
  .object({
    ...holder,
    self: z.boolean(),
    files: count,
    quota: z.object({ total: count, used: count, free: count }),
    maxSurplus: z.int().nullable(),
    full: z.boolean(),
    pulls: count,
    clockSkewMs: z.int().nullable(),
    problem: z.string().nullable(),
    strangers: z.object({ files: count, examples: z.array(z.string()), asOf: time }).nullable(),
    settings: z.object({
      quota: count.nullable(),
      pulls: count.nullable(),
      pullRate: rate,
      serveRate: rate,
      paused: z.boolean(),
      draining: z.boolean(),
    }),
    drain: z
      .object({
        files: count,
        bytes: count,
        waiting: z.object({ room: count, servers: count, copies: count }),
        safe: z.boolean(),
      })
      .nullable(),
    forecast: z
      .object({
        lost: count,
        below: count,
        minSurplus: z.object({ now: z.int(), without: z.int() }).nullable(),
        safe: z.boolean(),
        asOf: time,
      })
      .nullable(),
    scrub: scrub.nullable(),
    alarms: z.array(z.object({ kind: z.enum(["disk", "twins"]), since: time, message: z.string() })),
    softwareVersion: z.string(),
  })
  .meta({ id: "Server" });

export const servers = z.object({ servers: z.array(server) });

export const serverFiles: z.ZodType<ServerFilesPage> = z.object({
  files: z.array(z.object({ path: z.string(), size: count, version: versionId })),
  next: z.string().nullable(),
});

export const clockStatus: z.ZodType<ClockStatus> = z.object({
  time,
  errorMs: z.number().nullable(),
  aheadMs: z.number(),
  epoch: count,
  repaired: time.nullable(),
  advice: z.string(),
  servers: z.array(
    z.object({
      id: serverId,
      name: z.string(),
      self: z.boolean(),
      state: state.nullable(),
      skewMs: z.number().nullable(),
      refused: z.boolean(),
      aheadMs: z.number().nullable(),
    }),
  ),
});

export const clockRepair: z.ZodType<ClockRepair> = z.object({
  repaired: z.boolean(),
  aheadMs: z.number(),
  epoch: count,
});

export const removedServer: z.ZodType<RemovedServer> = z.object({
  id: serverId,
  name: z.string(),
  lost: count,
  below: count,
});

const keyMembers = { id: z.string(), name: z.string(), scope, created: time };
export const createdKey: z.ZodType<CreatedKey> = z.object({ ...keyMembers, secret: z.string() });
const key: z.ZodType<KeyInfo> = z.object(keyMembers).meta({ id: "Key" });
export const keys = z.object({ keys: z.array(key) });

const healthMembers = {
  server: serverId,
  name: z.string(),
  swarmPort: z.int(),
  softwareVersion: z.string(),
};
export const health: z.ZodType<Health> = z.object({ status: z.literal("ok"), ...healthMembers });
export const unhealthy = z.object({
  status: z.enum(["behind", "stopping", "removed"]),
  ...healthMembers,
  ...error.shape,
});

const trashed: z.ZodType<TrashedFile> = z
  .object({
    path: z.string(),
    version: versionId,
    size: count,
    sha256: sha256.nullable(),
    trashed: time,
    reason: z.enum(["deleted", "overwritten", "lost"]),
    by: z.string().nullable(),
    servers: z.array(z.string()),
  })
  .meta({ id: "TrashedFile" });
const unreached = z.array(z.string());
export const trashPage: z.ZodType<TrashPage> = z.object({
  files: z.array(trashed),
  next: z.string().nullable(),
  unreached,
});
export const restored: z.ZodType<Restored> = z.object({ path: z.string(), ...putMembers });
const trashCount = z.object({ copies: count, bytes: count });
export const emptiedTrash: z.ZodType<EmptiedTrash> = z.object({
  thrownAway: trashCount,
  kept: trashCount,
  unreached,
  next: z.string().nullable(),
});

export const moved = z.object({ from: z.string(), to: z.string() });

export const mergePlan: z.ZodType<MergePlan> = z.object({
  swarm: swarmId,
  files: count,
  servers: count,
  taken: count,
  same: count,
  replaces: count,
  kept: count,
  examples: z.array(z.object({ path: z.string(), verdict: z.enum(["taken", "same", "replaces", "kept"]) })),
});

export const mergeState: z.ZodType<MergeState> = z.object({
  swarm: swarmId,
  into: swarmId.nullable(),
  phase: z.enum(["none", "frozen", "offering"]),
});

/** Each line. */
export const adoptEvent: z.ZodType<AdoptEvent> = z.union([
  z.object({
    kind: z.enum(["progress", "done"]),
    total: count,
    adopted: count,
    present: count,
    skipped: count,
    bytes: count,
    readBytes: count,
  }),
  z.object({ kind: z.literal("skipped"), path: z.string(), code: z.string(), message: z.string(), hint: z.string() }),
]);

const verifyCounts = {
  ...{ copies: count, bytes: count, good: count, bad: count, missing: count },
  ...{ unreadable: count, changed: count, repaired: count, lost: count },
};
/** Each line. */
export const verifyEvent: z.ZodType<VerifyEvent> = z.object({
  kind: z.enum(["progress", "done"]),
  ...verifyCounts,
  servers: z.array(
    z.object({
      id: serverId,
      name: z.string(),
      state: z.enum(["reading", "repairing", "done", "down", "interrupted"]),
      ...verifyCounts,
    }),
  ),
  examples: z.array(
    z.object({
      path: z.string(),
      server: z.string(),
      found: z.enum(["bad", "missing", "unreadable"]),
      now: z.enum(["repaired", "lost"]).nullable(),
    }),
  ),
});

const type = <T extends string>(text: T) => z.literal(text);
/** What stands in `data`. */
export const swarmEvent: z.ZodType<SwarmEvent> = z
  .union([
    z.object({ type: type("ready"), server: serverId }),
    z.object({ type: type("missed"), reason: z.enum(["reconnected", "lagging", "replaced"]) }),
    z.object({
      ...{ type: type("file"), change: z.literal("put"), path: z.string() },
      ...{ version: versionId, size: count, sha256, created: z.boolean() },
    }),
    z.object({ type: type("file"), change: z.literal("directory"), path: z.string() }),
    z.object({ type: type("file"), change: z.literal("deleted"), path: z.string(), version: versionId.nullable() }),
    z.object({
      ...{ type: type("file"), change: z.literal("moved"), path: z.string() },
      ...{ to: z.string(), version: versionId.nullable() },
    }),
    z.object({
      ...{ type: type("copy"), change: z.enum(["made", "withdrawn"]), path: z.string().nullable() },
      ...{ version: versionId, server: serverId },
    }),
    z.object({
      ...{ type: type("pull"), change: z.enum(["begun", "progress", "done", "failed"]), path: z.string().nullable() },
      ...{ version: versionId, size: count.nullable(), received: count },
    }),
    z.object({
      ...{ type: type("server"), change: z.enum(["joined", "up", "down", "absent", "removed"]) },
      ...{ id: serverId, name: z.string(), url: z.string() },
    }),
    z.object({
      ...{ type: type("alarm"), change: z.enum(["raised", "cleared"]), kind: z.enum(["disk", "twins"]) },
      ...{ id: serverId, name: z.string(), message: z.string() },
    }),
  ])
  .meta({ id: "Event" });

const failure = { message: z.string(), stack: z.string() };

export const policyStatus: z.ZodType<PolicyStatus> = z
  .object({
    version: versionId.nullable(),
    since: time.nullable(),
    servers: z.array(
      z.object({
        id: serverId,
        name: z.string(),
        state: z.enum(["none", "evaluating", "current", "failing"]),
        evaluated: count,
        files: count,
        changed: count,
        failed: count,
        pending: count,
        problem: z.object(failure).nullable(),
      }),
    ),
  })
  .meta({ id: "PolicyStatus" });

export const policyTrial: z.ZodType<PolicyTrial> = z
  .object({
    evaluated: count,
    files: count,
    raised: count,
    lowered: count,
    failed: count,
    shunned: z.object({ copies: count, bytes: count }).nullable(),
    bytes: z.object({ before: count, after: count, quota: count }),
    fits: z.boolean(),
    most: count,
    servers: count,
    examples: z.array(z.object({ path: z.string(), before: count, after: count })),
    failures: z.array(z.object({ path: z.string(), ...failure })),
  })
  .meta({ id: "PolicyTrial" });

export const policyLog: z.ZodType<readonly PolicyLogEntry[]> = z.array(
  z.object({ time, server: serverId, name: z.string(), path: z.string().nullable(), ...failure }),
);
