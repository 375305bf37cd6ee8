/**
 * The part `format`: F1-F6, Z1, Z2, and of the chain hash what needs no storage (H1, H2). One run tries one input.
 * @module
 */
import type { Part } from "../part.ts";
import { fileBytes, shortInputs } from "./any-bytes.ts";
import { byteValues } from "./byte-values.ts";
import { chainLinks, hashesApart, hashesRepeated } from "./chains.ts";
import { lz4Claims, zstdClaims, zstdWindows } from "./claims.ts";
import { codesInRecords, codesWritten, kindCodes } from "./codes.ts";
import { compression, drawnCompression } from "./compression.ts";
import { bursts, flips } from "./flips.ts";
import { fuzz } from "./fuzz.ts";
import { longBursts } from "./long-bursts.ts";
import { prefixes } from "./prefixes.ts";
import { offsetOrder, roundTrip, smallNumbers } from "./round-trip.ts";
import { itemAt, perBounds, type Section } from "./section.ts";

export const SECTIONS: readonly Section[] = [
  roundTrip,
  smallNumbers,
  offsetOrder,
  codesInRecords,
  codesWritten,
  kindCodes,
  byteValues,
  flips,
  bursts,
  longBursts,
  prefixes,
  shortInputs,
  fileBytes,
  fuzz,
  compression,
  drawnCompression,
  lz4Claims,
  zstdClaims,
  zstdWindows,
  hashesRepeated,
  hashesApart,
  chainLinks,
];

const ASKED = `section: ${SECTIONS.map(({ name }) => name).join(", ")}`;

const firstQuestions = perBounds((bounds) => SECTIONS.map((section) => section.first(bounds)));

export const FORMAT: Part = {
  cases: "inputs to codecs and readers",
  units: (bounds) =>
    SECTIONS.flatMap((section, chosen) => {
      const { what, of } = section.first(bounds);
      return Array.from({ length: of }, (_, answer) => [
        { what: ASKED, chosen, of: SECTIONS.length },
        { what, chosen: answer, of },
      ]);
    }),
  run(bounds, choice, counts) {
    const chosen = choice.choose(SECTIONS.length, ASKED);
    const { what, of } = itemAt(firstQuestions(bounds), chosen);
    counts.cases.format += 1;
    return itemAt(SECTIONS, chosen).run(bounds, choice.choose(of, what), choice, counts);
  },
};
