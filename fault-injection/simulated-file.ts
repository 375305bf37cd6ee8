/**
 * A file's contents, from the medium up: `base` (durable and decided), `left` (what crashes left undecided,
 * what failed syncs left clean, and what became durable on top of that since), `pending` (issued since the
 * last sync, visible). Everything here is what a running kernel does; nothing here decides anything.
 *
 * Files are shared between forks until they change; only their owner may change one (`Medium.mutableFile`).
 * @module
 */
import { elementAt } from "./element-at.ts";
import type { Layer, PendingFileOperation, SyncHistory } from "./operations.ts";
import { CLEAN, UNKNOWN } from "./undecided.ts";

const NO_BYTES: Buffer = Buffer.alloc(0);

/** Below this many bytes a loop copies faster than a call. */
const LOOP_BYTES_MAX = 48;

export class FileInode {
  readonly kind = "file";
  readonly owner: object;
  /** Never written in place. Bytes after it are zeros; bytes of it after the file's size are zeros. */
  base: Buffer = NO_BYTES;
  /**
   * The size beneath `left`. Where sizes are separate: the size on the medium, and `UNKNOWN` if that is what
   * the newest `SizeLeft` will turn out to be.
   */
  baseSize = 0;
  left: Layer[];
  pending: PendingFileOperation[];
  /** The size that the process sees, or `UNKNOWN` if that is undecided or not worked out. */
  size = 0;
  /** This file's part of the disk's key, once asked for. */
  text: string | undefined = undefined;
  /** Set where a layer is `CLEAN`, unless something was undecided when the first such layer came about. */
  history: SyncHistory | undefined = undefined;

  constructor(owner: object, left: Layer[], pending: PendingFileOperation[]) {
    this.owner = owner;
    this.left = left;
    this.pending = pending;
  }

  /** A copy that may be changed by `owner`. */
  copy(owner: object): FileInode {
    const copy = new FileInode(owner, this.left.slice(), this.pending.slice());
    copy.base = this.base;
    copy.baseSize = this.baseSize;
    copy.size = this.size;
    copy.history = this.history;
    return copy;
  }
}

/** Where in the layers the size is that failed syncs left, if one is; there is never more than one. */
export function cleanSizeIndex(left: readonly Layer[]): number {
  return left.findIndex(({ kind, crash }) => kind === "size" && crash === CLEAN);
}

/** Where sizes are separate the size must be known: whether a write extends the file depends on it. */
export function write(file: FileInode, source: Uint8Array, position: number, step: number): void {
  const bytes = Buffer.allocUnsafe(source.length);
  copyBytes(bytes, 0, source, 0, source.length);
  file.pending.push({ kind: "write", step, position, bytes });
  if (file.size !== UNKNOWN) file.size = Math.max(file.size, position + bytes.length);
}

/**
 * Returns whether that is an operation. To the size it has a file is truncated in vain where sizes are
 * separate; where they are not, this is an operation like any other and may survive where the writes that
 * gave that size do not.
 */
export function truncate(file: FileInode, size: number, step: number, separateSize: boolean): boolean {
  let reach = size;
  if (separateSize) {
    if (file.size === size) return false;
    reach = Math.max(size, file.size === UNKNOWN ? largestSize(file) : file.size);
  }
  file.pending.push({ kind: "truncate", step, size, reach });
  file.size = size;
  return true;
}

/** The largest size that a file with an undecided size may turn out to have. */
function largestSize(file: FileInode): number {
  let largest = 0;
  for (let i = file.left.length - 1; i >= 0; i--) {
    const layer = elementAt(file.left, i);
    if (layer.kind !== "size") continue;
    for (const value of layer.values) largest = Math.max(largest, value);
    if (!layer.before) break;
  }
  return largest;
}

/** The smallest size that the `SizeLeft` at `index` may turn out to be. */
export function smallestSize(left: readonly Layer[], index: number): number {
  let smallest = Infinity;
  for (let i = index; i >= 0; i--) {
    const layer = elementAt(left, i);
    if (layer.kind !== "size") continue;
    for (const value of layer.values) smallest = Math.min(smallest, value);
    if (!layer.before) break;
  }
  return smallest;
}

/**
 * Writes the bytes [from .. from + count) as the process sees them to the beginning of `target`. Undecided
 * layers are passed over: whoever calls has made sure that none shows in that range.
 */
export function compose(file: FileInode, target: Uint8Array, from: number, count: number): void {
  const { base, left, pending } = file;
  const stored = Math.min(Math.max(base.length - from, 0), count);
  copyBytes(target, 0, base, from, stored);
  if (stored < count) target.fill(0, stored, count);
  for (const layer of left) {
    if (layer.crash >= 0) continue;
    if (layer.kind === "piece") overlay(target, from, count, layer.start, layer.end, layer.bytes, layer.from);
    else if (layer.kind === "clip") overlay(target, from, count, layer.size, Infinity, undefined, 0);
  }
  for (const operation of pending) {
    if (operation.kind === "write") {
      const { position, bytes } = operation;
      overlay(target, from, count, position, position + bytes.length, bytes, 0);
    } else overlay(target, from, count, operation.size, Infinity, undefined, 0);
  }
}

/** `target` holds [from .. from + count); puts what of [start .. end) falls into that over it. */
export function overlay(
  target: Uint8Array,
  from: number,
  count: number,
  start: number,
  end: number,
  bytes: Uint8Array | undefined,
  bytesFrom: number,
): void {
  const first = Math.max(start, from);
  const past = Math.min(end, from + count);
  if (first >= past) return;
  if (bytes === undefined) target.fill(0, first - from, past - from);
  else copyBytes(target, first - from, bytes, bytesFrom + first - start, past - first);
}

export function copyBytes(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  from: number,
  count: number,
): void {
  if (count <= LOOP_BYTES_MAX) {
    for (let i = 0; i < count; i++) target[at + i] = source[from + i] ?? 0;
  } else if (from === 0 && count === source.length) target.set(source, at);
  else target.set(source.subarray(from, from + count), at);
}
