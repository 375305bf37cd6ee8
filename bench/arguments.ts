/**
 * What the measurements of the check are given: `[PROFILE] [FORMAT] [--every=N]`, where of the units every
 * N-th is measured.
 * @module
 */
import { type Bounds, profileOf } from "../properties/bounds.ts";

interface Asked {
  readonly bounds: Bounds;
  readonly every: number;
}

/** Reads them from the command line. */
export function asked(): Asked {
  const words = process.argv.slice(2);
  const [profile = "quick", format = "plain"] = words.filter((word) => !word.startsWith("--"));
  const every = Number(/--every=(\d+)/.exec(words.join(" "))?.[1] ?? 1);
  return { bounds: profileOf(profile as "quick", format as "plain"), every };
}
