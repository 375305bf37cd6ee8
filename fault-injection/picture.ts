/**
 * A medium as a person is shown it: names and sectors, and what is certain of each. Looking decides nothing.
 * @module
 */
import { type Medium, ROOT } from "./medium.ts";
import {
  ABSENT,
  type DirectoryInode,
  peekEntry,
  possibleNames,
  UNKNOWN_ENTRY,
} from "./simulated-directory.ts";
import { compose, type FileInode, smallestSize } from "./simulated-file.ts";
import { CLEAN, UNKNOWN } from "./undecided.ts";

/**
 * What is certain of a name or a sector. `pending` is visible and would not survive every power failure;
 * `clean` is what a failed sync left, which the kernel no longer writes; `undecided` is what a crash may have
 * left, and nobody has looked.
 */
export type Certainty = "durable" | "pending" | "clean" | "undecided";

interface SectorPicture {
  readonly start: number;
  readonly end: number;
  readonly certainty: Certainty;
  /** As the process sees them; where a layer over them is undecided, those beneath it. */
  readonly bytes: Buffer;
  /** Those beneath what is pending. */
  readonly beneath: Buffer;
}

/** A file's size; `bytes` is `undefined` where it is undecided. */
interface SizePicture {
  readonly certainty: Certainty;
  readonly bytes: number | undefined;
}

export interface FilePicture {
  readonly path: string;
  readonly name: Certainty;
  readonly size: SizePicture;
  readonly sectors: readonly SectorPicture[];
}

/**
 * Every file that has a name or may have one, in the order of their paths. What follows from what was decided
 * is folded first. O(bytes) time and memory.
 */
export function pictureOf(medium: Medium): FilePicture[] {
  medium.settleAll();
  const files: FilePicture[] = [];
  const walk = (directory: DirectoryInode, path: string): void => {
    for (const name of possibleNames(directory)) {
      const number = likelyInode(directory, name);
      if (number === ABSENT) continue;
      const inode = medium.inode(number);
      const child = `${path}/${name}`;
      if (inode.kind === "directory") walk(inode, child);
      else
        files.push({
          path: child,
          name: nameOf(directory, name),
          ...contentsOf(inode, medium.rules.sectorBytes),
        });
    }
  };
  walk(medium.inode(ROOT) as DirectoryInode, "");
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What a name stands for; where that is undecided, what it stands for if it is there. */
function likelyInode(directory: DirectoryInode, name: string): number {
  const found = peekEntry(directory, name);
  if (found !== UNKNOWN_ENTRY) return found;
  const newest = directory.left.findLast(({ sets }) => sets === name);
  return newest?.inode ?? directory.base.get(name) ?? ABSENT;
}

function nameOf(directory: DirectoryInode, name: string): Certainty {
  const isOf = ({
    sets,
    clears,
  }: {
    readonly sets: string | undefined;
    readonly clears: string | undefined;
  }): boolean => sets === name || clears === name;
  if (directory.pending.some(isOf)) return "pending";
  return peekEntry(directory, name) === UNKNOWN_ENTRY ? "undecided" : "durable";
}

function contentsOf(file: FileInode, sectorBytes: number): Pick<FilePicture, "size" | "sectors"> {
  const isKnown = file.size !== UNKNOWN;
  const end = isKnown ? file.size : furthest(file);
  const bytes = Buffer.alloc(end);
  compose(file, bytes, 0, end);
  const settled = file.copy({});
  settled.pending = [];
  const beneath = Buffer.alloc(end);
  compose(settled, beneath, 0, end);
  const sectors: SectorPicture[] = [];
  for (let start = 0; start < end; start += sectorBytes) {
    const past = Math.min(start + sectorBytes, end);
    const certainty = certaintyOf(file, start, past);
    const [seen, under] = [bytes.subarray(start, past), beneath.subarray(start, past)];
    sectors.push({ start, end: past, certainty, bytes: seen, beneath: under });
  }
  const certainty = file.pending.length > 0 && file.baseSize !== file.size ? "pending" : "durable";
  const size: SizePicture = isKnown
    ? { certainty, bytes: file.size }
    : { certainty: "undecided", bytes: undefined };
  return { size, sectors };
}

/** Where a file ends at the furthest. */
function furthest({ base, baseSize, left, pending }: FileInode): number {
  const ends = [base.length, baseSize];
  for (const layer of left) {
    if (layer.kind === "piece") ends.push(layer.end);
    else if (layer.kind === "size") ends.push(...layer.values);
  }
  for (const operation of pending)
    if (operation.kind === "write") ends.push(operation.position + operation.bytes.length);
  return Math.max(...ends);
}

function certaintyOf({ left, pending }: FileInode, start: number, end: number): Certainty {
  const isPending = pending.some((operation) =>
    operation.kind === "write"
      ? operation.position < end && operation.position + operation.bytes.length > start
      : operation.size < end,
  );
  if (isPending) return "pending";
  const over = left.filter((layer, i) => {
    if (layer.kind === "piece") return layer.start < end && layer.end > start;
    return (layer.kind === "clip" ? layer.size : smallestSize(left, i)) < end;
  });
  if (over.some(({ crash }) => crash >= 0)) return "undecided";
  return over.some(({ crash }) => crash === CLEAN) ? "clean" : "durable";
}
