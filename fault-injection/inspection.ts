/**
 * Looking at a whole medium at once: its contents, its key, and what a crash would leave undecided, as plain
 * data.
 * @module
 */
import type { EntryOperation, Layer, PendingFileOperation, SyncHistory } from "./operations.ts";
import { type Medium, ROOT } from "./medium.ts";
import type { MediumRules } from "./persistence.ts";
import { ABSENT, type DirectoryInode } from "./simulated-directory.ts";
import type { FileInode } from "./simulated-file.ts";
import { CLEAN, DURABLE } from "./undecided.ts";

/**
 * A whole tree: files with their contents, in the order of their paths, and the paths of all directories but
 * the root.
 */
export interface Contents {
  readonly files: Map<string, Uint8Array>;
  readonly directories: string[];
}

/** Everything that can be reached. Decides all of it. */
export function contentsOf(medium: Medium): Contents {
  const found: [string, Uint8Array][] = [];
  const directories: string[] = [];
  const walk = (directory: number, path: string): void => {
    for (const name of medium.names(directory, path === "" ? "/" : path)) {
      const child = `${path}/${name}`;
      const number = medium.lookUp(directory, name, path);
      if (medium.inode(number).kind === "directory") {
        directories.push(child);
        walk(number, child);
      } else {
        const bytes = new Uint8Array(medium.sizeOf(number, child));
        medium.read(number, child, bytes, 0);
        found.push([child, bytes]);
      }
    }
  };
  walk(ROOT, "");
  found.sort(([a], [b]) => (a < b ? -1 : 1));
  return { files: new Map(found), directories: directories.sort() };
}

/**
 * The medium's state as a string, without inode numbers, steps and what cannot be reached. Each part begins
 * with its lengths, so different states have different strings. What follows from cuts is folded first.
 */
export function keyOf(medium: Medium): string {
  const { ordered } = medium.rules.persistence;
  if (ordered !== "nothing") medium.settleAll();
  /** Inode number -> how many inodes the walk met before. */
  const met = new Map<number, number>();
  const textOf = (number: number): string => {
    if (number === ABSENT) return "";
    const before = met.get(number);
    if (before !== undefined) return `#${before};`;
    met.set(number, met.size);
    const inode = medium.inode(number);
    return inode.kind === "file" ? (inode.text ??= textOfFile(inode)) : textOfDirectory(inode, textOf);
  };
  const text = textOf(ROOT);
  return ordered === "nothing" ? text : text + textOfOrder(medium, met, ordered === "everything");
}

function textOfDirectory(directory: DirectoryInode, textOf: (number: number) => string): string {
  const { base, left, pending } = directory;
  let text = "D";
  for (const name of [...base.keys()].sort())
    text += `${textOfName(name)}${textOf(base.get(name) ?? ABSENT)}`;
  text += "|";
  for (const operation of left) {
    text += operation.crash === DURABLE ? "d" : "u";
    text += textOfEntry(operation, textOf);
  }
  text += "|";
  for (const operation of pending) text += textOfEntry(operation, textOf);
  return `${text};`;
}

function textOfEntry(operation: EntryOperation, textOf: (number: number) => string): string {
  const { sets, clears, inode } = operation;
  return `${textOfName(sets ?? "")}${textOf(inode)}-${textOfName(clears ?? "")}`;
}

function textOfName(name: string): string {
  return `${name.length}:${name}`;
}

function textOfFile(file: FileInode): string {
  const { base, baseSize, left, pending } = file;
  let end = base.length;
  while (end > 0 && base[end - 1] === 0) end--;
  let text = `F${baseSize},${end}:${base.toString("latin1", 0, end)}`;
  for (const layer of left) text += textOfCrash(layer) + textOfLayer(layer);
  text += "|";
  for (const operation of pending) {
    if (operation.kind === "write") {
      const { position, bytes } = operation;
      text += `w${position},${bytes.length}:${bytes.toString("latin1")}`;
    } else text += `t${operation.size},${operation.reach}:`;
  }
  return `${text};`;
}

function textOfCrash({ crash }: Layer): string {
  if (crash === DURABLE) return "d";
  return crash === CLEAN ? "c" : "u";
}

function textOfLayer(layer: Layer): string {
  if (layer.kind === "clip") return `c${layer.size}:`;
  if (layer.kind === "size") return `s${layer.values.join(",")}${layer.before ? "b" : ""}:`;
  const { start, end, bytes, from } = layer;
  if (bytes === undefined) return `z${start},${end}:`;
  return `p${start},${end}:${bytes.toString("latin1", from, from + end - start)}`;
}

/** In which order the things lie that survive as a prefix: by crash those left by it, then those pending. */
function textOfOrder(medium: Medium, met: ReadonlyMap<number, number>, withFiles: boolean): string {
  const things: { crash: number; order: number; text: string }[] = [];
  for (const [number, name] of met) {
    const inode = medium.inode(number);
    if (inode.kind === "file" && !withFiles) continue;
    for (const [i, { crash, at }] of inode.left.entries()) {
      if (crash >= 0 && at >= 0) things.push({ crash, order: at, text: `${name}.${i} ` });
    }
    for (const [i, { step }] of inode.pending.entries()) {
      things.push({ crash: Infinity, order: step, text: `${name}.${i} ` });
    }
  }
  things.sort((a, b) => (a.crash === b.crash ? a.order - b.order : a.crash - b.crash));
  let text = "";
  let crash = -1;
  for (const thing of things) {
    if (thing.crash !== crash) text += "/";
    ({ crash } = thing);
    text += thing.text;
  }
  return text;
}

/** What is durable, and what was issued since: all that a crash depends on, as plain data. */
export interface PendingState {
  readonly rules: MediumRules;
  /** What is durable, by inode number; 0 is the root directory. */
  readonly durable: readonly (Uint8Array | ReadonlyMap<string, number>)[];
  /** What is pending, as it was issued; for a file of which a sync failed what happened to it since, too. */
  readonly issued: readonly IssuedOperation[];
}

/**
 * An operation on the inode `on`; or a sync of it, which decides about what was issued on it since the one
 * before.
 */
export type IssuedOperation =
  | { readonly kind: "sync"; readonly on: number; readonly succeeded: boolean }
  | { readonly kind: "write"; readonly on: number; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly on: number; readonly size: number }
  | {
      readonly kind: "entry";
      readonly on: number;
      readonly sets: string | undefined;
      readonly inode: number;
      readonly clears: string | undefined;
    };

/**
 * Takes the state out for somebody who does not trust the code above. What is undecided where nobody can get
 * to any more is left out, and so is what was issued there.
 *
 * @throws Error if something else is undecided
 */
export function pendingStateOf(medium: Medium): PendingState {
  medium.settleAll();
  const reachable = reachableFrom(medium, ROOT, new Set());
  const durable: (Uint8Array | ReadonlyMap<string, number>)[] = [];
  const issued: { step: number; operation: IssuedOperation }[] = [];
  for (let on = 0; on < medium.inodeCount; on++) {
    const inode = medium.inode(on);
    const history = inode.kind === "file" ? inode.history : undefined;
    if (inode.kind === "directory") durable.push(inode.base);
    else durable.push(durableBytes(history ?? inode));
    if (inode.left.length > 0 && history === undefined) {
      if (!reachable.has(on)) continue;
      throw new Error("what is pending can be listed only where nothing is undecided");
    }
    let step = 0;
    for (const { operations, succeeded } of history?.syncs ?? []) {
      for (const operation of operations)
        issued.push({ step: operation.step, operation: plain(on, operation) });
      step = operations.at(-1)?.step ?? step;
      issued.push({ step, operation: { kind: "sync", on, succeeded } });
    }
    for (const operation of inode.pending)
      issued.push({ step: operation.step, operation: plain(on, operation) });
  }
  issued.sort((a, b) => a.step - b.step);
  return { rules: medium.rules, durable, issued: issued.map(({ operation }) => operation) };
}

function durableBytes({ base, baseSize }: Pick<SyncHistory, "base" | "baseSize">): Uint8Array {
  return Uint8Array.from({ length: Math.max(baseSize, 0) }, (_, i) => base[i] ?? 0);
}

function plain(on: number, operation: PendingFileOperation | EntryOperation): IssuedOperation {
  if (!("kind" in operation)) {
    const { sets, inode, clears } = operation;
    return { kind: "entry", on, sets, inode, clears };
  }
  if (operation.kind === "truncate") return { kind: "truncate", on, size: operation.size };
  return { kind: "write", on, position: operation.position, bytes: operation.bytes };
}

/** Every inode that a name stands for, or may stand for after a crash, below a directory. */
function reachableFrom(medium: Medium, number: number, reachable: Set<number>): Set<number> {
  if (number === ABSENT || reachable.has(number)) return reachable;
  reachable.add(number);
  const inode = medium.inode(number);
  if (inode.kind === "file") return reachable;
  for (const child of inode.base.values()) reachableFrom(medium, child, reachable);
  for (const operation of inode.left) reachableFrom(medium, operation.inode, reachable);
  for (const operation of inode.pending) reachableFrom(medium, operation.inode, reachable);
  return reachable;
}
