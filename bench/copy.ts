/** Copying everything to a new empty server, against `cp -r` of the same tree on the same disk. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { tell } from "./series.ts";
import { BenchSwarm, until } from "./swarm.ts";

/** Of the smaller tree cp leaves nearly all to the page cache, and a new process has only begun to be compiled. */
const TREES = [200, 800];
const FILE_BYTES = 5_000_000;
const DIRECTORY = "library";

export async function measureCopying(runs: number): Promise<void> {
  for (const files of TREES) await measureTree(files, runs);
}

async function measureTree(files: number, runs: number): Promise<void> {
  const whole: number[] = [];
  const ratios: number[] = [];
  for (let run = 0; run < runs; run++) {
    const swarm = await BenchSwarm.create();
    try {
      const first = await swarm.start("20G");
      for (let i = 0; i < files; i++) {
        const content = randomBytes(FILE_BYTES);
        await first.client.put(`${DIRECTORY}/${i}.ogg`, {
          sizeBytes: FILE_BYTES,
          open: async function* () {
            yield content;
          },
        });
      }
      const copied = await secondsOfCp(join(first.data, DIRECTORY), join(swarm.root, "copy"));
      const second = await swarm.start("20G");
      const start = performance.now();
      await until("all files are copied", async () => (await second.client.status()).minSurplus === -1);
      const seconds = (performance.now() - start) / 1000;
      whole.push((files * FILE_BYTES) / seconds / 1e6);
      ratios.push(copied / seconds);
    } finally {
      await swarm.close();
    }
  }
  const name = `copying ${(files * FILE_BYTES) / 1e9} GB to a new server`;
  tell({ name, values: whole, unit: "MB/s" });
  tell({ name: `${name}, against cp -r and sync`, values: ratios, unit: "x", target: 0.6 });
}

/** cp, and what it wrote on the disk, as fsdfs's copies are. */
async function secondsOfCp(from: string, to: string): Promise<number> {
  const start = performance.now();
  const command = `cp -r "$1" "$2" && find "$2" -type f -exec sync {} +`;
  const [code] = await once(spawn("sh", ["-c", command, "sh", from, to], { stdio: "inherit" }), "exit");
  if (code !== 0) throw new Error(`cp ended with ${code}`);
  const seconds = (performance.now() - start) / 1000;
  await rm(to, { recursive: true });
  return seconds;
}
