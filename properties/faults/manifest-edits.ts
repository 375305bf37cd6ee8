/**
 * Every manifest that differs from a given one in what one field says, in how many segments there are, or in
 * where one ends; most contradict themselves, others are in order and wrong.
 * @module
 */
import type { ForeignContent } from "../../fault-injection/stored-faults.ts";

interface Segment {
  segment_num: number;
  last_segment_num?: number;
  first_offset: number;
  next_offset: number;
  size_bytes: number;
}

interface Json {
  segments: Segment[];
  active_segment: number;
  format?: unknown;
  page_segments?: number;
}

const FIELDS = ["segment_num", "first_offset", "next_offset", "size_bytes"] as const;

/** @param bytes a manifest that this engine wrote */
export function otherManifests(bytes: Uint8Array): ForeignContent[] {
  const edits: ForeignContent[] = [];
  const edit = (what: string, change: (json: Json) => void): void => {
    const json = JSON.parse(Buffer.from(bytes).toString()) as Json;
    change(json);
    edits.push({
      what: `a manifest with ${what}`,
      bytes: Buffer.from(`${JSON.stringify(json, undefined, 2)}\n`),
    });
  };
  const {
    segments,
    format,
    active_segment: active,
    page_segments: paged,
  } = JSON.parse(Buffer.from(bytes).toString()) as Json;
  for (const other of ["plain", "sentinel", "Plain", "", null, 1]) {
    edit(`the format ${JSON.stringify(other)}`, (json) => {
      json.format = other;
    });
  }
  edit("no format", (json) => {
    delete json.format;
  });
  for (const value of numbersLike(active, [active])) {
    edit(`the active segment ${value}`, (json) => {
      json.active_segment = value;
    });
  }
  for (const value of paged === undefined ? [] : numbersLike(paged, [])) {
    edit(`${value} segments to a page`, (json) => {
      json.page_segments = value;
    });
  }
  for (const [i, segment] of segments.entries()) {
    for (const field of FIELDS) {
      const others = segments.map((other) => other[field]);
      for (const value of numbersLike(segment[field], others)) {
        edit(`${field} ${value} of segment ${i}`, (json) => {
          change(json, i, field, value);
        });
      }
    }
    const merged = format === "plain" ? [i - 1, i, i + 1, segments.length - 1, 1000, 2 ** 40] : [];
    for (const last of merged) {
      edit(`segment ${i} merged up to number ${last}`, (json) => {
        const found = json.segments[i];
        if (found !== undefined) found.last_segment_num = last;
      });
    }
    const next = segments[i + 1];
    if (format === "plain" && next !== undefined) {
      edit(`segments ${i} and ${i + 1} as one`, (json) => {
        const { next_offset } = next;
        const size_bytes = segment.size_bytes + next.size_bytes;
        json.segments.splice(i, 2, { ...segment, last_segment_num: i + 1, next_offset, size_bytes });
      });
    }
    // The same in order: the next segment begins where this one is said to end, and all are as long as they
    // were, or only that one is not.
    for (const value of numbersLike(
      segment.next_offset,
      segments.map(({ next_offset }) => next_offset),
    )) {
      edit(`segment ${i} and what follows it ending at ${value}`, (json) => {
        const shift = value - segment.next_offset;
        change(json, i, "next_offset", value);
        for (let later = i + 1; later < json.segments.length; later += 1) {
          const { first_offset, next_offset } = segments[later] ?? segment;
          change(json, later, "first_offset", first_offset + shift);
          change(json, later, "next_offset", next_offset + shift);
        }
      });
      edit(`the border behind segment ${i} at ${value}`, (json) => {
        change(json, i, "next_offset", value);
        if (i + 1 < json.segments.length) change(json, i + 1, "first_offset", value);
      });
    }
    edit(`no segments from ${i} on`, (json) => {
      json.segments.splice(i);
      json.active_segment = i - 1;
    });
    edit(`no segments from ${i} on, and the active segment as before`, (json) => json.segments.splice(i));
  }
  const last = segments.at(-1);
  if (last === undefined) return edits;
  for (const [count, records, size] of [
    [1, 0, 0],
    [1, 2, 98],
    [3, 1, 49],
  ] as const) {
    edit(`${count} segments more, of ${records} records each`, (json) => {
      for (let k = 1; k <= count; k += 1) {
        const first = last.next_offset + (k - 1) * records;
        json.segments.push({
          segment_num: last.segment_num + k,
          first_offset: first,
          next_offset: first + records,
          size_bytes: size,
        });
      }
      json.active_segment = active + count;
    });
  }
  return edits;
}

function change(json: Json, segment: number, field: (typeof FIELDS)[number], value: number): void {
  const found = json.segments[segment];
  if (found !== undefined) found[field] = value;
}

/**
 * Other numbers for a field: small ones, those beside its own, what other segments have there, and huge ones.
 */
function numbersLike(value: number, others: readonly number[]): number[] {
  const all = [-1, 0, 1, value - 1, value + 1, ...others, 2 ** 40, Number.MAX_SAFE_INTEGER, 2 ** 64];
  return [...new Set(all)].filter((number) => number !== value);
}
