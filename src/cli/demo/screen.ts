/** A terminal on which a story goes on line by line, above a table that is drawn again and again. Elsewhere: lines only. */
import type { Environment } from "../../options.ts";
import type { Output } from "../command.ts";

const ROWS_MIN = 16;
const COLUMNS_MIN = 40;

export interface Screen {
  /** There is a table to look at. */
  readonly live: boolean;
  readonly colors: boolean;
  /** Characters beyond ASCII can be shown. */
  readonly unicode: boolean;
  readonly columns: number;
  /** A part of the story, for good. */
  say(text: string): void;
  /** The table. Its lines must be shorter than the screen is wide. */
  show(lines: readonly string[]): void;
  /** Leaves what is there as it is, and gives the cursor back. */
  end(): void;
}

export function createScreen(out: Output, environment: Environment): Screen {
  const able = out.terminal && environment.TERM !== "dumb";
  const live = able && out.columns >= COLUMNS_MIN && (out.rows ?? ROWS_MIN) >= ROWS_MIN;
  let shown: readonly string[] = [];
  let hidden = false;
  const erase = () => {
    if (shown.length > 0) out.write(`\x1b[${shown.length}A\r\x1b[J`);
  };
  const draw = () => out.write(shown.map((line) => `${line}\n`).join(""));
  return {
    live,
    colors: able && !environment.NO_COLOR,
    unicode: /utf-?8/i.test(environment.LC_ALL || environment.LC_CTYPE || environment.LANG || ""),
    get columns() {
      return out.columns;
    },
    say: (text) => {
      erase();
      out.write(`${text}\n`);
      draw();
    },
    show: (lines) => {
      if (!live || lines.join("\n") === shown.join("\n")) return;
      if (!hidden) out.write("\x1b[?25l");
      hidden = true;
      erase();
      shown = lines;
      draw();
    },
    end: () => {
      if (hidden) out.write("\x1b[?25h");
      hidden = false;
      shown = [];
    },
  };
}
