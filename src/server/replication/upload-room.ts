/**
 * Room for uploads (S3). A file that has no copy yet is wanted more than any other, with a surplus of -N. Copies go for it
 * as its bytes arrive, never for what a client says will come; but whether they could is looked at before, so that an
 * upload goes where it can be stored, or is refused before it is sent.
 */
import { EXCHANGE_GAIN } from "../../core/replication/making-room.ts";
import { FsdfsError } from "../../errors.ts";
import type { Directives } from "../control/directives.ts";
import type { Link } from "../mesh/link.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { decodeJson, encodeJson, type ServerReport } from "../mesh/messages.ts";
import type { Settings } from "../settings.ts";
import type { DiskWatch } from "../storage/disk-watch.ts";
import type { Space } from "../storage/space.ts";
import type { ActivePulls } from "./active-pulls.ts";
import type { RoomMaker, RoomWish } from "./room-maker.ts";

const ASK_TIMEOUT_MS = 2000;
/** Servers that are asked for one upload. */
const ASKED_MAX = 16;

export interface UploadRoomParts {
  readonly settings: Settings;
  readonly mesh: Mesh;
  readonly membership: Membership;
  readonly space: Space;
  readonly disk: DiskWatch;
  readonly roomMaker: RoomMaker;
  readonly active: ActivePulls;
  readonly directives: Directives;
}

export class UploadRoom {
  readonly #parts: UploadRoomParts;

  constructor(parts: UploadRoomParts) {
    this.#parts = parts;
    parts.mesh.handle("upload-room", async ({ message }) => {
      const { bytes } = decodeJson<{ bytes: number }>(message);
      return { head: encodeJson({ could: !parts.membership.isBehind && this.couldTake(bytes) }) };
    });
  }

  /**
   * Gives up copies until there is room: see `MakeRoom`. When they are too few, copies beyond N that are just being made as well.
   *
   * @throws FsdfsError `overloaded` while others hold what might go and do not promise to keep it: they may in a moment
   */
  async make(missing: () => number): Promise<boolean> {
    const { roomMaker, active } = this.#parts;
    const makes = async () => (await roomMaker.make(missing, this.#wish())) || missing() <= 0;
    if (await makes()) return true;
    if (active.givingWayBytes() > 0) {
      await active.giveWay();
      if (await makes()) return true;
    }
    if (roomMaker.mayMake(missing(), this.#wish())) throw new FsdfsError("overloaded");
    return false;
  }

  /** Whether an upload of so many bytes would find room here, or copies that may go for it. */
  couldTake(bytes: number): boolean {
    const { space, disk, roomMaker, active } = this.#parts;
    if (disk.isResting || bytes > space.quotaBytes) return false;
    const missing = bytes - space.roomBytes("upload") - active.givingWayBytes();
    return missing <= 0 || roomMaker.mayMakeInPieces(missing, this.#wish());
  }

  /** Whether another server has told that it has room for so many bytes. */
  isThereElsewhere(bytes: number): boolean {
    return this.#others().some(({ report }) => report.roomBytes >= bytes);
  }

  /** The server with the most room, when it is more than so much: for uploads of unknown size. */
  roomiest(bytes: number): Link | undefined {
    const [best] = this.#others((report) => report.roomBytes);
    return best !== undefined && best.report.roomBytes > bytes ? best : undefined;
  }

  /**
   * Another server that could take an upload of so many bytes, those with room first; undefined when none says so. One that
   * was behind when it last told is asked as well, after the others: right after a start all of them were.
   */
  async findElsewhere(bytes: number): Promise<Link | undefined> {
    const rank = ({ behind, roomBytes, maxSurplus }: ServerReport) => {
      if (behind) return Number.NEGATIVE_INFINITY;
      return roomBytes >= bytes ? Number.MAX_VALUE : (maxSurplus ?? -Number.MAX_VALUE);
    };
    for (const link of this.#ranked(rank).slice(0, ASKED_MAX)) if (await this.#asks(link, bytes)) return link;
    return undefined;
  }

  /** Servers that take uploads, as they have told. */
  #others(rank: (report: ServerReport) => number = () => 0): Link[] {
    return this.#ranked(rank).filter(({ report }) => !report.behind);
  }

  /** The highest in rank first, behind them those that are about to leave. */
  #ranked(rank: (report: ServerReport) => number): Link[] {
    const { mesh, directives } = this.#parts;
    const isLast = ({ server }: Link) => Number(directives.isDraining(server));
    const order = (a: Link, b: Link) =>
      rank(a.report) < rank(b.report) ? 1 : rank(a.report) > rank(b.report) ? -1 : 0;
    return mesh.upLinks().sort((a, b) => isLast(a) - isLast(b) || order(a, b) || a.report.load - b.report.load);
  }

  /** Whether a server has told that copies on it may go for an upload. */
  mayMakeRoom({ maxSurplus }: ServerReport): boolean {
    const { copies, writeCopies } = this.#parts.settings;
    const safe = Math.min(copies, writeCopies);
    return maxSurplus !== null && maxSurplus >= Math.max(EXCHANGE_GAIN, safe + 1) - copies;
  }

  async #asks(link: Link, bytes: number): Promise<boolean> {
    try {
      const answer = await link.call("upload-room", encodeJson({ bytes }), ASK_TIMEOUT_MS);
      return decodeJson<{ could: boolean }>(answer).could;
    } catch {
      return false;
    }
  }

  #wish(): RoomWish {
    return { surplus: -this.#parts.settings.copies, isUrgent: true };
  }
}
