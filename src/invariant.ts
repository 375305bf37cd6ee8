/**
 * Assertions: what holds if this code is right, whatever the disk, the bytes or the caller do.
 * @module
 */

/**
 * Stops a wrong program before it does harm. Bad input and a bad disk are never answered with it, but with a
 * `StorageError`.
 *
 * @param condition what holds; cheap to evaluate
 * @param sentence the same in words
 * @throws Error if it does not hold
 * @example
 * ```ts
 * invariant(position >= watermark, "Nothing below the watermark is truncated.");
 * ```
 */
export function invariant(condition: boolean, sentence: string): asserts condition {
  if (!condition)
    throw new Error(`A mistake in this package, please report it. It does not hold: ${sentence}`);
}
