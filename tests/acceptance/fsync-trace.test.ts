/** The judge of traces can fail: a trace in which one step is missing, late or refused by the disk is found out. */
import { expect, test } from "vitest";
import { acknowledgements, missingName, missingStep, parseTrace, type Trace, violations } from "./fsync-trace.ts";

const DATA = "/srv/a";
const PUT = { marker: "[song]", path: "new/song.ogg" };
const VERSION = "06881c9733cc00-0802a0a54fe1";

/** What one server does for one PUT, as strace wrote it, less what does not matter. */
const LINES = {
  create: `10.000001 openat(AT_FDCWD</tmp>, "/proc/self/fd/33/4e8c", O_WRONLY|O_CREAT|O_EXCL, 0666) = 35<${DATA}/.fsdfs/staged/4e8c> <0.000100>`,
  write: `10.001000 pwrite64(35<${DATA}/.fsdfs/staged/4e8c>, "[song] la la", 12, 0) = 12 <0.000045>`,
  append: `10.002000 pwrite64(35<${DATA}/.fsdfs/staged/4e8c>, " la", 3, 12) = 3 <0.000045>`,
  fileSync: `10.003000 fsync(35<${DATA}/.fsdfs/staged/4e8c>) = 0 <0.001318>`,
  nameSync: `10.005000 fsync(36<${DATA}/.fsdfs/staged>) = 0 <0.000208>`,
  pages: `10.006000 writev(24<${DATA}/.fsdfs/catalog/data.mdb>, [{iov_base="\\3\\0song.fsdfs/staged/4e8c\\17", iov_len=4096}], 1) = 4096 <0.000100>`,
  pagesSync: `10.007000 fdatasync(24<${DATA}/.fsdfs/catalog/data.mdb>) = 0 <0.000400>`,
  root: `10.008000 pwrite64(25<${DATA}/.fsdfs/catalog/data.mdb>, "\\0\\0", 120, 4096) = 120 <0.000400>`,
  make: `10.009000 mkdir("/proc/self/fd/22/new", 0777) = 0 <0.000100>`,
  makeSync: `10.010000 fsync(37<${DATA}>) = 0 <0.000100>`,
  openStaged: `10.011000 openat(AT_FDCWD</tmp>, "/proc/self/fd/22/.fsdfs/staged", O_PATH|O_DIRECTORY) = 33<${DATA}/.fsdfs/staged> <0.000080>`,
  openNew: `10.012000 openat(AT_FDCWD</tmp>, "/proc/self/fd/22/new", O_PATH|O_DIRECTORY) = 38<${DATA}/new> <0.000080>`,
  rename: `10.013000 rename("/proc/self/fd/33/4e8c", "/proc/self/fd/38/song.ogg") = 0 <0.000087>`,
  renameSync: `10.014000 fsync(39<${DATA}/new>) = 0 <0.000190>`,
  answer: `10.020000 write(32<TCP:[127.0.0.1:4242->127.0.0.1:5]>, "HTTP/1.1 201 Created\\r\\netag: \\"x\\"\\r\\nfsdfs-version: ${VERSION}\\r\\nfsdfs-copies: 1\\r\\n\\r\\n{}", 453) = 453 <0.000060>`,
};

type Step = keyof typeof LINES;

function trace(lines: readonly string[]): Trace {
  const calls = parseTrace([lines.join("\n"), "+++ exited with 0 +++"], new Map([[22, DATA]]));
  return { server: "a", data: DATA, durable: new Set([25]), calls };
}

/** What is found when some of the lines are other ones. */
function judge(changed: Partial<Record<Step, string>>): string | undefined {
  const doctored = trace(Object.values({ ...LINES, ...changed }));
  const [told] = acknowledgements(doctored.calls);
  if (told === undefined) throw new Error("no answer was found");
  return missingStep(PUT, told.atS, doctored);
}

function later(step: Step, seconds: string): Partial<Record<Step, string>> {
  return { [step]: LINES[step].replace(/^10\.0\d+/, seconds) };
}

function refused(step: Step): Partial<Record<Step, string>> {
  return { [step]: LINES[step].replace(/= 0 </, "= -1 EIO (Input/output error) <") };
}

test("a trace in which every step is there and in its order is in order", () => {
  expect(judge({})).toBeUndefined();
  expect(acknowledgements(trace(Object.values(LINES)).calls)).toEqual([{ version: VERSION, copies: 1, atS: 10.02 }]);
});

const DOCTORED: [what: string, changed: Partial<Record<Step, string>>, found: RegExp][] = [
  ["the file is not synced", { fileSync: "" }, /file was not synced/],
  ["the disk refuses to sync the file", refused("fileSync"), /file was not synced/],
  ["the file is written after its sync", later("append", "10.005500"), /file was not synced/],
  ["the sync begins before the last write ends", later("append", "10.002980"), /file was not synced/],
  ["the staged file's name is not synced", { nameSync: "" }, /name was not synced/],
  ["the catalog is not synced", { pagesSync: "" }, /catalog was not written and synced/],
  ["the disk refuses to sync the catalog", refused("pagesSync"), /catalog was not written and synced/],
  ["the catalog's root is not written", { root: "" }, /catalog was not written and synced/],
  ["the catalog's root is written through another descriptor", { root: LINES.root.replace("(25<", "(24<") }, /catalog/],
  ["the catalog never speaks of the file", { pages: LINES.pages.replace("4e8c", "4e8d") }, /catalog was not written/],
  ["the catalog speaks of the file too early", later("fileSync", "10.008500"), /spoke of a file/],
  ["the file is not renamed", { rename: "" }, /not renamed/],
  ["the file goes to another path", { rename: LINES.rename.replace("song.ogg", "sing.ogg") }, /not renamed/],
  [
    "the file is renamed before the catalog is synced",
    { ...later("openStaged", "10.007100"), ...later("openNew", "10.007200"), ...later("rename", "10.007600") },
    /before the catalog was synced/,
  ],
  ["the directory is not synced", { renameSync: "" }, /directory was not synced after the rename/],
  ["the directory is synced before the rename only", later("renameSync", "10.012500"), /directory was not synced/],
  ["the disk refuses to sync the directory", refused("renameSync"), /directory was not synced/],
  ["a new directory is not synced into its parent", { makeSync: "" }, /new was made and not synced/],
  ["the answer comes before the last sync has ended", later("answer", "10.014100"), /directory was not synced/],
  ["the answer comes first", later("answer", "9.000000"), /no staged file/],
];

test.each(DOCTORED)("a doctored trace is found out: %s", (_, changed, found) => {
  expect(judge(changed)).toMatch(found);
});

test("a PUT that is durable on fewer servers than W, or than its answer says, is told with what each of them lacks", () => {
  const good = trace(Object.values(LINES));
  const [told] = acknowledgements(good.calls);
  if (told === undefined) throw new Error("no answer was found");
  const bad = { ...trace(Object.values({ ...LINES, renameSync: "" })), server: "b" };
  expect(violations(PUT, told, [good, bad], 1)).toEqual([]);
  expect(violations(PUT, told, [good, { ...good, server: "b" }], 2)).toEqual([]);
  for (const [answer, copies] of [
    [told, 2],
    [{ ...told, copies: 2 }, 1],
  ] as const) {
    expect(violations(PUT, answer, [good, bad], copies)).toEqual([
      "new/song.ogg was durable on 1 of 2 servers",
      "a: durable",
      "b: the directory was not synced after the rename",
    ]);
  }
});

test("a name that is missing between the old version and the new is found out", () => {
  const removal = '10.012500 rename("/proc/self/fd/38/song.ogg", "/proc/self/fd/33/old") = 0 <0.000087>';
  expect(missingName(PUT, trace(Object.values(LINES)))).toBeUndefined();
  expect(missingName(PUT, trace([...Object.values(LINES), removal]))).toMatch(/^a: rename\(.*song\.ogg/);
});
