/** Which file systems are fit for a server's files and its catalog. */
import { statfs } from "node:fs/promises";
import { type Found, fail, ok, warn } from "./check.ts";

export interface Kind {
  readonly name: string;
  /** far: on another machine; passing: gone after a restart; poor: without what copies need. */
  readonly nature: "local" | "far" | "passing" | "poor";
}

/** By the numbers of linux/magic.h and of the file systems that are not in it. */
const KINDS: Readonly<Record<number, Kind>> = {
  61267: { name: "ext4", nature: "local" },
  1481003842: { name: "xfs", nature: "local" },
  2435016766: { name: "btrfs", nature: "local" },
  801189825: { name: "zfs", nature: "local" },
  4076150800: { name: "f2fs", nature: "local" },
  3393526350: { name: "bcachefs", nature: "local" },
  26985: { name: "NFS", nature: "far" },
  20859: { name: "SMB", nature: "far" },
  4283649346: { name: "CIFS", nature: "far" },
  4266872130: { name: "SMB", nature: "far" },
  16914839: { name: "9p", nature: "far" },
  12805120: { name: "Ceph", nature: "far" },
  1702057286: { name: "FUSE", nature: "far" },
  16914836: { name: "tmpfs", nature: "passing" },
  2240043254: { name: "ramfs", nature: "passing" },
  2035054128: { name: "overlay", nature: "passing" },
  19780: { name: "FAT", nature: "poor" },
  538032816: { name: "exFAT", nature: "poor" },
};

export async function kindOf(path: string): Promise<Kind> {
  // Some systems hand the number out with a sign.
  const number = (await statfs(path)).type >>> 0;
  return KINDS[number] ?? { name: `kind 0x${number.toString(16)}`, nature: "local" };
}

export function judgeKind(found: {
  readonly data: string;
  readonly state: string;
  readonly dataKind: Kind | undefined;
  readonly stateKind: Kind | undefined;
}): Found[] {
  const { data, state, dataKind, stateKind } = found;
  if (dataKind === undefined || stateKind === undefined) return [];
  const findings: Found[] = [];
  if (stateKind.nature === "far") {
    findings.push(
      fail(
        `The catalog's directory ${state} is on ${stateKind.name}, where LMDB damages it.`,
        "Put it on a local disk with --state DIR.",
      ),
    );
  }
  if (dataKind.nature === "passing") {
    findings.push(
      warn(
        `${data} is on ${dataKind.name}: what is there is lost with the machine's memory, or with the container.`,
        "Choose a disk with --data, or mount a volume there.",
      ),
    );
  } else if (dataKind.nature === "poor") {
    findings.push(
      warn(
        `${data} is on ${dataKind.name}, which has no hard links and takes names for equal that are not.`,
        "Use a disk with ext4, xfs, btrfs or zfs.",
      ),
    );
  } else if (dataKind.nature === "far") {
    findings.push(warn(`${data} is on ${dataKind.name}, which may be slow.`, "A local disk needs no other machine."));
  }
  return findings.length > 0 ? findings : [ok(`${data} is on ${dataKind.name}`)];
}
