/**
 * One case of tampering: a log, an edit and what was done to the records after it, all of it chosen; and the
 * directories that it leaves, with index files and without.
 * @module
 */
import type { Choice } from "../../explore/choice.ts";
import type { Bounds } from "../bounds.ts";
import { sameRecord } from "../records.ts";
import {
  hintFiles,
  inSegments,
  placed,
  type RawRecord,
  segmentFile,
  segmentFiles,
  type Segments,
} from "./forged-log.ts";
import { isCheckpoint, type Substitution, made as madeToFit } from "./forging.ts";
import { type Edit, editsOf } from "./edits.ts";
import type { Format } from "../../src/types.ts";
import { chooseOriginal, type Original, writtenByEngine } from "./original.ts";
import { type After, notDataFirst, type Row, type Rule, SAME_LOG } from "./rules.ts";

/** What became of the index files and the manifest. */
export const HINTS = ["removed", "rebuilt", "left as they were"] as const;
export type Hints = (typeof HINTS)[number];

export interface Tampered {
  readonly format: Format;
  readonly original: Original;
  /** The log that is in the files now, as far as it is one. */
  readonly forged: readonly RawRecord[];
  readonly row: Row;
  /**
   * Whether the log as it was is there, byte for byte and in the same segments, so that at most something was
   * appended.
   */
  readonly continues: boolean;
  /** The files of the segments, by name. */
  readonly segments: ReadonlyMap<string, Uint8Array>;
  /** Index files and a manifest that agree with them. */
  readonly rebuilt: ReadonlyMap<string, Uint8Array>;
}

export const whichEdit = (format: Format): string =>
  "edit: ".concat(
    editsOf(format)
      .map(({ name }) => name.replaceAll(",", ""))
      .join(", "),
  );

/** Chooses a case; `undefined` where the edit does not fit the log, or leaves it as it was. */
export function chooseTampered(bounds: Bounds, choice: Choice): Tampered | undefined {
  const { format } = bounds;
  const edits = editsOf(format);
  const edit = edits[choice.choose(edits.length, whichEdit(format))];
  if (edit === undefined) throw new RangeError("There are no edits.");
  const original = chooseOriginal(bounds, edit.payloads ?? "letters", choice);
  if (format === "sentinel" && !isReachable(original)) return undefined;
  return tampered(format, original, edit, choice);
}

/** Edits a log; `undefined` where the edit does not fit it, or leaves it as it was. */
export function tampered(
  format: Format,
  original: Original,
  edit: Edit,
  choice: Choice,
): Tampered | undefined {
  const made = edit.make(original, choice, format);
  if (made === undefined) return undefined;
  const after = chooseAfter(original, made, edit, choice);
  const segments = edited(format, original, made, after);
  const forged = segments.flatMap((records = [], segment) =>
    records.map((record) => ({ ...record, segment })),
  );
  const row = rowOf(format, edit, after, forged);
  const kept = original.every((record, i) => sameBytes(record, forged[i]));
  if (kept && forged.length === original.length && made.tail === undefined && row.outcome.model !== SAME_LOG)
    return undefined;
  const continues = kept && original.every(({ segment }, i) => segment === forged[i]?.segment);
  const files = segmentFiles(format, segments);
  const [last, tail] = [segmentFile(segments.length - 1), made.tail];
  const bytes = files.get(last);
  if (tail !== undefined && bytes !== undefined) files.set(last, tail(bytes));
  return { format, original, forged, row, continues, segments: files, rebuilt: hintFiles(format, segments) };
}

/**
 * In `sentinel` a segment is full by its data records alone (section 8.4), so none without any is followed by
 * another.
 */
function isReachable(original: Original): boolean {
  const last = original.at(-1)?.segment ?? 0;
  const full = new Set(original.filter(({ kind }) => kind === "data").map(({ segment }) => segment));
  return Array.from({ length: last }, (_, segment) => full.has(segment)).every(Boolean);
}

function chooseAfter(original: Original, made: Substitution, { rule }: Edit, choice: Choice): After {
  const records = original.slice(made.until);
  const of = records.length;
  const fitted = chooseFitted(of, rule.repairs, choice);
  // A forger who makes some records fit and moves the others renumbers these, too: otherwise the first of
  // them reveals it.
  const moved = made.put.length !== made.until - made.from && rule.repairs === "any" && fitted < of;
  const renumbered =
    moved && (fitted > 0 || choice.choose(2, "their offsets: as they were, renumbered") === 1);
  const fittedCheckpoint = records.slice(0, fitted).some(isCheckpoint);
  return { of, fitted, renumbered, checkpoint: records.some(isCheckpoint), fittedCheckpoint };
}

function chooseFitted(of: number, repairs: Rule["repairs"], choice: Choice): number {
  if (of === 0 || repairs === "none") return 0;
  if (repairs === "any") return choice.choose(of + 1, "later records made to fit");
  return choice.choose(2, "later records made to fit: none, all") * of;
}

/** Puts the edited log together. */
function edited(format: Format, original: Original, made: Substitution, after: After): Segments {
  const { from, until, put } = made;
  const records = original.slice(0, from);
  const segmentAt = (at: number): number => original[Math.min(at, original.length - 1)]?.segment ?? 0;
  for (const [i, wanted] of put.entries()) {
    records.push(
      placed(format, wanted, records.at(-1), segmentAt(Math.min(from + i, Math.max(from, until - 1)))),
    );
  }
  for (const [i, record] of original.slice(until).entries()) {
    const last = records.at(-1);
    if (i < after.fitted) records.push(placed(format, madeToFit(record), last, record.segment));
    else if (!after.renumbered) records.push(record);
    else {
      const { kind, payload, prevHash, segment } = record;
      records.push(placed(format, { kind, payload, prevHash }, last, segment));
    }
  }
  const segments = inSegments(records);
  return made.arrange?.(segments) ?? segments;
}

function rowOf(format: Format, edit: Edit, after: After, forged: readonly RawRecord[]): Row {
  const [first] = forged;
  return format === "sentinel" || first === undefined || first.kind === "data"
    ? edit.rule.row(edit.name, after)
    : notDataFirst;
}

const sameBytes = (record: RawRecord, other: RawRecord | undefined): boolean =>
  sameRecord(record, other) && record.stored === other?.stored;

/** The stream's directory: the tampered segments, and index files or not. */
export async function directoryOf(
  tampered: Tampered,
  hints: Hints,
  engineFiles: EngineFiles,
): Promise<Map<string, Uint8Array>> {
  const { format, original, segments, rebuilt } = tampered;
  if (hints === "removed") return new Map(segments);
  if (hints === "rebuilt") return new Map([...rebuilt, ...segments]);
  const old = [...(await engineFiles.of(format, original))].filter(([name]) => !name.endsWith(".log"));
  return new Map([...old, ...segments]);
}

/** The files that the engine leaves for a log. It writes each log once: the same log gives the same files. */
export class EngineFiles {
  readonly #written = new Map<string, Promise<Map<string, Uint8Array>>>();

  of(format: Format, original: Original): Promise<Map<string, Uint8Array>> {
    const log = original
      .map(({ kind, payload, segment }) => `${kind} ${Buffer.from(payload).toString("hex")} ${segment}`)
      .join();
    const key = `${format} ${log}`;
    const files = this.#written.get(key) ?? writtenByEngine(format, original);
    this.#written.set(key, files);
    return files;
  }
}
