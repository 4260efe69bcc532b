/**
 * The process in which one policy runs: its types are stripped, it is loaded into a context of its own, and asked. Lines come
 * in and go out: first the policy, as JSON, then what `INSIDE` takes. What this process may not do was said when it
 * was started (evaluator.ts); here is the border to what is not ours.
 */
import { stripTypeScriptTypes } from "node:module";
import vm from "node:vm";
import { ANSWER, INSIDE } from "../../core/policy/inside.ts";
import { NO_DEFAULT, NO_PREFER, whyNoImport, whyRefused } from "../../core/policy/source.ts";

const NAME = "policy.ts";
/** Who started this process ends it before; if that is gone, what loops for ever must not stay behind. */
const TIME_MS_MAX = 20_000;

class Refused extends Error {}

interface Loaded {
  /** Asks the policy. */
  ask(line: string): unknown;
  readonly prefers: boolean;
}

async function load(source: string): Promise<Loaded> {
  const javaScript = stripTypeScriptTypes(source);
  const why = whyRefused(javaScript);
  if (why !== undefined) throw new Refused(why);
  const context = vm.createContext(vm.constants.DONT_CONTEXTIFY, {
    codeGeneration: { strings: false, wasm: false },
    microtaskMode: "afterEvaluate", // Else what goes on in promises would have no limit of time.
  });
  const [use, ask] = vm.runInContext(INSIDE, context, { filename: "inside" });
  const module = new vm.SourceTextModule(javaScript, { context, identifier: NAME });
  await module.link((specifier) => {
    throw new Refused(whyNoImport(specifier));
  });
  await module.evaluate({ timeout: TIME_MS_MAX });
  const { default: policy, prefer } = module.namespace as { readonly default?: unknown; readonly prefer?: unknown };
  if (typeof policy !== "function") throw new Refused(NO_DEFAULT);
  if (prefer !== undefined && typeof prefer !== "function") throw new Refused(NO_PREFER);
  use(policy, prefer);
  const script = new vm.Script(ANSWER);
  return {
    ask: (line) => {
      ask(line);
      return script.runInContext(context, { timeout: TIME_MS_MAX });
    },
    prefers: prefer !== undefined,
  };
}

/** Whatever was thrown, be it the policy's. */
function told(error: unknown): readonly [string, string] {
  try {
    if (error instanceof Refused) return [error.message, ""];
    const { name, message, stack } = error as Error;
    return [`${name}: ${message}`, String(stack)];
  } catch {
    return ["it threw what cannot be told", ""];
  }
}

// That an answer is a promise is told as that; one that fails besides is no reason to end amid the other files.
process.on("unhandledRejection", () => undefined);

const answer = (line: string) => process.stdout.write(`${line}\n`);
let loaded: Loaded | undefined;

/** Not by readline: to that a path with U+2028 in it would be two lines. */
async function* lines(): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) {
    const [first = "", ...more] = String(chunk).split("\n");
    rest += first;
    for (const next of more) {
      yield rest;
      rest = next;
    }
  }
}

for await (const line of lines()) {
  if (loaded === undefined) {
    try {
      loaded = await load(JSON.parse(line));
      answer(JSON.stringify({ prefers: loaded.prefers }));
    } catch (error) {
      answer(JSON.stringify(told(error)));
    }
  } else {
    // What else comes out is not JSON, and refused as that.
    answer(String(loaded.ask(line)).replaceAll("\n", " "));
  }
}
