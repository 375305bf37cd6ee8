/**
 * What a unit of the check costs, as an estimate: what shards are loaded by. Wrong estimates make shards
 * uneven, never a result wrong.
 *
 * Data, not measured when it is needed: all machines must share the units alike. Other bounds have other
 * costs; what counts is how they compare, and most time goes to kinds of many units, which all shards have.
 * @module
 */
import { choiceText } from "../explore/choice.ts";
import type { Format } from "../src/types.ts";
import type { Unit } from "./parts.ts";

/**
 * Microseconds of CPU for a crash point, or for any other unit, by kind. Measured with the bounds of the
 * profile `default`, by `npm run bench:units -- default plain --every=12`; what only the format `sentinel`
 * has, with that format. Rounded to two digits.
 */
const COSTS: Readonly<Record<string, number>> = {
  "crashes, plain": 140_000,
  "crashes, sentinel": 1_100_000,
  "failing-calls, workload: of the bounds": 1_900_000,
  "failing-calls, workload: frames alone": 1_900_000,
  "failing-calls, workload: an index saved with each doubling": 7_400_000,
  "failing-calls, workload: one saved with the second record": 4_300_000,
  "failing-calls, workload: one saved with the third record": 3_600_000,
  "failing-calls, workload: a compaction": 4_000_000,
  "failing-calls, workload: a compaction that merges": 8_000_000,
  "stored-bytes, directory: left by a workload": 5_900_000,
  "stored-bytes, directory: full segments": 7_200_000,
  "stored-bytes, directory: a segment for each batch": 2_000_000,
  "stored-bytes, directory: one segment with a saved index and frames": 1_500_000,
  "stored-bytes, directory: a segment opened three times": 1_100_000,
  "stored-bytes, directory: a manifest with pages": 2_700_000,
  "stored-bytes, directory: redacted and merged segments": 3_000_000,
  "stored-bytes, directory: after a failing call": 140_000,
  "ambiguity, durability: standard": 250_000,
  "ambiguity, durability: strict": 150_000,
  "concurrency, backend, by number: 0": 1_400_000,
  "concurrency, backend, by number: 1": 1_000_000,
  "concurrency, backend, by number: 2": 230_000,
  "concurrency, backend, by number: 3": 180_000,
  "kimberlite, Kimberlite left: closed": 4_100_000,
  "kimberlite, Kimberlite left: killed with a write-ahead file": 12_000_000,
  "kimberlite, Kimberlite left: killed with an index that lags": 8_700_000,
  "kimberlite, Kimberlite left: a checkpoint indexed twice": 16_000_000,
  "kimberlite, Kimberlite left: a checkpoint filed at the wrong place": 27_000_000,
  "kimberlite, Kimberlite left: a next segment that is only named": 410_000,
  "kimberlite, Kimberlite left: two segments": 2_900_000,
  "kimberlite, Kimberlite left: a manifest that lags": 7_000_000,
  "kimberlite, Kimberlite left: a manifest that lags a rotation": 6_500_000,
  "kimberlite, Kimberlite left: an index and a manifest that lag": 7_300_000,
  "kimberlite, Kimberlite left: a torn index": 600_000,
  "tampering, edit: nothing": 230_000,
  "tampering, edit: data record stored compressed": 890_000,
  "tampering, edit: segment borders moved": 210_000,
  "tampering, edit: payload of a data record changed": 2_200_000,
  "tampering, edit: data record replaced by a checkpoint": 610_000,
  "tampering, edit: kind changed from data to checkpoint the payload being what a checkpoint's would be": 320_000,
  "tampering, edit: kind changed from checkpoint to data": 380_000,
  "tampering, edit: data record redacted that no tombstone names": 1_100_000,
  "tampering, edit: kind changed to tombstone": 1_700_000,
  "tampering, edit: replaced by a tombstone of the first record": 1_200_000,
  "tampering, edit: replaced by a tombstone of no record before it": 1_900_000,
  "tampering, edit: kind changed to one that the payload does not allow": 900_000,
  "tampering, edit: compression code changed": 1_800_000,
  "tampering, edit: checkpoint stored compressed": 450_000,
  "tampering, edit: hash or count in a checkpoint changed": 940_000,
  "tampering, edit: hash in a checkpoint changed": 1_600_000,
  "tampering, edit: count in a checkpoint changed": 880_000,
  "tampering, edit: hash of the record before changed": 1_100_000,
  "tampering, edit: offset changed": 1_900_000,
  "tampering, edit: records removed not the last ones": 1_500_000,
  "tampering, edit: tail cut off": 290_000,
  "tampering, edit: forged records inserted": 4_600_000,
  "tampering, edit: forged records appended": 190_000,
  "tampering, edit: record duplicated not made to fit": 6_000_000,
  "tampering, edit: record duplicated made to fit": 5_700_000,
  "tampering, edit: records reordered not made to fit": 3_400_000,
  "tampering, edit: records reordered made to fit": 1_500_000,
  "tampering, edit: record replaced by another stream's not made to fit": 770_000,
  "tampering, edit: record replaced by another stream's made to fit": 690_000,
  "tampering, edit: tail replaced by another stream's as many records not made to fit": 510_000,
  "tampering, edit: tail replaced by another stream's as many records made to fit": 290_000,
  "tampering, edit: tail replaced by another stream's more or fewer not made to fit": 1_100_000,
  "tampering, edit: tail replaced by another stream's more or fewer made to fit": 590_000,
  "tampering, edit: all rewritten as many records": 150_000,
  "tampering, edit: all rewritten more or fewer": 250_000,
  "tampering, edit: first records folded into one with their hash in its payload": 450_000,
  "tampering, edit: first record a hash in its payload unfolded into two": 860_000,
  "tampering, edit: segment files exchanged": 310_000,
  "tampering, edit: segment file removed not the last one": 99_000,
  "tampering, edit: last segment truncated inside a record or extended by bytes that are no record": 420_000,
  "symbolic-hashes, HMAC is: a function of its own": 23_000,
  "symbolic-hashes, HMAC is: built from SHA-256": 77_000,
  "symbolic-hashes, HMAC is: none": 9_000_000,
  "symbolic-hashes, HMAC is: no hash begins with the code of a kind": 11_000_000,
  "format, section: round trip": 670_000,
  "format, section: small numbers": 330_000,
  "format, section: offset order": 460,
  "format, section: codes in records": 390,
  "format, section: codes written": 600,
  "format, section: kind codes": 70,
  "format, section: byte values": 410_000,
  "format, section: marks": 130_000,
  "format, section: flips": 93_000,
  "format, section: bursts": 1_100_000,
  "format, section: long bursts": 350_000,
  "format, section: made lengths": 18_000,
  "format, section: made counts": 2_400,
  "format, section: lengths": 1_400,
  "format, section: prefixes": 1_000_000,
  "format, section: short inputs": 1_300_000,
  "format, section: file bytes": 470_000,
  "format, section: fuzz": 520_000,
  "format, section: mutated payloads": 790_000,
  "format, section: compression": 71_000,
  "format, section: compression drawn": 1_100_000,
  "format, section: lz4 claims": 1_700,
  "format, section: zstd claims": 41_000,
  "format, section: zstd windows": 250,
  "format, section: zstd undeclared": 35_000,
  "format, section: hashes repeated": 32_000,
  "format, section: hashes apart": 20_000,
  "format, section: chain links": 12_000,
};

/** What a kind costs that was not measured. */
const UNKNOWN = 100_000;

/** Units of a kind cost about the same for each of what they are measured in. */
export function kindOf(unit: Unit, format: Format): string {
  if (unit.part === "crashes") return `crashes, ${format}`;
  const [first] = unit.begins;
  return first === undefined ? unit.part : `${unit.part}, ${choiceText(first)}`;
}

/** How much of its kind a unit is: of crashes the crash points, of others the unit itself. */
export function measureOf(unit: Unit): number {
  return unit.part === "crashes" ? unit.crashes.points.length : 1;
}

/** Whether a unit is of a kind that was measured. */
export const isMeasured = (unit: Unit, format: Format): boolean => kindOf(unit, format) in COSTS;

/** A whole number of at least 1. */
export function costOf(unit: Unit, format: Format): number {
  return (COSTS[kindOf(unit, format)] ?? UNKNOWN) * measureOf(unit);
}
