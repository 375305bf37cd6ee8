/**
 * Indexing an array where there must be an element.
 * @module
 */

/** The element at an index. Throws RangeError if there is none: a mistake in the code that calls. */
export function elementAt<T>(array: readonly T[], index: number): T {
  const element = array[index];
  if (element === undefined) throw new RangeError(`no element ${index} among ${array.length}`);
  return element;
}
