/**
 * Names of segments in a stream's directory, read as `docs/FORMAT.md`, section 1, has them.
 * @module
 */

/** Numbers of segments, from the first to the last. */
export type Numbers = readonly [first: number, last: number];

/** The numbers of the segment with this name or path; nothing if it is none. */
export function numbersOf(name: string): Numbers | undefined {
  const [, first, last = first] = /segment_(\d+)(?:-(\d+))?\.log$/.exec(name) ?? [];
  return first === undefined ? undefined : [Number(first), Number(last)];
}

/** The name of a segment with these numbers. */
export function segmentNamed(first: number, last: number): string {
  const [from, to] = [first, last].map((number) => String(number).padStart(6, "0"));
  return `segment_${String(from)}${first === last ? "" : `-${String(to)}`}.log`;
}

/** How many numbers a segment has. */
export const countOf = ([first, last]: Numbers): number => last - first + 1;

/** Whether another one of these takes the place of the segment with this name. */
export function isReplaced(name: string, names: Iterable<string>): boolean {
  const own = numbersOf(name);
  if (own === undefined) return false;
  for (const other of names) {
    const wider = other === name ? undefined : numbersOf(other);
    if (wider !== undefined && wider[0] <= own[0] && own[1] <= wider[1]) return true;
  }
  return false;
}

/** The names of a stream's segments in order, without those whose place another one takes. */
export function segmentNames(names: Iterable<string>): string[] {
  const all = [...names].filter((name) => numbersOf(name) !== undefined);
  const first = (name: string): number => numbersOf(name)?.[0] ?? 0;
  return all.filter((name) => !isReplaced(name, all)).sort((a, b) => first(a) - first(b));
}
