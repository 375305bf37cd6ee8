/**
 * A set of byte positions as disjoint intervals: which bytes of a file are already determined by something
 * newer. A linear list, meant for a handful of intervals.
 * @module
 */
import { elementAt } from "./element-at.ts";
export class ByteRanges {
  /** start, end, start, end, ... ascending; intervals neither overlap nor touch. */
  private readonly edges: number[] = [];

  /** Adds [start..end); `end` may be `Infinity`. */
  add(start: number, end: number): void {
    if (start >= end) return;
    const edges = this.edges;
    let first = 0;
    while (first < edges.length && elementAt(edges, first + 1) < start) first += 2;
    let past = first;
    let from = start;
    let to = end;
    while (past < edges.length && elementAt(edges, past) <= end) {
      from = Math.min(from, elementAt(edges, past));
      to = Math.max(to, elementAt(edges, past + 1));
      past += 2;
    }
    edges.splice(first, past - first, from, to);
  }

  /** Whether all of [start..end) is in the set; so is the empty interval. */
  covers(start: number, end: number): boolean {
    if (start >= end) return true;
    const edges = this.edges;
    for (let i = 0; i < edges.length; i += 2) {
      if (elementAt(edges, i) <= start && end <= elementAt(edges, i + 1)) return true;
    }
    return false;
  }

  /** Whether anything of [start..end) is in the set; nothing of the empty interval is. */
  meets(start: number, end: number): boolean {
    if (start >= end) return false;
    const edges = this.edges;
    for (let i = 0; i < edges.length; i += 2) {
      if (elementAt(edges, i) < end && start < elementAt(edges, i + 1)) return true;
    }
    return false;
  }
}
