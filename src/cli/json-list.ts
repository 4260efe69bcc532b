/** A --json document whose list may be longer than the memory: it is written while it is made. */
import type { Output } from "./command.ts";

export class JsonList {
  readonly #out: Output;
  #items = 0;

  /** `{"files": [` */
  constructor(out: Output, name: string) {
    this.#out = out;
    out.write(`{\n  ${JSON.stringify(name)}: [`);
  }

  add(item: unknown): void {
    const text = JSON.stringify(item, null, 2).replaceAll("\n", "\n    ");
    this.#out.write(`${this.#items++ === 0 ? "" : ","}\n    ${text}`);
  }

  /** The list's end, and the other members. */
  end(members: Readonly<Record<string, unknown>> = {}): void {
    const rest = Object.entries(members).map(
      ([name, value]) => `,\n  ${JSON.stringify(name)}: ${JSON.stringify(value, null, 2).replaceAll("\n", "\n  ")}`,
    );
    this.#out.write(`${this.#items === 0 ? "" : "\n  "}]${rest.join("")}\n}\n`);
  }
}
