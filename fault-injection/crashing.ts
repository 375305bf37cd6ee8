/**
 * A power failure, for one inode: what was pending becomes undecided. Nothing is chosen here; the persistence
 * model only says into which things the pending operations fall apart and which of these depend on each
 * other.
 * @module
 */
import { elementAt } from "./element-at.ts";
import type { EntryOperation, Layer, PendingFileOperation, Piece, SizeLeft } from "./operations.ts";
import type { MediumRules } from "./persistence.ts";
import type { DirectoryInode } from "./simulated-directory.ts";
import { isBlocked } from "./settling.ts";
import { cleanSizeIndex, type FileInode } from "./simulated-file.ts";
import { CLEAN, UNKNOWN } from "./undecided.ts";

/** Where the operation issued at a step begins in the row of ordered things; -1 if it is not in it. */
export type PositionOf = (step: number) => number;

/** How many steps a pending operation takes in the row of ordered things. */
export function orderedSteps(operation: PendingFileOperation, rules: MediumRules): number {
  if (operation.kind === "truncate") return 1;
  const { position, bytes } = operation;
  if (rules.tornSectors) return bytes.length;
  const last = position + bytes.length - 1;
  return Math.floor(last / rules.sectorBytes) - Math.floor(position / rules.sectorBytes) + 1;
}

/**
 * Leaves a directory's pending operations undecided; returns the combinations of those that are independent.
 */
export function leaveDirectory(directory: DirectoryInode, crash: number, positionOf: PositionOf): bigint {
  let independent = 0;
  for (const operation of directory.pending) {
    const at = positionOf(operation.step);
    if (at < 0) independent++;
    const undecided: EntryOperation = { ...operation, crash, at };
    directory.left.push(undecided);
  }
  directory.pending = [];
  return 1n << BigInt(independent);
}

/**
 * Leaves a file's pending operations undecided, and what failed syncs left clean; returns the combinations of
 * those that are independent. With `CLEAN` for a crash it leaves the pending ones clean.
 */
export function leaveFile(
  file: FileInode,
  crash: number,
  positionOf: PositionOf,
  rules: MediumRules,
): bigint {
  const { left } = file;
  const { separateSize } = rules.persistence;
  const clean = takeCleanSize(left);
  if (crash !== CLEAN) {
    for (const [i, layer] of left.entries()) if (layer.crash === CLEAN) left[i] = { ...layer, crash };
    file.history = undefined;
  }
  const sizes: number[] = [];
  let size = clean?.values[0] ?? file.baseSize;
  for (const operation of file.pending) {
    const { step } = operation;
    const fate = { step, crash, at: positionOf(step) };
    if (operation.kind === "write") {
      const { position, bytes } = operation;
      const pushed = left.length;
      pushPieces(left, position, position + bytes.length, bytes, fate, rules);
      for (let i = pushed; separateSize && i < left.length; i++) {
        const { end } = left[i] as Piece;
        if (end > size) sizes.push((size = end));
      }
    } else if (separateSize) {
      pushPieces(left, operation.size, operation.reach, undefined, fate, rules);
      sizes.push((size = operation.size));
    } else left.push({ kind: "clip", size: operation.size, steps: 1, ...fate });
  }
  file.pending = [];
  let whole = 0;
  let combinations = 1n;
  for (const layer of left) {
    if (layer.crash !== crash || layer.at >= 0) continue;
    if (layer.steps === 1) whole++;
    else combinations *= BigInt(layer.steps + 1);
  }
  combinations <<= BigInt(whole);
  if (separateSize) {
    combinations *= leaveSize(file, sizes, clean, crash);
    forgetIdle(file);
  } else if (crash !== CLEAN) file.size = UNKNOWN;
  return combinations;
}

/**
 * Forgets undecided pieces that write what is there for certain: the file is the same whether they survived.
 * They stay in the ledger's count. Only where sizes are separate: otherwise a piece may also set the size.
 */
function forgetIdle(file: FileInode): void {
  const { base, left } = file;
  const kept: Layer[] = [];
  for (const [i, layer] of left.entries()) {
    const isIdle = layer.kind === "piece" && layer.crash >= 0 && isInBase(layer, base);
    if (!isIdle || isBlocked(left, i, kept, layer)) kept.push(layer);
  }
  file.left = kept;
}

/** Whether the base has the bytes of a piece in its place; there are zeros after its end. */
function isInBase({ start, end, bytes, from }: Piece, base: Buffer): boolean {
  for (let i = start; i < end; i++) if ((base[i] ?? 0) !== (bytes?.[from + i - start] ?? 0)) return false;
  return true;
}

/** Takes the size that failed syncs left out of the layers. */
function takeCleanSize(left: Layer[]): SizeLeft | undefined {
  const index = cleanSizeIndex(left);
  if (index < 0) return undefined;
  const [taken] = left.splice(index, 1);
  return taken as SizeLeft;
}

/**
 * The size becomes one of those the file had since the durable one; `clean` are those before the last failed
 * sync.
 */
function leaveSize(
  file: FileInode,
  sizes: readonly number[],
  clean: SizeLeft | undefined,
  crash: number,
): bigint {
  if (sizes.length === 0 && clean === undefined) return 1n;
  const values = new Set<number>();
  for (let i = sizes.length - 1; i >= 0; i--) values.add(elementAt(sizes, i));
  for (const value of clean?.values ?? []) values.add(value);
  const before = clean === undefined ? file.baseSize === UNKNOWN : clean.before;
  if (clean === undefined && !before) values.add(file.baseSize);
  const options = values.size + (before ? 1 : 0);
  file.left.push({ kind: "size", values: [...values], before, crash, at: -1, steps: options - 1 });
  file.baseSize = UNKNOWN;
  if (crash !== CLEAN) file.size = UNKNOWN;
  return BigInt(options);
}

function pushPieces(
  left: Layer[],
  start: number,
  end: number,
  bytes: Buffer | undefined,
  fate: { step: number; crash: number; at: number },
  rules: MediumRules,
): void {
  let { at } = fate;
  for (let from = start; from < end;) {
    const pieceEnd = Math.min(end, (Math.floor(from / rules.sectorBytes) + 1) * rules.sectorBytes);
    const steps = rules.tornSectors ? pieceEnd - from : 1;
    const { step, crash } = fate;
    left.push({
      kind: "piece",
      step,
      start: from,
      end: pieceEnd,
      bytes,
      from: from - start,
      crash,
      at,
      steps,
    });
    if (at >= 0) at += steps;
    from = pieceEnd;
  }
}
