/**
 * A directory's entries, from the medium up: `base` (durable and decided), `left` (what crashes left
 * undecided, and what became durable on top of that since), `pending` (issued since the last sync of the
 * directory, visible).
 *
 * A name is looked up from the newest operation on it down, and operations are decided only as far as it
 * takes. Directories are shared between forks until they change; only their owner may change one.
 * @module
 */
import { elementAt } from "./element-at.ts";
import type { LeftUndecided } from "./left-undecided.ts";
import type { EntryOperation } from "./operations.ts";
import { DURABLE, UNKNOWN, type Undecided } from "./undecided.ts";

/** In place of an inode's number: there is no such name. */
export const ABSENT = -1;
/** In place of an inode's number: what the name stands for has to be decided. */
export const UNKNOWN_ENTRY = -2;

export class DirectoryInode {
  readonly kind = "directory";
  readonly owner: object;
  /** Never changed in place. */
  base: ReadonlyMap<string, number>;
  left: EntryOperation[];
  pending: EntryOperation[];

  constructor(
    owner: object,
    base: ReadonlyMap<string, number>,
    left: EntryOperation[],
    pending: EntryOperation[],
  ) {
    this.owner = owner;
    this.base = base;
    this.left = left;
    this.pending = pending;
  }

  /** A copy that may be changed by `owner`. */
  copy(owner: object): DirectoryInode {
    return new DirectoryInode(owner, this.base, this.left.slice(), this.pending.slice());
  }
}

/** What a name stands for if nothing undecided has to be decided for it; otherwise `UNKNOWN_ENTRY`. */
export function peekEntry(directory: DirectoryInode, name: string): number {
  const { pending, left, base } = directory;
  for (let i = pending.length - 1; i >= 0; i--) {
    const operation = elementAt(pending, i);
    if (operation.sets === name) return operation.inode;
    if (operation.clears === name) return ABSENT;
  }
  for (let i = left.length - 1; i >= 0; i--) {
    const operation = elementAt(left, i);
    if (operation.sets !== name && operation.clears !== name) continue;
    if (operation.crash !== DURABLE) return UNKNOWN_ENTRY;
    return operation.sets === name ? operation.inode : ABSENT;
  }
  return base.get(name) ?? ABSENT;
}

/** What a name stands for; decides what that depends on. The directory must be owned by the caller. */
export function decideEntry(
  directory: DirectoryInode,
  name: string,
  path: string,
  undecided: Undecided,
): number {
  const { left } = directory;
  for (let i = left.length - 1; i >= 0; i--) {
    const operation = elementAt(left, i);
    if (operation.sets !== name && operation.clears !== name) continue;
    if (operation.crash !== DURABLE) {
      let kept = undecided.known(operation);
      if (kept === UNKNOWN)
        kept = undecided.decide(operation, nameOf(operation, path), aboutOf(operation, path));
      if (kept === 0) {
        left.splice(i, 1);
        continue;
      }
      left[i] = { ...operation, crash: DURABLE };
    }
    break;
  }
  settleEntries(directory, undecided);
  return peekEntry(directory, name);
}

function aboutOf({ sets, clears }: EntryOperation, directory: string): LeftUndecided {
  const path = join(directory, sets ?? clears ?? "");
  if (clears === undefined) return { kind: "creation", path };
  return { kind: sets === undefined ? "removal" : "renaming", path };
}

function nameOf(operation: EntryOperation, directory: string): string {
  const { kind, path } = aboutOf(operation, directory);
  const { clears = "", step } = operation;
  const what = kind === "renaming" ? `${join(directory, clears)} to ${path}` : path;
  return `${kind} of ${what} at step ${step}`;
}

function join(directory: string, name: string): string {
  return directory === "/" ? `/${name}` : `${directory}/${name}`;
}

/** Every name that may stand for something, in no order. */
export function possibleNames(directory: DirectoryInode): Set<string> {
  const names = new Set(directory.base.keys());
  for (const { sets } of directory.left) if (sets !== undefined) names.add(sets);
  for (const { sets } of directory.pending) if (sets !== undefined) names.add(sets);
  return names;
}

/** Makes what is pending durable. What earlier crashes left undecided beneath it stays undecided. */
export function syncEntries(directory: DirectoryInode, undecided: Undecided): void {
  if (directory.left.length === 0) {
    const base = new Map(directory.base);
    for (const operation of directory.pending) apply(base, operation);
    directory.base = base;
    directory.pending = [];
    return;
  }
  for (const operation of directory.pending) directory.left.push({ ...operation, crash: DURABLE });
  directory.pending = [];
  settleEntries(directory, undecided);
}

/**
 * Folds what is decided into the base and forgets what newer durable operations hide. Changes nothing
 * visible.
 */
export function settleEntries(directory: DirectoryInode, undecided: Undecided): void {
  const { left } = directory;
  if (left.length === 0) return;
  const hidden = new Set<string>();
  const shown: EntryOperation[] = [];
  for (let i = left.length - 1; i >= 0; i--) {
    let operation = elementAt(left, i);
    const kept = undecided.known(operation);
    if (kept === 0) continue;
    if (operation.crash !== DURABLE && kept !== UNKNOWN) operation = { ...operation, crash: DURABLE };
    const { sets, clears } = operation;
    if ((sets === undefined || hidden.has(sets)) && (clears === undefined || hidden.has(clears))) continue;
    shown.push(operation);
    if (operation.crash !== DURABLE) continue;
    if (sets !== undefined) hidden.add(sets);
    if (clears !== undefined) hidden.add(clears);
  }
  const held = new Set<string>();
  const keep: EntryOperation[] = [];
  let base: Map<string, number> | undefined;
  for (let i = shown.length - 1; i >= 0; i--) {
    const operation = elementAt(shown, i);
    const { sets, clears } = operation;
    const isHeld = (sets !== undefined && held.has(sets)) || (clears !== undefined && held.has(clears));
    if (operation.crash !== DURABLE || isHeld) {
      keep.push(operation);
      if (sets !== undefined) held.add(sets);
      if (clears !== undefined) held.add(clears);
      continue;
    }
    base ??= new Map(directory.base);
    apply(base, operation);
  }
  if (base !== undefined) directory.base = base;
  directory.left = keep;
}

function apply(base: Map<string, number>, { sets, inode, clears }: EntryOperation): void {
  if (clears !== undefined) base.delete(clears);
  if (sets !== undefined) base.set(sets, inode);
}
