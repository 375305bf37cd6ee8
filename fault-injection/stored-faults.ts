/**
 * Every single fault in stored bytes that files can have, numbered, so that a checker can choose one and put
 * it on a disk with `SimulatedDisk.store`. Deterministic. The bytes of a fault are made when it is asked for.
 *
 * For every file: it is missing; cut at every length; replaced by every older version of itself; every sector
 * zeroed; every sector lost, which is to hold what it held before it was last changed; every sector written
 * to the place of every other of the same file, while its own place holds what it held before; every bit
 * flipped. Besides, a file may hold whatever the caller names: the content of another file, say. And of
 * pieces that the caller names, such as records, each may lie over every other of its size. A fault that
 * leaves a file as it is, or as an earlier one does, is left out.
 *
 * Not among them: two faults at once; a sector that ends up in another file; a file that had been removed and
 * is there again; two files that are exchanged; a sector that cannot be read, which is a call that fails
 * (`call-faults.ts`).
 * @module
 */
import { createHash } from "node:crypto";
import { elementAt } from "./element-at.ts";

export interface StoredFault {
  readonly kind: StoredFaultKind;
  /** The fault in words, for a person. */
  readonly what: string;
  readonly path: string;
  /** What the file then holds; `undefined` if it is missing. */
  readonly bytes: Uint8Array | undefined;
}

type StoredFaultKind =
  "missing" | "cut" | "replaced" | "foreign" | "overlaid" | "zeroed" | "lost" | "misplaced" | "flipped";

/** What a file may hold that never was its content. */
export interface ForeignContent {
  /** Completes "replaced by". */
  readonly what: string;
  readonly bytes: Uint8Array;
}

/** Bytes of a file that belong together, and by what name. */
export interface Piece {
  readonly what: string;
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

export interface StoredFaults {
  readonly count: number;
  /** @throws RangeError if there is no fault with that number, from 0 */
  at(index: number): StoredFault;
}

/**
 * What a fault is about: of its kind the `place` (a length, a version, a foreign content, a piece, a sector,
 * a bit), and the piece or sector it is written to.
 */
interface Descriptor {
  readonly kind: StoredFaultKind;
  readonly file: StoredFile;
  readonly place: number;
  readonly to: number;
}

/** The pieces of all files, and what each holds. */
type Pieces = readonly (Piece & { readonly bytes: Uint8Array })[];

interface StoredFile {
  readonly path: string;
  /** `undefined` if there is no such file. */
  readonly stored: Uint8Array | undefined;
  /** The same, or nothing. */
  readonly bytes: Uint8Array;
  /** Oldest first. */
  readonly versions: readonly Uint8Array[];
  readonly foreign: readonly ForeignContent[];
  readonly pieces: Pieces;
  readonly sectorBytes: number;
}

export interface StoredFaultOptions {
  readonly sectorBytes: number;
  /** By path what that file may hold instead; of a path without a file, what may turn up there. */
  readonly foreign?: ReadonlyMap<string, readonly ForeignContent[]>;
  /** Pieces of the files that may lie over others of the same size. */
  readonly pieces?: readonly Piece[];
  /**
   * By path the lengths to which files are cut, and then only the bits of `flips` are flipped; by default
   * files are cut to every length, and every bit is.
   */
  readonly cuts?: ReadonlyMap<string, readonly number[]> | undefined;
  /** By path the bits that are flipped beside such cuts; by default none. */
  readonly flips?: ReadonlyMap<string, readonly number[]> | undefined;
  /** Only faults of these kinds; by default of every kind. */
  readonly kinds?: readonly StoredFaultKind[] | undefined;
}

/**
 * @param files what is stored, by path
 * @param history by path the contents that a file had, oldest first; that which it has may be among them
 *
 * @example
 * const faults = storedFaults(disk.files(), new Map(), { sectorBytes: 16 });
 * const { path, bytes } = faults.at(choice.choose(faults.count, "fault in stored bytes"));
 * damaged.store(path, bytes);
 */
export function storedFaults(
  files: ReadonlyMap<string, Uint8Array>,
  history: ReadonlyMap<string, readonly Uint8Array[]>,
  { sectorBytes, foreign = new Map(), pieces = [], cuts, flips, kinds }: StoredFaultOptions,
): StoredFaults {
  if (!Number.isSafeInteger(sectorBytes) || sectorBytes < 1) {
    throw new RangeError(`sectorBytes must be a positive integer, not ${sectorBytes}`);
  }
  const found: Descriptor[] = [];
  const contents = pieces.map((piece) => {
    const { path, start, end } = piece;
    return { ...piece, bytes: Uint8Array.from(files.get(path)?.subarray(start, end) ?? []) };
  });
  for (const path of [...new Set([...files.keys(), ...foreign.keys()])].sort()) {
    const stored = files.get(path);
    const file = {
      path,
      stored,
      // Copies that are no Buffers: slices of a Buffer share its bytes.
      bytes: Uint8Array.from(stored ?? []),
      versions:
        stored === undefined ? [] : (history.get(path) ?? []).map((version) => Uint8Array.from(version)),
      foreign: foreign.get(path) ?? [],
      pieces: contents,
      sectorBytes,
    };
    const met = new Set<string>();
    for (const descriptor of candidates(file, cuts, flips)) {
      const isWanted = kinds?.includes(descriptor.kind) ?? true;
      if (isWanted && isAnother(descriptor, met, cuts === undefined)) found.push(descriptor);
    }
  }
  return {
    count: found.length,
    at: (index) => {
      const descriptor = elementAt(found, index);
      const { kind, file } = descriptor;
      return {
        kind,
        path: file.path,
        what: `${file.path}: ${describe(descriptor)}`,
        bytes: bytesOf(descriptor),
      };
    },
  };
}

function* candidates(
  file: StoredFile,
  cuts: StoredFaultOptions["cuts"],
  flips: StoredFaultOptions["flips"],
): Generator<Descriptor> {
  const { stored, bytes, versions, foreign, sectorBytes } = file;
  const sectors = Math.ceil(bytes.length / sectorBytes);
  if (stored !== undefined) yield { kind: "missing", file, place: 0, to: 0 };
  const lengths = cuts === undefined ? bytes.keys() : (cuts.get(file.path) ?? []);
  for (const place of lengths) yield { kind: "cut", file, place, to: 0 };
  for (let place = versions.length - 1; place >= 0; place--) yield { kind: "replaced", file, place, to: 0 };
  for (let place = 0; place < foreign.length; place++) yield { kind: "foreign", file, place, to: 0 };
  yield* overlays(file);
  for (let place = 0; place < sectors; place++) yield { kind: "zeroed", file, place, to: 0 };
  for (let place = 0; place < sectors; place++) yield { kind: "lost", file, place, to: 0 };
  for (let place = 0; place < sectors; place++) {
    for (let to = 0; to < sectors; to++) if (to !== place) yield { kind: "misplaced", file, place, to };
  }
  const bits = cuts === undefined ? Array(8 * bytes.length).keys() : (flips?.get(file.path) ?? []);
  for (const place of bits) yield { kind: "flipped", file, place, to: 0 };
}

/** Every piece over every other of its size in this file. */
function* overlays(file: StoredFile): Generator<Descriptor> {
  for (const [to, target] of file.pieces.entries()) {
    if (target.path !== file.path) continue;
    for (const [place, { bytes }] of file.pieces.entries()) {
      if (place !== to && bytes.length === target.bytes.length) yield { kind: "overlaid", file, place, to };
    }
  }
}

/** Whether a fault leaves its file different from what it is and from what any other leaves it. */
function isAnother(descriptor: Descriptor, met: Set<string>, everyPlace: boolean): boolean {
  // These are different by what they are, and the others are compared with all of them.
  if (descriptor.kind === "missing" || descriptor.kind === "cut" || descriptor.kind === "flipped")
    return true;
  const { stored, bytes } = descriptor.file;
  const after = bytesOf(descriptor) ?? new Uint8Array();
  const digest = createHash("sha256").update(after).digest("base64");
  if (stored === undefined) return met.size < met.add(digest).size;
  const common = Math.min(bytes.length, after.length);
  let differentBits = 0;
  for (let i = 0; i < common && differentBits < 2; i++) {
    for (let difference = (bytes[i] ?? 0) ^ (after[i] ?? 0); difference > 0; difference &= difference - 1)
      differentBits++;
  }
  const isCut = differentBits === 0 && after.length <= bytes.length;
  const isFlip = differentBits === 1 && after.length === bytes.length;
  if (everyPlace ? isCut || isFlip : isCut && after.length === bytes.length) return false;
  return met.size < met.add(digest).size;
}

function bytesOf({ kind, file, place, to }: Descriptor): Uint8Array | undefined {
  const { bytes, versions, foreign, pieces, sectorBytes } = file;
  switch (kind) {
    case "missing":
      return undefined;
    case "cut":
      return bytes.slice(0, place);
    case "replaced":
      return elementAt(versions, place).slice();
    case "foreign":
      return Uint8Array.from(elementAt(foreign, place).bytes);
    case "overlaid": {
      const after = bytes.slice();
      after.set(elementAt(pieces, place).bytes, elementAt(pieces, to).start);
      return after;
    }
    case "zeroed":
      return bytes.slice().fill(0, place * sectorBytes, (place + 1) * sectorBytes);
    case "lost": {
      const after = bytes.slice();
      putSector(file, after, place, sectorBefore(file, place) ?? sectorOf(file, bytes, place));
      return after;
    }
    case "misplaced": {
      const after = bytes.slice();
      putSector(file, after, place, sectorBefore(file, place) ?? new Uint8Array(sectorBytes));
      putSector(file, after, to, sectorOf(file, bytes, place));
      return after;
    }
    case "flipped": {
      const after = bytes.slice();
      after[place >> 3] = (after[place >> 3] ?? 0) ^ (1 << (place & 7));
      return after;
    }
  }
}

/** A whole sector; after the end of the content are zeros. */
function sectorOf({ sectorBytes }: StoredFile, content: Uint8Array, sector: number): Uint8Array {
  const whole = new Uint8Array(sectorBytes);
  whole.set(content.subarray(sector * sectorBytes, (sector + 1) * sectorBytes));
  return whole;
}

/** Puts a sector in its place, as far as the file reaches. */
function putSector(
  { sectorBytes }: StoredFile,
  target: Uint8Array,
  sector: number,
  source: Uint8Array,
): void {
  const start = sector * sectorBytes;
  target.set(source.subarray(0, target.length - start), start);
}

/** What a sector held before it was last changed, if it ever was. */
function sectorBefore(file: StoredFile, sector: number): Uint8Array | undefined {
  const { bytes, versions, sectorBytes } = file;
  const start = sector * sectorBytes;
  const end = Math.min(start + sectorBytes, bytes.length);
  for (let i = versions.length - 1; i >= 0; i--) {
    const before = sectorOf(file, elementAt(versions, i), sector);
    for (let k = start; k < end; k++) if (before[k - start] !== bytes[k]) return before;
  }
  return undefined;
}

function describe({ kind, file, place, to }: Descriptor): string {
  const { bytes, versions, foreign, pieces } = file;
  switch (kind) {
    case "missing":
      return "missing";
    case "cut":
      return `cut to ${place} of ${bytes.length} bytes`;
    case "replaced":
      return `replaced by version ${place + 1} of the ${versions.length} it had`;
    case "foreign":
      return `replaced by ${elementAt(foreign, place).what}`;
    case "overlaid":
      return `${elementAt(pieces, place).what} written to the place of ${elementAt(pieces, to).what}`;
    case "zeroed":
      return `sector ${place} zeroed`;
    case "lost":
      return `last change of sector ${place} lost`;
    case "misplaced":
      return `sector ${place} written to the place of sector ${to}`;
    case "flipped":
      return `bit ${place & 7} of byte ${place >> 3} flipped`;
  }
}
