/**
 * Reading a file after a crash: decides what the size or the bytes that are asked for depend on, and nothing
 * else.
 *
 * Layers are gone through from the newest down, and one is decided only if a byte that is asked for is not
 * yet determined by something newer. What was decided stays: it becomes a durable layer or vanishes.
 * @module
 */
import { elementAt } from "./element-at.ts";
import { ByteRanges } from "./byte-ranges.ts";
import type { Clip, Layer, Piece } from "./operations.ts";
import { cleanSizeIndex, type FileInode, smallestSize } from "./simulated-file.ts";
import { DURABLE, UNKNOWN, type Undecided } from "./undecided.ts";

/** In place of a layer that did not survive: nothing, durably. */
export const NOTHING: Piece = {
  kind: "piece",
  step: 0,
  start: 0,
  end: 0,
  bytes: undefined,
  from: 0,
  crash: DURABLE,
  at: -1,
  steps: 0,
};

/** What a layer is once it is known that `kept` of its steps survived. */
export function outcome(layer: Piece | Clip, kept: number): Piece | Clip {
  if (kept === 0) return NOTHING;
  if (layer.kind === "clip" || kept === layer.steps) return { ...layer, crash: DURABLE };
  return { ...layer, end: layer.start + kept, crash: DURABLE };
}

/** What a decision needs to know; the path is for the labels. */
export interface DecisionContext {
  readonly path: string;
  readonly sectorBytes: number;
  readonly separateSize: boolean;
  readonly undecided: Undecided;
}

/** Decides the size that the process sees, and returns it. */
export function decideSize(file: FileInode, context: DecisionContext): number {
  if (file.size !== UNKNOWN) return file.size;
  if (context.separateSize) {
    let newest = file.left.length - 1;
    while (newest >= 0 && file.left[newest]?.kind !== "size") newest--;
    return decideSizeLeft(file, newest, context);
  }
  file.size = sizeFromOperations(file, context);
  return file.size;
}

/**
 * The size that the surviving operations give: that of the newest truncation that survived, or what is
 * further out of the ends of the pieces since. Truncations are decided newest first; of the pieces those that
 * reach furthest first, for the others do not matter once one has survived.
 */
function sizeFromOperations(file: FileInode, context: DecisionContext): number {
  const { left, pending } = file;
  let size = 0;
  let clipAt = -1;
  for (let i = left.length - 1; i >= 0; i--) {
    const layer = elementAt(left, i);
    if (layer.kind !== "clip") continue;
    if (layer.crash < 0 || decideLayer(left, i, layer, context) > 0) {
      size = layer.size;
      clipAt = i;
      break;
    }
  }
  if (clipAt < 0) size = file.baseSize;
  // A pending truncation would have made the size known, so what is pending are writes.
  for (const operation of pending) {
    if (operation.kind === "write") size = Math.max(size, operation.position + operation.bytes.length);
  }
  for (let i = clipAt + 1; i < left.length; i++) {
    const layer = elementAt(left, i);
    if (layer.kind === "piece" && layer.crash < 0) size = Math.max(size, layer.end);
  }
  for (;;) {
    let furthest = -1;
    let end = size;
    for (let i = left.length - 1; i > clipAt; i--) {
      const layer = elementAt(left, i);
      if (layer.kind === "piece" && layer.crash >= 0 && layer.end > end) {
        furthest = i;
        end = layer.end;
      }
    }
    if (furthest < 0) return size;
    const layer = left[furthest] as Piece;
    decideLayer(left, furthest, layer, context);
    size = Math.max(size, (left[furthest] as Piece).end);
  }
}

/** Decides the `SizeLeft` at `index`, which turns into a durable clip; returns the size. */
function decideSizeLeft(file: FileInode, index: number, context: DecisionContext): number {
  const { left } = file;
  const layer = left[index];
  if (layer?.kind !== "size") throw new Error("an undecided size without the options for it");
  const { values, before } = layer;
  const question = `size of ${context.path}: ${values.join(", ")}${before ? ", as before" : ""}`;
  const option = context.undecided.decideOption(values.length + (before ? 1 : 0), question, {
    kind: "size",
    path: context.path,
  });
  let size = values[option];
  if (size === undefined) {
    let older = index - 1;
    while (older >= 0 && left[older]?.kind !== "size") older--;
    size = decideSizeLeft(file, older, context);
  }
  left[index] = { kind: "clip", step: 0, size, crash: DURABLE, at: -1, steps: 1 };
  const clean = cleanSizeIndex(left);
  if (clean >= 0) keepAsOption(left, clean, index, size);
  else {
    // A read meets newer sizes first, so while this one is open none but those that turn out to be it can be.
    if (file.baseSize === UNKNOWN) file.baseSize = size;
    if (file.size === UNKNOWN) file.size = size;
  }
  return size;
}

/**
 * If the size that failed syncs left may be "as before", and before it was the one just decided, it may be
 * that one.
 */
function keepAsOption(left: Layer[], clean: number, decided: number, size: number): void {
  const layer = left[clean];
  if (layer?.kind !== "size" || !layer.before) return;
  for (let i = decided + 1; i < clean; i++) if (left[i]?.kind === "size") return;
  const values = [...new Set([...layer.values, size])];
  left[clean] = { ...layer, values, before: false, steps: values.length - 1 };
}

/** Decides what the bytes [from .. to) depend on. */
export function decideBytes(file: FileInode, from: number, to: number, context: DecisionContext): void {
  const { left, pending } = file;
  const covered = new ByteRanges();
  for (let i = pending.length - 1; i >= 0; i--) {
    const operation = pending[i];
    if (operation?.kind === "write")
      covered.add(operation.position, operation.position + operation.bytes.length);
    else if (operation !== undefined) covered.add(operation.size, Infinity);
  }
  for (let i = left.length - 1; i >= 0; i--) {
    let layer = elementAt(left, i);
    let start: number;
    if (layer.kind === "piece") start = layer.start;
    else start = layer.kind === "clip" ? layer.size : smallestSize(left, i);
    const end = layer.kind === "piece" ? layer.end : Infinity;
    if (layer.crash >= 0) {
      if (covered.covers(Math.max(start, from), Math.min(end, to))) continue;
      if (layer.kind === "size") decideSizeLeft(file, i, context);
      else decideLayer(left, i, layer, context);
      layer = elementAt(left, i);
    }
    if (layer.kind === "piece") covered.add(layer.start, layer.end);
    else if (layer.kind === "clip") covered.add(layer.size, Infinity);
  }
}

/** Decides the layer at `index` and puts the outcome in its place; returns how many of its steps survived. */
function decideLayer(left: Layer[], index: number, layer: Piece | Clip, context: DecisionContext): number {
  let kept = context.undecided.known(layer);
  if (kept === UNKNOWN) {
    const kind = layer.kind === "clip" ? "truncation" : "sector";
    kept = context.undecided.decide(layer, nameOf(layer, context), { kind, path: context.path });
  }
  left[index] = outcome(layer, kept);
  return kept;
}

function nameOf(layer: Piece | Clip, context: DecisionContext): string {
  if (layer.kind === "clip") return `truncation of ${context.path} to ${layer.size} at step ${layer.step}`;
  const sector = Math.floor(layer.start / context.sectorBytes);
  const verb = layer.bytes === undefined ? "zeroed" : "written";
  return `sector ${sector} of ${context.path} [${layer.start}..${layer.end}) ${verb} at step ${layer.step}`;
}
