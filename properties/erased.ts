/**
 * What is shown of a stream, with the records in it that compaction has erased: where a redacted record may
 * stand for records of the log, those pass for it.
 * @module
 */
import { restored } from "../model/compaction.ts";
import { type ModelLog, range as modelRange, type ShownRecord } from "../model/log.ts";

/** Which records were asked for, and in which order. */
interface Range {
  readonly from: bigint;
  readonly to: bigint;
  readonly limit: number;
  readonly reverse: boolean;
}

/** Records as they were shown, redacted ones restored; the last first if they were read in reverse. */
export function inFull(
  log: ModelLog,
  shown: readonly ShownRecord[],
  reverse = false,
): readonly ShownRecord[] {
  if (!shown.some(({ kind }) => kind === "redacted")) return shown;
  return reverse ? restored(log, shown.toReversed()).toReversed() : restored(log, shown);
}

/**
 * A range as it was shown and as the model has it. Of a redacted record in it, which may reach beyond its
 * borders, only what lies within them counts; so it counts once towards the limit, whatever it stands for.
 */
export function rangeShown(
  log: ModelLog,
  range: Range,
  shown: readonly ShownRecord[],
): { readonly shown: readonly ShownRecord[]; readonly appended: readonly ShownRecord[] } {
  if (!shown.some(({ kind }) => kind === "redacted")) return { shown, appended: modelRange(log, range) };
  const full = inFull(log, shown, range.reverse);
  const inside = full.filter(({ offset }) => offset >= range.from && offset < range.to);
  const limit = shown.length < range.limit ? Number.MAX_SAFE_INTEGER : inside.length;
  return { shown: inside, appended: modelRange(log, { ...range, limit }) };
}
