/**
 * P6, R1 and S3 at rest: there is no copy that a server has free quota for, and none that it could make room for by giving
 * up copies of its own whose surplus is higher by two at least, enough other holders being there to promise theirs (D1).
 * So the sorted list of surpluses admits no permitted move of one server by itself. R5: but for copies where the policy says 0,
 * which are made for files below N only, and of which none is left where it could go. Knows nothing of how servers decide.
 */
import type { Losses } from "../losses.ts";
import type { RestView } from "../rest.ts";

export interface PlacedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** N. */
  readonly target: number;
  /** K - N. */
  readonly surplus: number;
  /** Servers that are up and hold it. */
  readonly holders: ReadonlySet<string>;
}

export interface PlacingServer {
  readonly id: string;
  readonly name: string;
  /** Bytes that its copies take, and may take: what was dropped and what was left of cut pulls gives way to copies. */
  readonly copyBytes: number;
  readonly limitBytes: number;
  /** Of what users deleted or overwrote: it gives way to files below N only. */
  readonly trashBytes: number;
}

export interface Placement {
  readonly files: readonly PlacedFile[];
  /** But for those that are drained: they take nothing and promise nothing. */
  readonly servers: readonly PlacingServer[];
  /** W. */
  readonly writeCopies: number;
  /** Whether the policy weighs a server 0 for a file (R5). */
  readonly shuns?: Shuns | undefined;
}

/** By the server's name and the file's path. */
export type Shuns = (server: string, path: string) => boolean;

const STAGED = ".fsdfs/staged/";
const TRASH = ".fsdfs/trash/";
/** What R1 asks for. */
const GAIN = 2;

/** What some server should still do, one line for each file that one lacks. */
export function permittedMoves(placement: Placement): string[] {
  const { files, servers, shuns } = placement;
  return servers.flatMap((server) => {
    const isWanted = ({ path, surplus }: PlacedFile) => surplus < 0 || !shuns?.(server.name, path);
    const lacked = files.filter((file) => file.holders.size > 0 && !file.holders.has(server.id) && isWanted(file));
    return lacked.flatMap((file) => {
      const room = server.limitBytes - server.copyBytes - (file.surplus < 0 ? 0 : server.trashBytes);
      if (file.sizeBytes > server.limitBytes) return [];
      if (file.sizeBytes <= room) return [`${server.name} has ${room} bytes free, and no copy of ${tell(file)}`];
      const copies = goingFor(file.surplus, server, placement);
      const bytes = sum(copies);
      if (file.sizeBytes > room + bytes) return [];
      return [`${server.name} could take ${tell(file)} in the place of ${copies.map(tell).join(", ")}`];
    });
  });
}

/** R5: copies above N where the policy says 0 that enough others could promise theirs for (D1), one line for each. */
export function overstayingCopies({ files, servers, shuns }: Placement): string[] {
  return servers.flatMap(({ id, name }) =>
    files
      .filter(({ path, holders }) => holders.has(id) && shuns?.(name, path))
      .filter(({ surplus, holders, target }) => {
        const others = servers.filter((other) => other.id !== id && holders.has(other.id));
        return surplus > 0 && others.length >= target;
      })
      .map((file) => `${name} has a copy of ${tell(file)} that should be elsewhere`),
  );
}

/**
 * Bytes that a server could certainly make free for a new file: copies may go for it that leave min(W, N) others, even when
 * the other W - 1 servers that take the upload give up the same ones first.
 *
 * @param target N of the new file
 */
export function roomForUpload(server: PlacingServer, placement: Placement, target: number): number {
  const certain = goingFor(-target, server, placement, placement.writeCopies - 1);
  return server.limitBytes - server.copyBytes + sum(certain);
}

/** Copies of a server that may go for a file of that surplus, after so many others were given up. */
function goingFor(
  surplus: number,
  server: PlacingServer,
  { files, servers, writeCopies }: Placement,
  before = 0,
): PlacedFile[] {
  return files.filter((file) => {
    if (!file.holders.has(server.id) || file.surplus < surplus + GAIN) return false;
    const promises = Math.max(1, Math.min(writeCopies, file.target), file.target + surplus + 1);
    const others = servers.filter(({ id }) => id !== server.id && file.holders.has(id));
    return others.length - before >= promises;
  });
}

/** What servers tell of their copies; files whose bytes the simulator has spoilt somewhere are left out. */
export function placementOf(
  view: RestView,
  losses: Losses,
  {
    reserve,
    writeCopies,
    shuns,
  }: { readonly reserve: number; readonly writeCopies: number; readonly shuns?: Shuns | undefined },
): Placement {
  const up = new Set<string>(view.disks.map(({ server }) => server));
  const locations = [...(view.servers[0]?.locations.values() ?? [])];
  const files = locations.map(({ path, size, target, surplus, servers, sha256 }) => {
    const holders = new Set<string>(servers.map(({ id }) => id).filter((id) => up.has(id)));
    return { path, sizeBytes: size, target, surplus, holders, isSpoilt: losses.isRottenAnywhere(sha256) };
  });
  const servers = view.servers.flatMap(({ machine, servers, trash }) => {
    const self = servers.find((each) => each.self);
    if (self === undefined || self.settings.draining) return [];
    const held = files.filter(({ holders }) => holders.has(self.id));
    // An upload that nobody has committed waits for a while: its bytes are wanted if the record comes after all.
    const own = view.disks.find((disk) => disk.machine === machine)?.own ?? new Map<string, number>();
    const bytesIn = (directory: string) =>
      [...own].reduce((bytes, [name, size]) => bytes + (name.startsWith(directory) ? size : 0), 0);
    // While a file has fewer than min(W, N) copies, what it superseded stays in the trash (S2).
    const isKept = files.some(({ holders, target }) => holders.size < Math.min(writeCopies, target));
    const lasting = bytesIn(STAGED) + (isKept ? bytesIn(TRASH) : 0);
    const listed = trash.filter(({ servers }) => servers.includes(machine.name)).map(({ size }) => size);
    // What was thrown away here and is back elsewhere is not listed; where it has no place (R5) it lies on as before.
    const isBack = ({ path, version, servers }: (typeof locations)[number]) =>
      shuns?.(machine.name, path) && !servers.some(({ id }) => id === self.id) && bytesIn(`${TRASH}${version}`) > 0;
    const back = locations.filter(isBack).map(({ size }) => size);
    return [
      {
        id: self.id,
        name: machine.name,
        copyBytes: sum(held),
        limitBytes: Math.floor(self.quota.total * (1 - reserve)) - lasting,
        trashBytes: isKept ? 0 : [...listed, ...back].reduce((a, b) => a + b, 0),
      },
    ];
  });
  return { files: files.filter(({ isSpoilt }) => !isSpoilt), servers, writeCopies, shuns };
}

function sum(files: readonly PlacedFile[]): number {
  return files.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
}

function tell({ path, sizeBytes, surplus }: PlacedFile): string {
  return `${path} (${sizeBytes} bytes, surplus ${surplus})`;
}
