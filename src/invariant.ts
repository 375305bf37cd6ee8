/**
 * What must hold if this code is right, whatever the disk, the bytes or the caller did.
 * @module
 */

/**
 * Stops a wrong program before it does harm. Never the answer to bad input or a bad disk: that is a
 * `StorageError`.
 *
 * @param condition what holds; to be cheap
 * @param sentence the same in words
 * @throws Error if it does not hold
 * @example
 * ```ts
 * invariant(position >= watermark, "Nothing is cut off below the watermark.");
 * ```
 */
export function invariant(condition: boolean, sentence: string): asserts condition {
  if (!condition)
    throw new Error(`A mistake in this package, please report it. It does not hold: ${sentence}`);
}
