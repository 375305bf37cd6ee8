/**
 * The part `format`: F1-F6, Z1, Z2, and of the chain hash what needs no storage (H1, H2), for the format that
 * the bounds name. One run tries one input.
 * @module
 */
import type { Choice } from "../../explore/choice.ts";
import type { Bounds } from "../bounds.ts";
import type { Part } from "../part.ts";
import type { Counts } from "../tally.ts";
import { fileBytes, shortInputs } from "./any-bytes.ts";
import { byteValues } from "./byte-values.ts";
import { chainLinks, hashesApart, hashesRepeated } from "./chains.ts";
import { lz4Claims } from "./claimed-sizes.ts";
import { codesInRecords, codesWritten, kindCodes } from "./codes.ts";
import { compression, drawnCompression } from "./compression.ts";
import { bursts, flips } from "./flips.ts";
import { fuzz } from "./fuzz.ts";
import { lengths } from "./lengths.ts";
import { longBursts } from "./long-bursts.ts";
import { madeCounts } from "./made-frames.ts";
import { madeLengths } from "./made-lengths.ts";
import { recordMarks } from "./record-marks.ts";
import { mutatedPayloads } from "./mutated-payloads.ts";
import { prefixes } from "./prefixes.ts";
import { offsetOrder, roundTrip, smallNumbers } from "./round-trip.ts";
import { itemAt, perBounds, type Section } from "./section.ts";
import { zstdClaims, zstdUndeclared, zstdWindows } from "./zstd-claimed-sizes.ts";

export const SECTIONS: readonly Section[] = [
  roundTrip,
  smallNumbers,
  offsetOrder,
  codesInRecords,
  codesWritten,
  kindCodes,
  byteValues,
  recordMarks,
  lengths,
  flips,
  bursts,
  longBursts,
  madeLengths,
  madeCounts,
  prefixes,
  shortInputs,
  fileBytes,
  fuzz,
  mutatedPayloads,
  compression,
  drawnCompression,
  lz4Claims,
  zstdClaims,
  zstdWindows,
  zstdUndeclared,
  hashesRepeated,
  hashesApart,
  chainLinks,
];

/** The sections that are run within these bounds. */
export const sectionsIn: (bounds: Bounds) => readonly Section[] = perBounds(({ format }) =>
  SECTIONS.filter(({ formats }) => formats?.includes(format) ?? true),
);

const asked = perBounds((bounds) => {
  const names = sectionsIn(bounds).map(({ name }) => name);
  return `section: ${names.join(", ")}`;
});

const firstQuestions = perBounds((bounds) => sectionsIn(bounds).map((section) => section.first(bounds)));

export const FORMAT: Part = {
  cases: "inputs to codecs and readers",
  units: (bounds) =>
    firstQuestions(bounds).flatMap(({ what, of }, chosen) => {
      return Array.from({ length: of }, (_, answer) => [
        { what: asked(bounds), chosen, of: sectionsIn(bounds).length },
        { what, chosen: answer, of },
      ]);
    }),
  runner: () => run,
};

function run(bounds: Bounds, choice: Choice, counts: Counts): void | Promise<void> {
  const sections = sectionsIn(bounds);
  const chosen = choice.choose(sections.length, asked(bounds));
  const { what, of } = itemAt(firstQuestions(bounds), chosen);
  counts.cases.format += 1;
  return itemAt(sections, chosen).run(bounds, choice.choose(of, what), choice, counts);
}
