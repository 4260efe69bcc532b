/**
 * Conditions on variables, as `fsdfs find --where` takes them: `popularity>5 and genre="hip hop"`. Numbers are compared with
 * numbers, texts with texts, by their characters' codes. What is missing, or of another kind, is neither more nor less nor equal:
 * only `!=` is met by it.
 */
import { parseVariable } from "../core/catalog/variable-text.ts";
import { isVariableName, type Variables, type VariableValue } from "../core/catalog/variables.ts";

export type Condition = (variables: Variables | undefined) => boolean;

const CONDITIONS_MAX = 64;
/** Name, operator, and a value: a text in quotes, or whatever has no space, and does not go on like an operator. */
const COMPARISON = /\s*([A-Za-z_][\w.-]*)\s*(!=|<=|>=|=|<|>)\s*("(?:[^"\\]|\\.)*"|[^\s"=<>][^\s"]*)/y;
const AND = /\s+and(?=\s)/iy;
const END = /\s*$/y;

const OPERATORS: Readonly<Record<string, (a: VariableValue, b: VariableValue) => boolean>> = {
  "=": (a, b) => a === b,
  "<": (a, b) => isOrdered(a, b) && a < b,
  "<=": (a, b) => isOrdered(a, b) && a <= b,
  ">": (a, b) => isOrdered(a, b) && a > b,
  ">=": (a, b) => isOrdered(a, b) && a >= b,
};

/** @throws Error that says what is wrong with the text */
export function parseWhere(text: string): Condition {
  const comparisons: Condition[] = [];
  let at = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  for (;;) {
    const found = match(COMPARISON);
    if (found === null) throw new Error(`'${text.slice(at).trim() || text}' is no comparison as in popularity>5`);
    comparisons.push(comparison(found[1]!, found[2]!, found[3]!));
    if (comparisons.length > CONDITIONS_MAX) throw new Error(`there are more than ${CONDITIONS_MAX} comparisons`);
    if (match(END) !== null) return (variables) => comparisons.every((each) => each(variables));
    if (match(AND) === null) throw new Error(`'${text.slice(at).trim()}' does not begin with 'and'`);
  }
}

function comparison(name: string, operator: string, text: string): Condition {
  if (!isVariableName(name)) throw new Error(`'${name}' is no variable's name`);
  const wanted = parseVariable(name, text);
  if (operator === "!=") return (variables) => valueIn(variables, name) !== wanted;
  if (typeof wanted === "boolean" && operator !== "=") throw new Error(`${wanted} is not more or less than anything`);
  const holds = OPERATORS[operator]!;
  return (variables) => {
    const value = valueIn(variables, name);
    return value !== undefined && holds(value, wanted);
  };
}

function valueIn(variables: Variables | undefined, name: string): VariableValue | undefined {
  return variables !== undefined && Object.hasOwn(variables, name) ? variables[name] : undefined;
}

function isOrdered(a: VariableValue, b: VariableValue): boolean {
  return typeof a === typeof b && typeof a !== "boolean";
}
