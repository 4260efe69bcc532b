/** Times as text. A listing has thousands of one day, of which Date makes the same ten characters each time. */

const DAY_MS = 86_400_000;
let day = Number.NaN;
let date = "";

/** As `toISOString` of Date. @param ms since the Unix epoch, as far as Date goes */
export function isoTime(ms: number): string {
  const whole = Math.trunc(ms);
  const of = Math.floor(whole / DAY_MS);
  if (of !== day) {
    date = new Date(of * DAY_MS).toISOString().slice(0, -"00:00:00.000Z".length);
    day = of;
  }
  const rest = whole - of * DAY_MS;
  const s = Math.floor(rest / 1000);
  const [hours, minutes, seconds] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60];
  return `${date}${two(hours)}:${two(minutes)}:${two(seconds)}.${three(rest - s * 1000)}Z`;
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}

function three(n: number): string {
  return n < 10 ? `00${n}` : n < 100 ? `0${n}` : String(n);
}
