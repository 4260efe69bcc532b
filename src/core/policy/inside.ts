/**
 * What stands beside a policy in the JavaScript context that it runs in: no more than ECMAScript, less what takes memory
 * beyond the heap, or runs when nobody asks. Only text and functions of the context pass its border, so nothing in it leads
 * out: not an object of the program around it, whose constructor's constructor would be that program's `Function`. What it
 * needs it takes before the policy can put something else in its place.
 *
 * A script, since it must be made in that context. Its value is two functions: `use(policy, prefer)`, and `ask(line)`, the line
 * being `[now, [[path, size, type, modified, variables, heat], …]]`. Then `ANSWER`, as a script that can be given a limit of time,
 * has the value `[N or [message, stack], …]`. Where `[[id, name, zone], …]` of servers stand behind the files, `prefer` is asked,
 * and in the place of N stand its weights, `[weight, …]`, one for each server. All of it is JSON.
 */
import { POLICY_COPIES_MAX, POLICY_WEIGHT_MAX } from "./policy.ts";

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
    if (/^(?:.+Array|ArrayBuffer|SharedArrayBuffer|DataView|Atomics|WebAssembly|Intl|console|FinalizationRegistry)$/.test(text(name))) {
      delete everything[name];
    }
  }
  // It would be handed the calls of the program around.
  Object.defineProperty(Error, "prepareStackTrace", { value: undefined, writable: false, configurable: false });
  Object.defineProperty(everything, "Error", { value: Error, writable: false, configurable: false });

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
  let prefer;
  let line;
  const fileOf = (now, [path, size, type, modified, variables, heat]) => {
    const ageDays = (now - modified) / ${DAY_MS};
    return { path, size, type, modified, ageDays: ageDays > 0 ? ageDays : 0, variables, heat };
  };
  const asked = (now, row, withStack) => {
    try {
      const answer = policy(fileOf(now, row));
      if (isInteger(answer) && answer >= 1 && answer <= ${POLICY_COPIES_MAX}) return answer;
      return ["it answered " + described(answer) + ", not a whole number from 1 to ${POLICY_COPIES_MAX}", ""];
    } catch (error) {
      return told(error, withStack);
    }
  };
  const weighed = (now, row, servers, withStack) => {
    try {
      const weights = [];
      for (let i = 0; i < servers.length; i++) {
        const [id, name, zone] = servers[i];
        const weight = prefer(fileOf(now, row), { id, name, zone });
        if (!(typeof weight === "number" && weight >= 0 && weight <= ${POLICY_WEIGHT_MAX})) {
          return ["prefer answered " + described(weight) + ", not a number from 0 to ${POLICY_WEIGHT_MAX}", ""];
        }
        weights[i] = weight;
      }
      return weights;
    } catch (error) {
      return told(error, withStack);
    }
  };
  const answer = () => {
    const [now, files, servers] = parse(line);
    const answers = [];
    let problems = 0;
    for (let i = 0; i < files.length; i++) {
      const withStack = problems < ${STACKS_MAX};
      answers[i] = servers ? weighed(now, files[i], servers, withStack) : asked(now, files[i], withStack);
      if (typeof answers[i] !== "number" && typeof answers[i][0] === "string") problems++;
    }
    return stringify(answers);
  };
  Object.defineProperty(everything, "fsdfsAnswer", { value: answer, writable: false, configurable: false });
  return [
    (given, preferring) => {
      policy = given;
      prefer = preferring;
    },
    (given) => {
      line = given;
    },
  ];
})()`;

/** A policy that calls it itself deceives nobody but itself. */
export const ANSWER = "fsdfsAnswer()";
