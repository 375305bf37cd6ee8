/**
 * `npm run pin -- FILE...`: pins the counts of results that `kmb check --json FILE` wrote, in
 * `properties/pinned/counts.ts`. Exit status: 0 pinned, 2 a file is no such result; then nothing is written.
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { plainText } from "../plain-text.ts";
import { PINNED } from "./counts.ts";
import { pinnedDifferences } from "./differences.ts";
import type { PinnedProfile, Pins } from "./pins.ts";
import { pinsFrom, renderPins } from "./render.ts";

const files = process.argv.slice(2);
const pinned = new Map<PinnedProfile, Pins>(Object.entries(PINNED) as [PinnedProfile, Pins][]);
try {
  if (files.length === 0)
    throw new Error("Name the files that `npm run check -- --profile NAME --json FILE` wrote.");
  for (const file of files) pin(file);
  writeFileSync(new URL("../../../properties/pinned/counts.ts", import.meta.url), renderPins(pinned));
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(plainText(error.message));
  process.exitCode = 2;
}

function pin(file: string): void {
  let result: ReturnType<typeof pinsFrom>;
  try {
    result = pinsFrom(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof Error) error.message = `${file}: ${error.message}`;
    throw error;
  }
  const { profile, pins } = result;
  const before = pinned.get(profile);
  const changes = before === undefined ? "new" : `${pinnedDifferences(before, pins).length} counts differ`;
  console.log(`${profile}: ${changes}`);
  pinned.set(profile, pins);
}
