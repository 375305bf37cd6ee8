/**
 * Indexing where there must be an element.
 * @module
 */

/** The element at an index. @throws RangeError if there is none: a mistake in the code that calls. */
export function elementAt<T>(list: ArrayLike<T>, index: number): T {
  const element = list[index];
  if (element === undefined) throw new RangeError(`There is no element ${index} among ${list.length}.`);
  return element;
}
