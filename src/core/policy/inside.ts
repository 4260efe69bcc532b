/**
 * What stands beside a policy in the JavaScript context that it runs in: no more than ECMAScript, less what takes memory
 * beyond the heap. Only text and functions of the context pass its border, so nothing in it leads out: not an object of the
 * program around it, whose constructor's constructor would be that program's `Function`. What it needs it takes before the
 * policy can put something else in its place.
 *
 * A script, since it must be made in that context. Its value is two functions: `use(policy)`, and `ask(line)`, the line being
 * `[now, [[path, size, type, modified, variables, heat], …]]`. Then `ANSWER`, as a script that can be given a limit of time,
 * has the value `[N or [message, stack], …]`. Both are JSON.
 */
import { POLICY_COPIES_MAX } from "./policy.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Characters of what a policy says of itself. */
const MESSAGE_MAX = 500;
const STACK_MAX = 4000;
/** Of the problems of one call only so many are told with their stack. */
const STACKS_MAX = 8;

export const INSIDE = `(() => {
  "use strict";
  const everything = this;
  const { parse, stringify } = JSON;
  const { isInteger } = Number;
  const text = String;
  const cut = Function.prototype.call.bind(String.prototype.slice);
  for (const name of Reflect.ownKeys(everything)) {
    if (/^(?:.+Array|ArrayBuffer|SharedArrayBuffer|DataView|Atomics|WebAssembly|Intl|console)$/.test(text(name))) {
      delete everything[name];
    }
  }
  // It would be handed the calls of the program around.
  Object.defineProperty(Error, "prepareStackTrace", { value: undefined, writable: false, configurable: false });

  const described = (value) => {
    if (typeof value === "string") return stringify(cut(value, 0, 100));
    if (typeof value === "function") return "a function";
    if (typeof value !== "object" || value === null) return cut(text(value), 0, 100);
    return typeof value.then === "function" ? "a promise" : "an object";
  };
  const told = (error, withStack) => {
    try {
      if (typeof error !== "object" || error === null) return ["it threw " + described(error), ""];
      const message = cut(text(error.name) + ": " + text(error.message), 0, ${MESSAGE_MAX});
      return [message, withStack ? cut(text(error.stack), 0, ${STACK_MAX}) : ""];
    } catch {
      return ["it threw what cannot be told", ""];
    }
  };

  let policy;
  let line;
  const asked = (now, [path, size, type, modified, variables, heat], withStack) => {
    try {
      const ageDays = (now - modified) / ${DAY_MS};
      const answer = policy({ path, size, type, modified, ageDays: ageDays > 0 ? ageDays : 0, variables, heat });
      if (isInteger(answer) && answer >= 1 && answer <= ${POLICY_COPIES_MAX}) return answer;
      return ["it answered " + described(answer) + ", not a whole number from 1 to ${POLICY_COPIES_MAX}", ""];
    } catch (error) {
      return told(error, withStack);
    }
  };
  const answer = () => {
    const [now, files] = parse(line);
    const answers = [];
    let problems = 0;
    for (let i = 0; i < files.length; i++) {
      answers[i] = asked(now, files[i], problems < ${STACKS_MAX});
      if (typeof answers[i] !== "number") problems++;
    }
    return stringify(answers);
  };
  Object.defineProperty(everything, "fsdfsAnswer", { value: answer, writable: false, configurable: false });
  return [
    (given) => {
      policy = given;
    },
    (given) => {
      line = given;
    },
  ];
})()`;

/** A policy that calls it itself deceives nobody but itself. */
export const ANSWER = "fsdfsAnswer()";
