/**
 * The inodes of a simulated disk, what happens to them when the power fails, and looking things up among
 * them. It knows neither open files nor locks nor who is watching: that is `SimulatedDisk`.
 *
 * Inodes are shared between forks. Each belongs to the medium that made it; a fork makes both sides give up
 * what they own, and whoever then changes an inode copies it first.
 * @module
 */
import { elementAt } from "./element-at.ts";
import { leaveDirectory, leaveFile, orderedSteps } from "./crashing.ts";
import { diskError } from "./disk-error.ts";
import { decideBytes, decideSize, type DecisionContext } from "./lazy-decisions.ts";
import type { EntryOperation } from "./operations.ts";
import type { MediumRules } from "./persistence.ts";
import { settle, withSync } from "./settling.ts";
import {
  ABSENT,
  decideEntry,
  DirectoryInode,
  peekEntry,
  possibleNames,
  settleEntries,
  UNKNOWN_ENTRY,
} from "./simulated-directory.ts";
import { compose, FileInode } from "./simulated-file.ts";
import { CLEAN, UNKNOWN, type Undecided } from "./undecided.ts";
import type { DiskChoice } from "./left-undecided.ts";

export type Inode = FileInode | DirectoryInode;

/** The root directory's inode number. */
export const ROOT = 0;

const NOT_ORDERED = (): number => -1;

const isClean = ({ crash }: { readonly crash: number }): boolean => crash === CLEAN;

export class Medium {
  readonly rules: MediumRules;
  readonly undecided: Undecided;
  /** By inode number. Numbers are not used again. */
  private readonly inodes: Inode[];
  /** What says that an inode belongs to this medium; replaced when it is forked. */
  private owner: object = {};

  constructor(rules: MediumRules, undecided: Undecided, inodes: Inode[] | undefined) {
    this.rules = rules;
    this.undecided = undecided;
    this.inodes = inodes ?? [new DirectoryInode(this.owner, new Map(), [], [])];
  }

  fork(choice: DiskChoice): Medium {
    this.owner = {};
    return new Medium(this.rules, this.undecided.fork(choice), this.inodes.slice());
  }

  get inodeCount(): number {
    return this.inodes.length;
  }

  inode(number: number): Inode {
    return elementAt(this.inodes, number);
  }

  /** The file with a number; only to read from. */
  file(number: number): FileInode {
    return this.inodes[number] as FileInode;
  }

  /** The file with a number, to be changed. */
  mutableFile(number: number): FileInode {
    let file = this.inodes[number] as FileInode;
    if (file.owner !== this.owner) this.inodes[number] = file = file.copy(this.owner);
    else file.text = undefined;
    return file;
  }

  /** The directory with a number, to be changed. */
  mutableDirectory(number: number): DirectoryInode {
    let directory = this.inodes[number] as DirectoryInode;
    if (directory.owner !== this.owner) this.inodes[number] = directory = directory.copy(this.owner);
    return directory;
  }

  addFile(): number {
    return this.inodes.push(new FileInode(this.owner, [], [])) - 1;
  }

  addDirectory(): number {
    return this.inodes.push(new DirectoryInode(this.owner, new Map(), [], [])) - 1;
  }

  /**
   * Makes it as if a name had never been used: what it stands for is gone, with all that is pending on it.
   */
  forget(directory: number, name: string, path: string): void {
    const number = this.lookUp(directory, name, path);
    const parent = this.mutableDirectory(directory);
    const other = ({ sets, clears }: EntryOperation): boolean => sets !== name && clears !== name;
    const base = new Map(parent.base);
    base.delete(name);
    parent.base = base;
    parent.left = parent.left.filter(other);
    parent.pending = parent.pending.filter(other);
    if (number !== ABSENT) this.empty(number);
  }

  private empty(number: number): void {
    const inode = this.inode(number);
    this.inodes[number] = new DirectoryInode(this.owner, new Map(), [], []);
    if (inode.kind === "file") return;
    for (const child of inode.base.values()) this.empty(child);
    for (const { inode: child } of [...inode.left, ...inode.pending]) if (child !== ABSENT) this.empty(child);
  }

  /** Power failure: whatever is pending becomes undecided. */
  crash(): void {
    const { ordered } = this.rules.persistence;
    const row = new Map<number, number>();
    let length = 0;
    if (ordered !== "nothing") {
      for (const { step, steps } of this.pendingInOrder(ordered === "everything")) {
        row.set(step, length);
        length += steps;
      }
    }
    const crash = this.undecided.openCrash(length);
    const positionOf = length === 0 ? NOT_ORDERED : (step: number): number => row.get(step) ?? -1;
    let combinations = 1n;
    for (let number = 0; number < this.inodes.length; number++) {
      const inode = this.inode(number);
      if (inode.pending.length === 0 && !inode.left.some(isClean)) continue;
      combinations *=
        inode.kind === "file"
          ? leaveFile(this.mutableFile(number), crash, positionOf, this.rules)
          : leaveDirectory(this.mutableDirectory(number), crash, positionOf);
    }
    this.undecided.enter(combinations);
  }

  /**
   * A sync of a file fails: what was pending counts as clean, or is dropped from memory. Returns whether that
   * is a change.
   */
  failSync(number: number, pages: "clean" | "dropped"): boolean {
    const { pending: before, left } = this.file(number);
    if (before.length === 0 && (pages === "clean" || !left.some(isClean))) return false;
    const file = this.mutableFile(number);
    const { separateSize } = this.rules.persistence;
    if (pages === "dropped") {
      this.undecided.enter(leaveFile(file, this.undecided.openCrash(0), NOT_ORDERED, this.rules));
      return true;
    }
    const { pending, base, baseSize } = file;
    if (file.left.length === 0) file.history = { base, baseSize, syncs: [] };
    if (file.history !== undefined) file.history = withSync(file.history, pending, false);
    leaveFile(file, CLEAN, NOT_ORDERED, this.rules);
    settle(file, this.undecided, separateSize);
    return true;
  }

  /** The pending directory operations, and those on files if asked for, as they were issued. */
  private pendingInOrder(withFiles: boolean): { step: number; steps: number }[] {
    const row: { step: number; steps: number }[] = [];
    for (const inode of this.inodes) {
      if (inode.kind === "directory") for (const { step } of inode.pending) row.push({ step, steps: 1 });
      else if (withFiles) {
        for (const operation of inode.pending) {
          row.push({ step: operation.step, steps: orderedSteps(operation, this.rules) });
        }
      }
    }
    return row.sort((a, b) => a.step - b.step);
  }

  /** The inode that a name in a directory stands for, or `ABSENT`. */
  lookUp(directory: number, name: string, directoryPath: string): number {
    const found = peekEntry(this.inodes[directory] as DirectoryInode, name);
    if (found !== UNKNOWN_ENTRY) return found;
    return decideEntry(this.mutableDirectory(directory), name, directoryPath, this.undecided);
  }

  /** The names in a directory, sorted; they are decided in that order, so that it depends on nothing else. */
  names(directory: number, path: string): string[] {
    const names = [...possibleNames(this.inodes[directory] as DirectoryInode)].sort();
    return names.filter((name) => this.lookUp(directory, name, path) !== ABSENT);
  }

  /** Whether a name may turn out to stand for a directory. Decides nothing. */
  mayBeDirectory(directory: number, name: string): boolean {
    const { base, left, pending } = this.inodes[directory] as DirectoryInode;
    const isDirectory = (number: number): boolean => this.inode(number).kind === "directory";
    const number = base.get(name);
    if (number !== undefined && isDirectory(number)) return true;
    return [left, pending].some((some) =>
      some.some(({ sets, inode }) => sets === name && isDirectory(inode)),
    );
  }

  /** The number of the directory at a path. */
  directoryAt(path: string, call: string): number {
    if (path === "/") return ROOT;
    if (!path.startsWith("/")) throw diskError("EINVAL", call, path);
    let directory = ROOT;
    for (let start = 1; ;) {
      const slash = path.indexOf("/", start);
      const end = slash < 0 ? path.length : slash;
      const name = checkedName(path.slice(start, end), call, path);
      directory = this.lookUp(directory, name, start === 1 ? "/" : path.slice(0, start - 1));
      if (directory === ABSENT) throw diskError("ENOENT", call, path);
      if (this.inode(directory).kind !== "directory") throw diskError("ENOTDIR", call, path);
      if (slash < 0) return directory;
      start = slash + 1;
    }
  }

  /** The size of a file; decides it. */
  sizeOf(number: number, path: string): number {
    const { size } = this.file(number);
    if (size !== UNKNOWN) return size;
    const file = this.mutableFile(number);
    const decided = decideSize(file, this.lookAt(path));
    settle(file, this.undecided, this.rules.persistence.separateSize);
    return decided;
  }

  /** Reads as `DiskFile.read` does; decides what shows. */
  read(number: number, path: string, target: Uint8Array, position: number): number {
    const count = Math.min(target.length, this.sizeOf(number, path) - position);
    if (count <= 0) return 0;
    let file = this.file(number);
    if (file.left.length > 0) {
      file = this.mutableFile(number);
      decideBytes(file, position, position + count, this.lookAt(path));
      settle(file, this.undecided, this.rules.persistence.separateSize);
    }
    compose(file, target, position, count);
    return count;
  }

  private lookAt(path: string): DecisionContext {
    const { sectorBytes, persistence } = this.rules;
    return { path, sectorBytes, separateSize: persistence.separateSize, undecided: this.undecided };
  }

  /**
   * Folds what follows from cuts, everywhere; afterwards what is left is undecided, or lies on something that
   * is.
   */
  settleAll(): void {
    for (let number = 0; number < this.inodes.length; number++) {
      const inode = this.inode(number);
      if (inode.left.length === 0) continue;
      if (inode.kind === "directory") settleEntries(this.mutableDirectory(number), this.undecided);
      else settle(this.mutableFile(number), this.undecided, this.rules.persistence.separateSize);
    }
  }
}

/** A path's last part and the path of the directory it is in. */
export function splitPath(path: string, call: string): { directory: string; name: string } {
  const slash = path.lastIndexOf("/");
  if (slash < 0) throw diskError("EINVAL", call, path);
  const name = checkedName(path.slice(slash + 1), call, path);
  return { directory: slash === 0 ? "/" : path.slice(0, slash), name };
}

function checkedName(name: string, call: string, path: string): string {
  if (name === "" || name === "." || name === "..") throw diskError("EINVAL", call, path);
  return name;
}
