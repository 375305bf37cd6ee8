/**
 * Putting bytes on the medium past the kernel, as if nothing had ever happened to the file but that it holds
 * them. This is how a fault in stored bytes gets onto a disk; the disk says nothing about which faults there
 * are.
 *
 * What a renaming that is pending or undecided did to the other name, it goes on doing. What is open under
 * that name goes on in the ledger's count.
 * @module
 */
import type { Medium } from "./medium.ts";
import type { EntryOperation } from "./operations.ts";
import { ABSENT } from "./simulated-directory.ts";

/** A name in a directory, and the number of the file that it stands for, or `ABSENT`. */
export interface Place {
  readonly parent: number;
  readonly name: string;
  readonly number: number;
}

/** Makes the file at a place hold these bytes, durably; without bytes there is no such file. */
export function storeAt(medium: Medium, place: Place, bytes: Uint8Array | undefined): void {
  const { parent, name, number } = place;
  const directory = medium.mutableDirectory(parent);
  const base = new Map(directory.base);
  directory.left = without(directory.left, name);
  directory.pending = without(directory.pending, name);
  directory.base = base;
  if (bytes === undefined) {
    base.delete(name);
    return;
  }
  const stored = number === ABSENT ? medium.addFile() : number;
  base.set(name, stored);
  const file = medium.mutableFile(stored);
  file.base = Buffer.from(bytes);
  file.baseSize = bytes.length;
  file.size = bytes.length;
  file.left = [];
  file.pending = [];
  file.history = undefined;
}

/** The operations without what they do to a name. */
function without(operations: readonly EntryOperation[], name: string): EntryOperation[] {
  const kept: EntryOperation[] = [];
  for (const operation of operations) {
    const sets = operation.sets === name ? undefined : operation.sets;
    const clears = operation.clears === name ? undefined : operation.clears;
    if (sets === undefined && clears === undefined) continue;
    const inode = sets === undefined ? ABSENT : operation.inode;
    kept.push({ ...operation, sets, inode, clears });
  }
  return kept;
}
