/**
 * Telling bytes that are all zero at the speed of memory: a file may hold gigabytes of them, which a
 * preallocation or a hole in it leaves.
 * @module
 */

/** Whether there is nothing but zeros. */
export function isZeros(bytes: Uint8Array): boolean {
  if (bytes.length === 0) return true;
  // If each byte is as the one before it, all are as the first.
  return bytes[0] === 0 && Buffer.compare(bytes.subarray(1), bytes.subarray(0, -1)) === 0;
}
