/** The demo's music: small tunes of plucked strings, the same each time, made while one waits. */
import { encodeFlac, SAMPLE_RATE_HZ } from "./flac.ts";

export interface Song {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const MOODS = ["quiet", "bright", "slow", "merry", "blue", "early", "late", "odd", "tender"];
const FORMS = ["waltz", "walk", "lullaby", "jig", "air", "song", "round", "march"];
/** Steps of a scale in semitones: major, minor, and the five tones that always go together. */
const SCALES = [
  [0, 2, 4, 5, 7, 9, 11],
  [0, 2, 3, 5, 7, 8, 10],
  [0, 2, 4, 7, 9],
];
const BEATS = [0.18, 0.22, 0.27, 0.33];
const SECONDS_MIN = 4;
const SECONDS_SPREAD = 6;
const LOWEST_HZ = 110;
/** How much of a string's tone is left a sample later; what makes it sound plucked. */
const DAMPING = 0.996;
const LOUDNESS = 9_000;

/** The song of that number, from 1 on. */
export function makeSong(number: number): Song {
  const chance = chanceOf(number);
  const mood = MOODS[(number * 5) % MOODS.length] ?? "";
  const form = FORMS[(number * 3) % FORMS.length] ?? "";
  const name = `${String(number).padStart(2, "0")}-${mood}-${form}.flac`;
  const title = `${mood.charAt(0).toUpperCase()}${mood.slice(1)} ${form}`;
  return {
    name,
    bytes: encodeFlac(compose(chance), { TITLE: title, ARTIST: "fsdfs", TRACKNUMBER: `${number}` }),
  };
}

function compose(chance: () => number): Int16Array {
  const scale = pick(SCALES, chance);
  const root = LOWEST_HZ * 2 ** (Math.floor(chance() * 12) / 12);
  const beatSamples = Math.round(pick(BEATS, chance) * SAMPLE_RATE_HZ);
  const length = Math.round((SECONDS_MIN + SECONDS_SPREAD * chance()) * SAMPLE_RATE_HZ);
  const mix = new Float32Array(length);
  const hertz = (step: number) => {
    const octave = Math.floor(step / scale.length);
    return root * 2 ** (octave + (scale[step - octave * scale.length] ?? 0) / 12);
  };
  let step = scale.length;
  for (let beat = 0; beat * beatSamples < length; beat++) {
    const at = beat * beatSamples;
    // A bass on the first of four, a melody that wanders in small steps and now and then rests.
    if (beat % 4 === 0) pluck(mix, at, hertz(pick([0, 2, 3, 4], chance)) / 2, 1, chance);
    if (chance() < 0.2) continue;
    step = Math.min(2 * scale.length, Math.max(scale.length / 2, step + Math.floor(chance() * 5) - 2));
    pluck(mix, at, hertz(Math.floor(step)), 0.8, chance);
  }
  const samples = new Int16Array(length);
  for (let at = 0; at < length; at++) {
    samples[at] = Math.max(-32_768, Math.min(32_767, Math.round((mix[at] ?? 0) * LOUDNESS)));
  }
  return samples;
}

/** A string as Karplus and Strong made it: noise that goes round and round, a little smoother each time. */
function pluck(mix: Float32Array, at: number, hertz: number, loudness: number, chance: () => number): void {
  const period = Math.max(2, Math.round(SAMPLE_RATE_HZ / hertz));
  const string = new Float32Array(period).map(() => chance() * 2 - 1);
  const end = Math.min(mix.length, at + 2 * SAMPLE_RATE_HZ);
  for (let sample = at, place = 0; sample < end; sample++, place = (place + 1) % period) {
    const value = string[place] ?? 0;
    mix[sample] = (mix[sample] ?? 0) + value * loudness;
    string[place] = ((value + (string[(place + 1) % period] ?? 0)) / 2) * DAMPING;
  }
}

function pick<T>(from: readonly T[], chance: () => number): T {
  const picked = from[Math.floor(chance() * from.length)];
  if (picked === undefined) throw new Error("nothing to pick from");
  return picked;
}

/** Numbers from 0 to 1 that look random, the same for the same seed (mulberry32). */
function chanceOf(seed: number): () => number {
  let state = seed * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
