import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { FsdfsError } from "../../errors.ts";
import type { Location, ServerInfo } from "../../server/face.ts";
import type { Output } from "../command.ts";
import { crc8, crc16 } from "./bit-writer.ts";
import { encodeFlac } from "./flac.ts";
import { type Machine, patiently, STUCK_MS, unlessPassing } from "./patience.ts";
import { createScreen } from "./screen.ts";
import { makeSong } from "./songs.ts";
import { describe as drawn, isAtRest } from "./view.ts";

/** As much of a FLAC decoder as reads what our encoder writes, and holds its checksums against it. */
function decode(file: Uint8Array): { samples: number[]; total: number; md5: string } {
  const bytes = Buffer.from(file);
  expect(bytes.toString("latin1", 0, 4)).toBe("fLaC");
  const total = bytes.readUInt32BE(8 + 14);
  const md5 = bytes.toString("hex", 8 + 18, 8 + 34);
  let at = 4;
  for (let last = false; !last; at += 4 + bytes.readUIntBE(at + 1, 3)) last = bytes[at]! >= 0x80;
  const samples: number[] = [];
  for (let number = 0; at < bytes.length; number++) {
    const start = at;
    let bit = at * 8;
    const read = (count: number) => {
      let value = 0;
      for (let left = count; left > 0; left--, bit++) value = value * 2 + ((bytes[bit >> 3]! >> (7 - (bit & 7))) & 1);
      return value;
    };
    const signed = (count: number) => {
      const value = read(count);
      return value >= 2 ** (count - 1) ? value - 2 ** count : value;
    };
    expect(read(16)).toBe(0xfff8);
    const sizeCode = read(4);
    expect(read(12)).toBe(0b0110_0000_1000);
    expect(read(8)).toBe(number);
    const size = sizeCode === 12 ? 4096 : read(16) + 1;
    expect(read(8)).toBe(crc8(bytes.subarray(start, bit / 8 - 1)));
    const order = read(8) / 2 - 8;
    const block = Array.from({ length: order }, () => signed(16));
    expect(read(2)).toBe(0);
    const partitions = 2 ** read(4);
    for (let partition = 0; partition < partitions; partition++) {
      const parameter = read(4);
      while (block.length < (size / partitions) * (partition + 1)) {
        let high = 0;
        while (read(1) === 0) high++;
        const folded = high * 2 ** parameter + read(parameter);
        const residual = folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
        const [a = 0, b = 0, c = 0, d = 0] = block.slice(-4).reverse();
        const guess = [0, a, 2 * a - b, 3 * (a - b) + c, 4 * (a + c) - 6 * b - d][order]!;
        block.push(guess + residual);
      }
    }
    at = Math.ceil(bit / 8) + 2;
    expect(bytes.readUInt16BE(at - 2)).toBe(crc16(bytes.subarray(start, at - 2)));
    samples.push(...block);
  }
  return { samples, total, md5 };
}

const ESC = String.fromCharCode(27);

describe("the demo's music", () => {
  test("checksums are those of the standard", () => {
    expect(crc8(Buffer.from("123456789"))).toBe(0xf4);
    expect(crc16(Buffer.from("123456789"))).toBe(0xfee8);
  });

  test.each([1, 3, 5000, 8192])("%d samples, the loudest among them, come out of FLAC as they went in", (length) => {
    const samples = Int16Array.from({ length }, (_, at) =>
      at % 1000 === 7 ? 32_767 : at % 1000 === 8 ? -32_768 : Math.round(Math.sin(at / 9) * 5000),
    );
    const decoded = decode(encodeFlac(samples, { TITLE: "Ü" }));
    expect(decoded.samples).toEqual([...samples]);
    expect(decoded.total).toBe(length);
    expect(decoded.md5).toBe(createHash("md5").update(new Uint8Array(samples.buffer)).digest("hex"));
  });

  test("a song lasts for seconds, is heard, is half the size of its samples, and the same each time", () => {
    const song = makeSong(7);
    const { samples } = decode(song.bytes);
    expect(song.name).toMatch(/^07-[a-z]+-[a-z]+\.flac$/);
    expect(samples.length / 22_050).toBeGreaterThan(3.9);
    expect(Math.max(...samples.slice(0, 22_050))).toBeGreaterThan(2000);
    expect(song.bytes.length).toBeLessThan(samples.length * 1.3);
    expect(makeSong(7)).toEqual(song);
    expect(makeSong(8).name).not.toBe(song.name);
  });
});

const server = (name: string, state: "up" | "down", files: number) =>
  ({ name, state, files, pulls: 0, quota: { used: files * 1000, total: 1e9, free: 1e9 } }) as ServerInfo;
const song = (...states: ("up" | "down")[]) => ({ servers: states.map((state) => ({ state })) }) as unknown as Location;

describe("what the demo shows", () => {
  const plain = { columns: 80, colors: false, unicode: false };
  const busy = {
    servers: [server("alpha", "up", 4), server("beta", "up", 1), server("gamma", "down", 0)],
    files: 4,
    songs: [song("up"), song("up", "up"), song("up", "down"), null],
  };

  test("each server with a bar, and each song's copies on servers that are up", () => {
    const lines = drawn(busy, plain);
    expect(lines[2]).toMatch(/^ {2}alpha +up +4 of 4 +4\.0 kB {2}#{35}$/);
    expect(lines[3]).toMatch(/^ {2}beta +up +1 of 4 +1\.0 kB {2}#{9}\.{26}$/);
    expect(lines[4]).toMatch(/gamma +down/);
    expect(lines).toContain("  121-");
  });

  test.each([40, 60, 100, 200])("fits in %d columns, with colours as well", (columns) => {
    for (const colors of [true, false]) {
      const lines = drawn(
        { ...busy, songs: Array.from({ length: 60 }, () => song("up")) },
        { ...plain, columns, colors },
      );
      const bare = lines.map((line) => line.replaceAll(new RegExp(`${ESC}\\[\\d+m`, "g"), ""));
      expect(Math.max(...bare.map((line) => line.length))).toBeLessThan(columns);
      expect(lines.join("").includes(ESC)).toBe(colors);
    }
  });

  test("is at rest only when every song is on every server", () => {
    const rest = { servers: [server("a", "up", 1), server("b", "up", 1)], files: 1, songs: [song("up", "up")] };
    expect(isAtRest(rest, 2)).toBe(true);
    expect(isAtRest(rest, 3)).toBe(false);
    expect(isAtRest({ ...rest, songs: [song("up", "down")] }, 2)).toBe(false);
    expect(isAtRest({ ...rest, servers: [server("a", "up", 1), server("b", "up", 0)] }, 2)).toBe(false);
    expect(isAtRest({ ...rest, servers: [server("a", "up", 1), server("b", "down", 1)] }, 2)).toBe(false);
  });
});

describe("the screen", () => {
  const on = (terminal: boolean, columns: number, environment: Record<string, string>) => {
    let text = "";
    const write = (more: string) => {
      text += more;
    };
    const out: Output = { write, terminal, columns };
    return { screen: createScreen(out, environment), text: () => text };
  };

  test("draws the table anew below what it says, and gives the cursor back", () => {
    const { screen, text } = on(true, 80, { LANG: "C.UTF-8" });
    screen.show(["a", "b"]);
    screen.say("hello");
    screen.show(["c"]);
    screen.end();
    expect(text().replaceAll(ESC, "^")).toBe("^[?25la\nb\n^[2A\r^[Jhello\na\nb\n^[2A\r^[Jc\n^[?25h");
    expect(screen).toMatchObject({ live: true, colors: true, unicode: true });
  });

  test("has no table in a file or a narrow terminal, and no colours under NO_COLOR", () => {
    const file = on(false, 80, {});
    file.screen.show(["a"]);
    file.screen.say("hello");
    file.screen.end();
    expect(file.text()).toBe("hello\n");
    expect(on(true, 30, {}).screen.live).toBe(false);
    expect(on(true, 80, { TERM: "dumb" }).screen.live).toBe(false);
    expect(on(true, 80, { NO_COLOR: "1" }).screen).toMatchObject({ live: true, colors: false, unicode: false });
  });
});

describe("the demo's patience", () => {
  /** Its clock goes on only by what is waited. */
  const machine = (load: number): Machine => {
    let nowMs = 0;
    const wait = async (ms: number) => {
      nowMs += ms;
    };
    return { monotonicMs: () => nowMs, wait, load: () => load, processors: 2 };
  };
  const wanted = { what: "all is copied", pauseMs: 1_000 };

  test("lasts for as long as anything moves, however slowly", async () => {
    const slow = machine(40);
    const moves = () => String(Math.floor(slow.monotonicMs() / (STUCK_MS - 1_000)));
    const done = async () => (slow.monotonicMs() > 20 * STUCK_MS ? "done" : undefined);
    expect(await patiently(done, { ...wanted, sign: moves }, slow)).toBe("done");
  });

  test.each([
    [40, "The machine is busy (its load is 40.0 on 2 processors)."],
    [0.5, "The machine is not busy (its load is 0.5 on 2 processors)."],
  ])("ends when nothing has moved for two minutes, and says what it waits for, at a load of %d", async (load, told) => {
    const stuck = machine(load);
    const waiting = patiently(async () => undefined, { ...wanted, sign: () => "alpha 3, beta 2" }, stuck);
    await expect(waiting).rejects.toMatchObject({
      message: "The demo waits until all is copied, and for 120 s nothing has moved. Last seen: alpha 3, beta 2",
      hint: expect.stringContaining(told),
    });
    expect(stuck.monotonicMs()).toBe(STUCK_MS);
  });

  test("bears what a loaded swarm answers, and nothing else", async () => {
    const fail = (error: Error) => unlessPassing(() => Promise.reject(error));
    expect(await fail(new FsdfsError("behind"))).toBeUndefined();
    expect(await unlessPassing(async () => wanted)).toBe(wanted);
    await expect(fail(new FsdfsError("internal"))).rejects.toMatchObject({ code: "internal" });
    await expect(fail(new TypeError("a bug"))).rejects.toThrow("a bug");
  });
});
