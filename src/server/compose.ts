/** One server, put together from its parts over the ports, top to bottom, and its life from start to stop. */

import { hex } from "../core/bytes.ts";
import type { CatalogContext } from "../core/catalog/transaction.ts";
import type { ServerId } from "../core/ids.ts";
import { deriveTokenKeys } from "../core/security/tokens.ts";
import { Liveness } from "../core/swarm/liveness.ts";
import { Adoption } from "./adoption/adoption.ts";
import type { BackgroundUnit } from "./background.ts";
import { Catalog } from "./catalog/catalog.ts";
import { Conflicts } from "./catalog/conflicts.ts";
import { NameMark } from "./catalog/name-mark.ts";
import { upgrade } from "./catalog/upgrade.ts";
import { Directives } from "./control/directives.ts";
import { Forecasts } from "./control/forecast.ts";
import { StartFlags } from "./control/start-flags.ts";
import { Events } from "./events/events.ts";
import { SwarmHeat } from "./heat.ts";
import { Identity } from "./identity.ts";
import { Absences } from "./mesh/absences.ts";
import { CatchUp } from "./mesh/catch-up.ts";
import { Collector } from "./mesh/collector.ts";
import { Floors } from "./mesh/floors.ts";
import { Greeting } from "./mesh/greeting.ts";
import { Intake } from "./mesh/intake.ts";
import { Introduction } from "./mesh/introduction.ts";
import { Membership } from "./mesh/membership.ts";
import { Mesh } from "./mesh/mesh.ts";
import { Removal } from "./mesh/removal.ts";
import { Seat } from "./mesh/seat.ts";
import { SelfCheck } from "./mesh/self-check.ts";
import { Decisions } from "./operations/decisions.ts";
import { readPolicySource } from "./operations/policy.ts";
import { describeServer, ownReport, seenServer } from "./operations/servers.ts";
import type { Parts } from "./parts.ts";
import { composePolicy } from "./policy/compose.ts";
import { Readiness } from "./readiness.ts";
import { ActivePulls } from "./replication/active-pulls.ts";
import { Drain } from "./replication/drain.ts";
import { Dropping } from "./replication/dropping.ts";
import { HandOver } from "./replication/hand-over.ts";
import { Leaving } from "./replication/leaving.ts";
import { Puller, type PullStep } from "./replication/puller.ts";
import { Reindexer } from "./replication/reindex.ts";
import { RoomMaker } from "./replication/room-maker.ts";
import { Sources } from "./replication/sources.ts";
import { Throttle } from "./replication/throttle.ts";
import { trimUnit } from "./replication/trim.ts";
import { UploadRoom } from "./replication/upload-room.ts";
import { Zones } from "./replication/zones.ts";
import { Rehash } from "./scrub/rehash.ts";
import { Scrubber } from "./scrub/scrubber.ts";
import { Verify } from "./scrub/verify.ts";
import type { Ports, ServerOptions } from "./server.ts";
import { COPIES_DEFAULT, Settings } from "./settings.ts";
import { Copies } from "./storage/copies.ts";
import { DiskWatch } from "./storage/disk-watch.ts";
import { choresUnit, settleUnit } from "./storage/housekeeping.ts";
import { Leftovers } from "./storage/leftovers.ts";
import { Partials } from "./storage/partials.ts";
import { PassedOn } from "./storage/passed-on.ts";
import { Reconciler } from "./storage/reconcile.ts";
import { Settler } from "./storage/settle.ts";
import { Space } from "./storage/space.ts";
import { Staging } from "./storage/staging.ts";
import { Strangers } from "./storage/strangers.ts";
import { Trash } from "./storage/trash.ts";
import { Uploads } from "./storage/uploads.ts";
import { Vanished } from "./storage/vanished.ts";
import { Guest } from "./swarms/guest.ts";

/** Two runs of one server never draw the same. */
const PROCESS_ID_BYTES = 8;
/** Of the file system, when the operator gave no quota. */
const QUOTA_SHARE = 0.9;

export interface Assembly {
  readonly parts: Parts;
  readonly units: readonly BackgroundUnit[];
}

export async function assemble(ports: Ports, options: ServerOptions, ending: AbortSignal): Promise<Assembly> {
  const { clock, random, files, network, load, log } = ports;

  // Who this server is, and what it knows.
  const identity = await Identity.load(ports.catalog, files, random, options.asNew);
  if (identity.swarm === undefined && identity.calledWithinMs > 0)
    log.warn("the catalog of this data directory was lost; the others of its swarm are waited for", {
      ms: identity.calledWithinMs,
    });
  const counting: { membership?: Membership; settings?: Settings } = {};
  const context: CatalogContext = {
    self: identity.server,
    counts: (server: ServerId) =>
      !counting.settings?.countsNot(server) && (server === identity.server || !counting.membership!.isAbsent(server)),
    get defaultTarget() {
      return counting.settings?.copies ?? COPIES_DEFAULT;
    },
  };
  const disk = new DiskWatch(files, clock, log);
  const catalog = new Catalog(disk.watchedCatalog(ports.catalog), clock, context, log, await NameMark.load(files));
  await upgrade(catalog);
  const settings = new Settings(catalog);
  counting.settings = settings;
  const flags = new StartFlags(catalog, options);
  const directives = new Directives(settings, identity.server, flags);

  // Whom it talks to.
  const liveness = new Liveness(clock.monotonic(), options.graceMs);
  const report = () => ownReport(parts);
  const { name, softwareVersion } = options;
  const isEmpty = () => parts.drain.report()?.safe === true;
  const removal = new Removal({ self: identity.server, name, store: ports.catalog, settings, log, isEmpty });
  const greeting = new Greeting({
    clock,
    catalog,
    settings,
    identity,
    log,
    name,
    softwareVersion,
    removal,
    report,
    adopt: (swarm) => membership.restart(swarm),
  });
  const process = hex(random.bytes(PROCESS_ID_BYTES));
  const talking = { clock, network, catalog, settings, identity, process, liveness, greeting, removal, log, report };
  const mesh = new Mesh(talking, ending);
  removal.watch(mesh);
  const membership = new Membership({
    clock,
    random,
    store: ports.catalog,
    catalog,
    settings,
    flags,
    identity,
    liveness,
    greeting,
    mesh,
    removal,
    introduction: new Introduction({ store: ports.catalog, catalog, identity, greeting, mesh }),
    absences: new Absences(ports.catalog),
    options,
    log,
  });
  counting.membership = membership;
  const intake = new Intake(catalog, log);
  const { claims } = greeting;
  const catchUp = new CatchUp(clock, catalog, mesh, intake, claims);
  const selfCheck = new SelfCheck(catalog, mesh, membership, intake, claims, random, log);
  const floors = new Floors(catalog, mesh, membership, greeting, log);
  const readiness = new Readiness(clock, catalog, liveness, mesh, membership, settings, removal, ending);
  const seat = new Seat({ store: ports.catalog, catalog, settings, identity, mesh, readiness });
  const collector = new Collector({
    clock,
    store: ports.catalog,
    catalog,
    settings,
    mesh,
    membership,
    claims,
    seat,
    keptMs: options.deletionsKeptMs,
  });
  const decisions = new Decisions(catalog, settings, seat);

  // What it stores.
  const usualQuotaBytes = Math.floor((await files.capacity()).totalBytes * QUOTA_SHARE);
  const space = new Space(clock, catalog, directives.quotaBytes ?? usualQuotaBytes, options.reserve, disk);
  const leftovers = new Leftovers(files);
  const trash = new Trash(catalog, files, space, settings, leftovers, clock, options.trashKeptMs);
  const partials = new Partials(space, leftovers, clock);
  const staging = new Staging({ files, space, trash, leftovers, random, disk, partials, clock });
  const vanished = new Vanished(clock, options.graceMs, () => catalog.stats(), log);
  const settler = new Settler(catalog, files, leftovers, trash, vanished, disk, random, clock);
  const copies = new Copies(catalog, files, staging, settler, trash, vanished, disk, log);
  const passedOn = new PassedOn(catalog, files, copies, clock, options.trashKeptMs);
  const uploads = new Uploads(catalog, staging, copies, settler, clock);
  uploads.serve(mesh);

  // What it does of itself.
  const serving = new Throttle(clock, directives.serveRate, load);
  directives.onChange(() => {
    space.quotaBytes = directives.quotaBytes ?? usualQuotaBytes;
    serving.setRate(directives.serveRate);
  });
  const sources = new Sources(catalog, mesh, copies, serving);
  const strangers = new Strangers({ catalog, files, settler, clock, membership, copies, sources });
  const rosterNow = () => [...settings.roster.keys()].flatMap((server) => seenServer(parts, server));
  const events = new Events({ clock, catalog, ending, servers: rosterNow });
  const onStep = (step: PullStep) => events.pull(step);
  const dropping = new Dropping({ catalog, settings, mesh, membership, copies, settler, sources, random, directives });
  const zones = new Zones(catalog, settings);
  const heat = new SwarmHeat(clock, ports.catalog, mesh);
  const policy = composePolicy({
    clock,
    log,
    store: ports.catalog,
    evaluator: ports.policies,
    catalog,
    settings,
    mesh,
    membership,
    heat,
    readSource: () => readPolicySource(parts),
  });
  const { preferences } = policy;
  const roomMaker = new RoomMaker({ clock, catalog, sources, dropping, zones, preferences });
  const active = new ActivePulls();
  const uploadRoom = new UploadRoom({ settings, mesh, membership, space, disk, roomMaker, active, directives });
  staging.makesRoomBy((missing) => uploadRoom.make(missing));
  const pulling = {
    clock,
    catalog,
    settings,
    mesh,
    membership,
    copies,
    passedOn,
    uploads,
    staging,
    space,
    disk,
    sources,
    dropping,
    roomMaker,
    active,
    zones,
    preferences,
    load,
    directives,
    log,
    onStep,
  };
  const puller = new Puller(pulling);
  const handOver = new HandOver({ ...pulling, puller });
  const drain = new Drain({ ...pulling, isPulling: () => puller.announced().length > 0 });
  const rehash = new Rehash({ catalog, copies, disk, sources, log });
  const checking = { clock, catalog, store: ports.catalog, membership, directives, disk, load, rehash };
  const scrubber = new Scrubber({ ...checking, cycleMs: options.scrubMs });
  const verify = new Verify({ clock, catalog, random, mesh, settings, rehash, log, ending });
  const reconciler = new Reconciler(catalog, ports.catalog, membership, copies, trash);
  membership.onNewIncarnation(() => reconciler.request());
  membership.onNewIncarnation(async () => seat.unit.wake());
  const followed = () => ({ copies: settings.copies, uncounted: settings.uncounted });
  const reindexer = new Reindexer(catalog, ports.catalog, followed);
  await reindexer.follow();
  membership.onAbsence((server) => reindexer.server(server));
  settings.onChange(() => reindexer.unit.wake());

  catalog.onChange(({ own }) => {
    if (own) mesh.wakePushes();
  });
  const units = [
    catchUp.unit,
    selfCheck.unit,
    floors.unit,
    collector.unit,
    seat.unit,
    new Conflicts(catalog, readiness, clock, log).unit,
    reindexer.unit,
    policy.evaluation.unit,
    reconciler.unit,
    settleUnit(settler, catalog, membership),
    puller.unit,
    handOver.unit,
    drain.unit,
    new Leaving(pulling).unit,
    trimUnit({ ...pulling, trash, handOver }),
    leftovers.unit,
    disk.unit,
    strangers.unit,
    scrubber.unit,
    choresUnit({ trash, uploads, copies, partials, passedOn, catalog, membership }),
  ];
  const forecasts = new Forecasts({ clock, catalog, settings, membership, ending });
  const tokenKeys = deriveTokenKeys(options.swarmKey);
  const all: Omit<Parts, "guest"> = {
    options,
    ports,
    identity,
    catalog,
    settings,
    directives,
    mesh,
    membership,
    removal,
    readiness,
    seat,
    decisions,
    space,
    disk,
    trash,
    staging,
    settler,
    copies,
    strangers,
    scrubber,
    verify,
    adoption: new Adoption(),
    sources,
    events,
    puller,
    dropping,
    drain,
    forecasts,
    heat,
    uploadRoom,
    policy,
    preferences,
    tokenKeys,
    lookups: {
      read: () => catalog.read(),
      serverOf: (origin) => catalog.serverOf(origin),
      context,
      get zone() {
        return settings.roster.get(catalog.self)?.zone;
      },
      describeServer: (server) => describeServer(parts, server),
      writtenAt: (stamp) => settings.writtenAt(stamp),
    },
    access: {
      wall: () => clock.wall(),
      publicRead: options.publicRead,
      key: (id) => settings.keys.get(id),
      tokenKeys,
    },
    ending,
    report,
  };
  const guest = new Guest(all);
  const parts: Parts = { ...all, guest };
  return { parts, units: [...units, forecasts.unit, heat.unit, guest.unit] };
}
