/** Patterns of names, as the shell has them: `*`, `?`, `[a-z]`, `[!a-z]`; a backslash takes the next character as it is. */

/** Whether one character fits; "*" stands for any number of them. */
type Token = "*" | ((char: string) => boolean);

/** No regular expression: of many stars in one that does not fit it tries all combinations. @throws Error */
export function globMatcher(glob: string, { ignoreCase = false } = {}): (name: string) => boolean {
  const folded = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  const tokens = tokensOf([...folded(glob)]);
  return (name) => matches(tokens, [...folded(name)]);
}

/** When something does not fit, only the last star has to take one character more. */
function matches(tokens: readonly Token[], chars: readonly string[]): boolean {
  let [token, char] = [0, 0];
  let star: { token: number; char: number } | undefined;
  while (char < chars.length) {
    const wanted = tokens[token];
    if (wanted === "*") {
      star = { token, char };
      token++;
    } else if (wanted?.(chars[char] ?? "")) {
      token++;
      char++;
    } else if (star !== undefined) {
      star.char++;
      [token, char] = [star.token + 1, star.char];
    } else return false;
  }
  return tokens.slice(token).every((left) => left === "*");
}

function tokensOf(chars: readonly string[]): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? "";
    if (char === "*") tokens.push("*");
    else if (char === "?") tokens.push(() => true);
    else if (char === "[") {
      const { fits, end } = bracket(chars, at);
      tokens.push(fits);
      at = end;
    } else {
      const literal = char === "\\" && at + 1 < chars.length ? chars[++at] : char;
      tokens.push((each) => each === literal);
    }
  }
  return tokens;
}

function bracket(chars: readonly string[], start: number): { fits: (char: string) => boolean; end: number } {
  const negated = chars[start + 1] === "!" || chars[start + 1] === "^";
  const first = start + (negated ? 2 : 1);
  // A bracket that comes first is one of the set.
  const end = chars.indexOf("]", first + 1);
  if (end < 0) throw new Error(`'${chars.join("")}' has a [ without its ]`);
  const ranges: [from: string, to: string][] = [];
  for (let at = first; at < end; at++) {
    const from = chars[at] ?? "";
    const isRange = chars[at + 1] === "-" && at + 2 < end;
    ranges.push([from, isRange ? (chars[at + 2] ?? from) : from]);
    if (isRange) at += 2;
  }
  const code = (char: string) => char.codePointAt(0) ?? 0;
  const inside = (char: string) => ranges.some(([from, to]) => code(from) <= code(char) && code(char) <= code(to));
  return { fits: (char) => inside(char) !== negated, end };
}
