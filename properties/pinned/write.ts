/**
 * `npm run pin -- FILE...`: pins the counts of results that `kmb check --json FILE` wrote, in `properties/pinned/counts.ts`.
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import { PINNED } from "./counts.ts";
import { pinnedDifferences } from "./differences.ts";
import type { PinnedProfile, Pins } from "./pins.ts";
import { pinsFrom, renderPins } from "./render.ts";

const files = process.argv.slice(2);
if (files.length === 0) {
  throw new Error("Name the files that `npm run check -- --profile NAME --json FILE` wrote.");
}
const pinned = new Map<PinnedProfile, Pins>(Object.entries(PINNED) as [PinnedProfile, Pins][]);
for (const file of files) {
  const { profile, pins } = pinsFrom(readFileSync(file, "utf8"));
  const before = pinned.get(profile);
  const changes =
    before === undefined ? "new" : `${pinnedDifferences(before, pins).length} counts are others`;
  console.log(`${profile}: ${changes}`);
  pinned.set(profile, pins);
}
writeFileSync(new URL("../../../properties/pinned/counts.ts", import.meta.url), renderPins(pinned));
