import { describe, expect, test } from "vitest";
import { FsdfsError } from "../errors.ts";
import { isWeak } from "../starting/password.ts";
import { Bulk } from "./bulk.ts";
import type { Context } from "./command.ts";
import { serverUrl } from "./connection.ts";
import { main } from "./main.ts";
import { formatSize, shown, table } from "./output.ts";

function screen(terminal = false) {
  let text = "";
  const write = (more: string) => {
    text += more;
  };
  const output = { write, terminal, columns: 60 };
  return { output, text: () => text };
}

describe("sizes, names and tables", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [99_949, "99.9 kB"],
    [99_950, "100 kB"],
    [999_499, "999 kB"],
    [999_500, "1.0 MB"],
    [150_200_000, "150 MB"],
    [2.5e15, "2.5 PB"],
  ])("%d bytes are shown as %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  test("columns are aligned, numbers to the right, whatever script they are in", () => {
    const rows = [
      { name: "ü", size: 5 },
      { name: "longer", size: 1234 },
    ];
    const columns = [
      { title: "NAME", value: (row: (typeof rows)[number]) => row.name },
      { title: "SIZE", value: (row: (typeof rows)[number]) => String(row.size), right: true },
    ];
    expect(table(rows, columns)).toBe("NAME    SIZE\nü          5\nlonger  1234\n");
  });

  test("a name from elsewhere cannot steer the terminal", () => {
    expect(shown("a\u001b[2Jb\n")).toBe("a\\u{1b}[2Jb\\u{a}");
  });
});

describe("many files", () => {
  test("some at once, failures gathered, the exit code told", async () => {
    const { output, text } = screen();
    const bulk = new Bulk(output);
    let atOnce = 0;
    let most = 0;
    const work = async (item: number) => {
      most = Math.max(most, ++atOnce);
      await new Promise((resolve) => setImmediate(resolve));
      atOnce--;
      if (item % 10 === 0) throw new FsdfsError("file-not-found", { path: `f${item}` });
      bulk.fileDone(String(item));
    };
    await bulk.run(
      Array.from({ length: 100 }, (_, at) => at),
      (item) => `item ${item}`,
      work,
    );
    expect(most).toBe(8);
    expect(bulk.progress.movedFiles).toBe(90);
    expect(bulk.finish()).toBe(1);
    expect(text()).toContain("fsdfs: item 90: There is no file or directory f90.");
    expect(text().match(/List what is there/g)).toHaveLength(1);
  });

  test("nothing more is tried when it would all fail for the same reason", async () => {
    const bulk = new Bulk(screen().output);
    let tried = 0;
    await bulk.run(
      Array.from({ length: 1000 }, (_, at) => at),
      String,
      async () => {
        tried++;
        await Promise.resolve();
        throw new FsdfsError("unauthorized");
      },
    );
    expect(tried).toBeLessThan(20);
  });

  test("what fails while the items are made is told as well", async () => {
    const bulk = new Bulk(screen().output);
    const items = async function* () {
      yield 1;
      throw new FsdfsError("path-invalid", { reason: "x" });
    };
    await bulk.run(items(), String, async () => bulk.fileDone(""));
    expect(bulk.progress.movedFiles).toBe(1);
    expect(bulk.failures).toMatchObject([{ code: "path-invalid" }]);
  });

  test("a progress line is shown on a terminal only, within its width, and taken away at the end", async () => {
    for (const terminal of [true, false]) {
      const { output, text } = screen(terminal);
      const bulk = new Bulk(output);
      bulk.bytesDone(5000, "a-name-that-is-much-longer-than-the-terminal-is-wide-really");
      expect(text().length).toBe(terminal ? 60 : 0);
      bulk.finish();
      expect(text().endsWith(terminal ? "\r" : "")).toBe(true);
    }
  });
});

describe("servers and passwords as people give them", () => {
  test.each([
    ["music.lan", "http://music.lan:4242"],
    ["10.0.0.7:5000", "http://10.0.0.7:5000"],
    ["http://10.0.0.7:5000/", "http://10.0.0.7:5000"],
    ["https://files.example.org", "https://files.example.org"],
  ])("--server %s is %s", (text, url) => {
    expect(serverUrl(text)).toBe(url);
  });

  test.each(["", "http://", "http://a/b", "a?b"])("--server '%s' is refused", (text) => {
    expect(() => serverUrl(text)).toThrow("not a server's URL");
  });

  test("--data and --server each say which server is asked, whatever the other's variable says, and not both", async () => {
    const asked = async (args: readonly string[], environment: Context["environment"]) => {
      const [out, err] = [screen(), screen()];
      const context: Context = {
        environment,
        out: out.output,
        err: err.output,
        outlivesOutput: () => undefined,
        onInterrupt: () => undefined,
      };
      return { code: await main(["ls", ...args], context), err: err.text() };
    };
    const elsewhere = "http://127.0.0.1:1";
    expect(await asked(["--data", "/nowhere"], { FSDFS_SERVER: elsewhere })).toMatchObject({
      code: 1,
      err: expect.stringContaining("No server of yours runs on /nowhere."),
    });
    expect(await asked(["--server", elsewhere], { FSDFS_DATA: "/nowhere" })).toMatchObject({
      code: 1,
      err: expect.stringContaining(`No fsdfs server answers at ${elsewhere}`),
    });
    expect(await asked(["--server", elsewhere, "--data", "/nowhere"], {})).toMatchObject({
      code: 2,
      err: expect.stringContaining("the same is said by another option"),
    });
  });

  test.each([
    ["music", true],
    ["aaaaaaaaaaaaaaaaaaaaaaaaaa", true],
    ["k7wq2mzx9tbn4hvr3jcp6fyds8", false],
  ])("whether '%s' is weak: %s", (password, weak) => {
    expect(isWeak(password)).toBe(weak);
  });
});

describe("what is no command", () => {
  const run = async (...args: string[]) => {
    const [out, err] = [screen(), screen()];
    const context: Context = {
      environment: {},
      out: out.output,
      err: err.output,
      outlivesOutput: () => undefined,
      onInterrupt: () => undefined,
    };
    return { code: await main(args, context), out: out.text(), err: err.text() };
  };

  test("nothing at all shows the overview, with the exit code of a mistake", async () => {
    expect(await run()).toMatchObject({ code: 2, out: expect.stringContaining("Commands:") });
    expect(await run("help", "ls")).toMatchObject({ code: 0, out: expect.stringContaining("Usage: fsdfs ls [PATH]") });
  });

  test.each([
    ["trash", "empty", ""],
    ["trash", "restore", "-r", ""],
    ["sync", "", "swarm:/music", "--delete"],
    ["sync", "music", "swarm:", "--delete"],
    ["sync", "swarm:", "music", "--delete"],
    ["stop", "--data", ""],
    ["ls", "--data", ""],
    ["ls", "--password", ""],
  ])(
    "what a variable that is not set leaves empty names neither everything nor this directory: %j",
    async (...args) => {
      // Nothing listens there, should it be asked all the same.
      const server = args.includes("--data") ? [] : ["--server", "http://127.0.0.1:1"];
      expect(await run(...args, ...server)).toMatchObject({
        code: 2,
        err: expect.stringMatching(/empty|nothing is named/),
      });
    },
  );

  test.each(["fsdfs_123", "two\r", "ключ"])(
    "what cannot be a key is refused before anybody is asked: %j",
    async (key) => {
      const failed = await run("ls", "--key", key, "--server", "http://127.0.0.1:1");
      expect(failed).toMatchObject({ code: 2, err: expect.stringContaining("--key") });
      expect(failed.err).not.toContain(key);
    },
  );

  test("options that exclude one another are refused with the command's own help named", async () => {
    expect(await run("ls", "--key", "k", "--password", "p")).toMatchObject({
      code: 2,
      err: expect.stringContaining("See: fsdfs ls --help"),
    });
  });
});
