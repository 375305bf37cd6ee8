/**
 * What becomes durable, and keeping a file's layers few: what is decided is folded into the base, and what
 * nobody can see any more is forgotten. Equal contents then look equal, which is what the disk's key is
 * about. Nothing is decided here, and nothing visible changes.
 *
 * What is forgotten undecided stays in the ledger's count: it was one of the things that the crash left open.
 * @module
 */
import { elementAt } from "./element-at.ts";
import { ByteRanges } from "./byte-ranges.ts";
import { NOTHING, outcome } from "./lazy-decisions.ts";
import type { Layer, PendingFileOperation, SyncHistory } from "./operations.ts";
import {
  cleanSizeIndex,
  compose,
  copyBytes,
  type FileInode,
  overlay,
  smallestSize,
} from "./simulated-file.ts";
import { CLEAN, DURABLE, UNKNOWN, type Undecided } from "./undecided.ts";

/** Makes what is pending durable. What earlier crashes left undecided beneath it stays undecided. */
export function syncFile(file: FileInode, undecided: Undecided, separateSize: boolean): void {
  const { pending } = file;
  if (pending.length === 0) return;
  if (file.left.length === 0) {
    const base = Buffer.allocUnsafe(file.size);
    compose(file, base, 0, file.size);
    file.base = base;
    file.baseSize = file.size;
    file.pending = [];
    return;
  }
  const settlesSize = separateSize && reachesSize(file);
  for (const operation of pending) {
    const { step } = operation;
    const fate = { step, crash: DURABLE, at: -1, steps: 1 };
    if (operation.kind === "write") {
      const { position: start, bytes } = operation;
      file.left.push({ kind: "piece", start, end: start + bytes.length, bytes, from: 0, ...fate });
    } else file.left.push({ kind: "clip", size: operation.size, ...fate });
  }
  file.pending = [];
  if (file.history !== undefined) file.history = withSync(file.history, pending, true);
  if (settlesSize) settleSize(file);
  settle(file, undecided, separateSize);
  if (!file.left.some(({ crash }) => crash === CLEAN)) file.history = undefined;
}

/** A history with one sync more. */
export function withSync(
  history: SyncHistory,
  operations: readonly PendingFileOperation[],
  succeeded: boolean,
): SyncHistory {
  return { ...history, syncs: [...history.syncs, { operations, succeeded }] };
}

/**
 * Whether a sync makes the size durable. It does not if an earlier one failed to, unless what is pending sets
 * the size, or could not be read with the size that the medium may have.
 */
function reachesSize({ left, pending }: FileInode): boolean {
  const clean = cleanSizeIndex(left);
  if (clean < 0) return true;
  const smallest = smallestSize(left, clean);
  return pending.some(
    (operation) => operation.kind === "truncate" || operation.position + operation.bytes.length > smallest,
  );
}

/** Makes the size that the process sees durable. */
function settleSize(file: FileInode): void {
  const { left, size } = file;
  const clean = cleanSizeIndex(left);
  if (clean >= 0) {
    left.splice(clean, 1);
    left.push({ kind: "clip", step: 0, size, crash: DURABLE, at: -1, steps: 1 });
  }
  file.baseSize = size;
}

/** Folds and forgets what can be. */
export function settle(file: FileInode, undecided: Undecided, separateSize: boolean): void {
  if (file.left.length === 0) return;
  if (applyCuts(file.left, undecided)) forgetCovered(file, separateSize);
  foldDurable(file, separateSize);
  if (file.left.length === 0 && file.size === UNKNOWN) file.size = sizeWithPending(file);
}

/**
 * The size where nothing is left undecided and no truncation is pending, for that would have made it known.
 */
function sizeWithPending(file: FileInode): number {
  let size = file.baseSize;
  for (const operation of file.pending) {
    if (operation.kind === "write") size = Math.max(size, operation.position + operation.bytes.length);
  }
  return size;
}

/**
 * Puts outcomes in the place of what follows from a cut; returns whether anything is still undecided, or
 * clean.
 */
function applyCuts(left: Layer[], undecided: Undecided): boolean {
  let open = false;
  for (let i = 0; i < left.length; i++) {
    const layer = elementAt(left, i);
    if (layer.crash === DURABLE) continue;
    const kept = layer.kind === "size" ? UNKNOWN : undecided.known(layer);
    if (kept === UNKNOWN) open = true;
    else if (layer.kind !== "size") left[i] = outcome(layer, kept);
  }
  return open;
}

/** Forgets undecided layers of which newer durable ones determine everything that they could change. */
function forgetCovered(file: FileInode, separateSize: boolean): void {
  const { left } = file;
  const extent = largestExtent(file);
  const covered = new ByteRanges();
  // Whether the size that the process sees, or that of a newer layer, may turn out to be that of the next
  // SizeLeft.
  let sizeNeeded = separateSize && file.baseSize === UNKNOWN;
  for (let i = left.length - 1; i >= 0; i--) {
    const layer = elementAt(left, i);
    if (layer.crash === DURABLE) {
      // There is nothing after the extent, so what reaches it determines all that follows, the size included.
      if (layer.kind === "piece") covered.add(layer.start, layer.end >= extent ? Infinity : layer.end);
      else if (layer.kind === "clip") covered.add(layer.size, Infinity);
    } else if (layer.kind === "piece") {
      if (covered.covers(layer.start, layer.end)) left[i] = NOTHING;
    } else if (layer.kind === "clip") {
      if (covered.covers(layer.size, Infinity)) left[i] = NOTHING;
    } else if (!sizeNeeded && covered.covers(smallestSize(left, i), Infinity)) left[i] = NOTHING;
    else sizeNeeded = layer.before;
  }
}

/** No byte and no size in or beneath the layers lies after it. */
function largestExtent(file: FileInode): number {
  let extent = Math.max(file.base.length, file.baseSize);
  for (const layer of file.left) {
    if (layer.kind === "piece") extent = Math.max(extent, layer.end);
    else if (layer.kind === "clip") extent = Math.max(extent, layer.size);
    else for (const value of layer.values) extent = Math.max(extent, value);
  }
  return extent;
}

/**
 * Moves durable layers into the base, oldest first, except those that something undecided beneath would
 * change.
 */
function foldDurable(file: FileInode, separateSize: boolean): void {
  const kept: Layer[] = [];
  let base: Buffer | undefined;
  for (let i = 0; i < file.left.length; i++) {
    const layer = elementAt(file.left, i);
    if (layer.crash !== DURABLE || (layer !== NOTHING && isBlocked(file.left, i, kept, layer))) {
      kept.push(layer);
      continue;
    }
    if (layer === NOTHING) continue;
    base ??= growableBase(file);
    if (layer.kind === "piece") {
      overlay(base, 0, base.length, layer.start, layer.end, layer.bytes, layer.from);
      if (!separateSize) file.baseSize = Math.max(file.baseSize, layer.end);
    } else if (layer.kind === "clip") {
      overlay(base, 0, base.length, layer.size, Infinity, undefined, 0);
      if (!separateSize) file.baseSize = layer.size;
    }
  }
  if (base !== undefined) file.base = base;
  file.left = kept;
}

/** A copy of the base with room for every durable piece. */
function growableBase(file: FileInode): Buffer {
  let length = file.base.length;
  for (const layer of file.left) {
    if (layer.kind === "piece" && layer.crash === DURABLE) length = Math.max(length, layer.end);
  }
  const base = Buffer.allocUnsafe(length);
  copyBytes(base, 0, file.base, 0, file.base.length);
  base.fill(0, file.base.length);
  return base;
}

/** Whether a layer and one of those kept beneath it touch the same bytes, so that their order matters. */
export function isBlocked(
  left: readonly Layer[],
  index: number,
  kept: readonly Layer[],
  layer: Layer,
): boolean {
  if (kept.length === 0) return false;
  if (layer.kind === "size") return true;
  for (const beneath of kept) {
    if (beneath.kind === "piece") {
      if (layer.kind === "clip" ? beneath.end > layer.size : overlap(layer, beneath)) return true;
    } else if (layer.kind === "clip") return true;
    else {
      const start =
        beneath.kind === "clip" ? beneath.size : smallestSize(left, left.lastIndexOf(beneath, index));
      if (layer.end > start) return true;
    }
  }
  return false;
}

function overlap(a: { start: number; end: number }, b: { start: number; end: number }): boolean {
  return a.start < b.end && b.start < a.end;
}
