/**
 * A file in memory that a test lets something read, and that fails the test if anything else is done to it.
 * @module
 */
import { expect } from "vitest";
import type { DiskFile } from "../src/disk/disk.ts";

/** A file that notes what was asked of it. */
export interface ReadOnlyFile extends DiskFile {
  /** Every read: the position, and how many bytes were asked for. */
  readonly reads: [position: number, length: number][];
}

/** A file with these bytes. */
export function readOnlyFile(bytes: Uint8Array): ReadOnlyFile {
  const refuse = (): never => expect.fail("Only reading was expected.");
  return {
    reads: [],
    size: () => bytes.length,
    read(target, position) {
      this.reads.push([position, target.length]);
      const found = bytes.subarray(position, position + target.length);
      target.set(found);
      return found.length;
    },
    write: refuse,
    truncate: refuse,
    sync: refuse,
    close: refuse,
  };
}
