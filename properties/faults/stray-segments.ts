/**
 * Segments that turn up beside those of a stream: under every name of a merged one, finished or not, and
 * under those of segments that had been removed. None of them is the stream's, whatever it holds.
 * @module
 */
import type { ForeignContent, Piece } from "../../fault-injection/stored-faults.ts";
import { elementAt } from "../../fault-injection/element-at.ts";
import { segmentNamed, numbersOf, segmentNames } from "../segment-names.ts";

/**
 * By path, what may turn up there.
 *
 * @param files the stream's, by path
 * @param history by path the contents that files had, oldest first, those that are gone among them
 * @param records where records lie in the files
 * @param theirs the files of another stream with the same operations
 */
export function straySegments(
  files: ReadonlyMap<string, Uint8Array>,
  history: ReadonlyMap<string, readonly Uint8Array[]>,
  records: readonly Piece[],
  theirs: ReadonlyMap<string, Uint8Array>,
): Map<string, readonly ForeignContent[]> {
  const strays = new Map<string, readonly ForeignContent[]>();
  const paths = segmentNames(files.keys());
  const [some = ""] = paths;
  const end = Math.max(-1, ...paths.map((path) => numbersOf(path)?.[1] ?? -1));
  for (let first = 0; first <= end; first += 1) {
    for (let last = first; last <= end + 1; last += 1) {
      const path = some.slice(0, some.lastIndexOf("/") + 1) + segmentNamed(first, last);
      const contents = contentsOf(within(paths, first, last), files, records, theirs);
      if (!files.has(path)) strays.set(path, contents);
      strays.set(`${path}.tmp`, contents);
    }
  }
  for (const [path, versions] of history) {
    if (files.has(path) || numbersOf(path) === undefined) continue;
    const again = versions.map((bytes) => ({ what: "itself, after it had been removed", bytes }));
    strays.set(path, [...(strays.get(path) ?? []), ...again]);
  }
  return strays;
}

/** The segments that have one of these numbers. */
function within(paths: readonly string[], first: number, last: number): string[] {
  return paths.filter((path) => {
    const [from, to] = numbersOf(path) ?? [Infinity, -Infinity];
    return from <= last && to >= first;
  });
}

/** What a file may hold that takes, by its name, the place of these. */
function contentsOf(
  covered: readonly string[],
  files: ReadonlyMap<string, Uint8Array>,
  records: readonly Piece[],
  theirs: ReadonlyMap<string, Uint8Array>,
): ForeignContent[] {
  const joined = (from: ReadonlyMap<string, Uint8Array>): Uint8Array =>
    Buffer.concat(covered.map((path) => from.get(path) ?? new Uint8Array()));
  const whole = joined(files);
  const lastRecord = records.findLast(({ path }) => covered.includes(path));
  const lastBytes = lastRecord === undefined ? 0 : lastRecord.end - lastRecord.start;
  return [
    { what: "nothing", bytes: new Uint8Array() },
    { what: "the first segment of its numbers", bytes: files.get(elementAt(covered, 0)) ?? whole },
    { what: "the segments of its numbers", bytes: whole },
    { what: "the segments of its numbers, without the last record", bytes: whole.slice(0, -lastBytes) },
    { what: "the segments of its numbers of another stream", bytes: joined(theirs) },
  ];
}
