/**
 * The oracle for the lazy disk: every whole image that a power failure may leave, by writing out every
 * combination and applying what survives in order. Deliberately naive; it shares with the lazy code the rows
 * of `PERSISTENCE` and the list of what was issued, and nothing that decides. Exponential: for small states
 * only.
 *
 * One crash, from a state in which nothing is undecided. Syncs may have failed before it and left their pages
 * clean; where a later sync hid what they left, this writes out more combinations than the lazy disk counts,
 * for the same images.
 * @module
 */
import type { IssuedOperation, PendingState } from "./inspection.ts";

/** A tree as it is found after a crash. */
export interface Image {
  /** The contents of every file that can be reached, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The paths of all directories but the root, sorted. */
  readonly directories: readonly string[];
}

export interface Images {
  /** The different images, by `imageKey`. */
  readonly images: ReadonlyMap<string, Image>;
  /** How many combinations were written out; several may give the same image. */
  readonly combinations: number;
  /** Whether these are all: false if `combinationsMax` cut the enumeration short. */
  readonly exhausted: boolean;
}

/** Equal for equal images. */
export function imageKey({ files, directories }: Image): string {
  const texts = [...files].map(([path, bytes]) => `${path}=${Buffer.from(bytes).toString("hex")}`);
  return [...texts, ...directories.map((path) => `${path}/`)].sort().join("\n");
}

/**
 * The smallest thing that survives or not: `bytes` at `position` of a file, a file's new size, an entry
 * operation.
 */
type Atom = { readonly outcome: Outcome } & (
  | { kind: "bytes"; on: number; position: number; bytes: number[] }
  | { kind: "clip"; on: number; size: number }
  | { kind: "entry"; operation: IssuedOperation & { kind: "entry" } }
);

/** What became of an operation before the crash. What a sync failed to write is in no order. */
type Outcome = "pending" | "synced" | "sync failed";

/** How much of each atom survives (up to `fullOf(atom)`), and the sizes of files where these are separate. */
interface Combination {
  readonly kept: readonly number[];
  readonly sizes: ReadonlyMap<number, number>;
}

/** Every image that a crash in the given state may leave. */
export function enumerateImages(state: PendingState, combinationsMax: number): Images {
  const images = new Map<string, Image>();
  const { atoms, sizes } = fallApart(state);
  let combinations = 0;
  for (const combination of combinationsOf(state, atoms, sizes)) {
    if (combinations === combinationsMax) return { images, combinations, exhausted: false };
    combinations++;
    const image = imageOf(state, atoms, combination);
    images.set(imageKey(image), image);
  }
  return { images, combinations, exhausted: true };
}

/** The atoms in order, and for each file the sizes that a crash may leave, if these are separate. */
function fallApart(state: PendingState): { atoms: Atom[]; sizes: Map<number, Set<number>> } {
  const { rules, durable, issued } = state;
  const { separateSize } = rules.persistence;
  const atoms: Atom[] = [];
  const sizes = new Map<number, Set<number>>();
  const current = new Map<number, number>();
  durable.forEach((inode, on) => {
    if (!(inode instanceof Uint8Array)) return;
    current.set(on, inode.length);
    sizes.set(on, new Set([inode.length]));
  });
  const resize = (on: number, size: number): void => {
    current.set(on, size);
    sizes.get(on)?.add(size);
  };
  const addBytes = (on: number, position: number, bytes: readonly number[], outcome: Outcome): number[] => {
    const ends: number[] = [];
    bytes.forEach((byte, i) => {
      const last = atoms.at(-1);
      if (i === 0 || (position + i) % rules.sectorBytes === 0 || last?.kind !== "bytes") {
        atoms.push({ kind: "bytes", on, position: position + i, bytes: [byte], outcome });
        if (i > 0) ends.push(position + i);
      } else last.bytes.push(byte);
    });
    return bytes.length === 0 ? ends : [...ends, position + bytes.length];
  };
  // The files of which the sync that comes next has to write the size.
  const setsSize = new Set<number>();
  const outcomes = outcomesOf(issued);
  issued.forEach((operation, i) => {
    const outcome = outcomes[i] ?? "pending";
    if (operation.kind === "entry") {
      atoms.push({ kind: "entry", operation, outcome });
      return;
    }
    const { on } = operation;
    const before = current.get(on) ?? 0;
    if (operation.kind === "write") {
      const end = operation.position + operation.bytes.length;
      if (outcome === "synced" && end > Math.min(...(sizes.get(on) ?? []))) setsSize.add(on);
      const ends = addBytes(on, operation.position, [...operation.bytes], outcome);
      for (const end of ends) if (end > (current.get(on) ?? 0)) resize(on, end);
    } else if (operation.kind === "truncate") {
      if (outcome === "synced") setsSize.add(on);
      const removed = Math.max(before - operation.size, 0);
      if (separateSize && outcome !== "synced")
        addBytes(on, operation.size, new Array<number>(removed).fill(0), outcome);
      else atoms.push({ kind: "clip", on, size: operation.size, outcome });
      resize(on, operation.size);
    } else if (separateSize && setsSize.delete(on)) {
      atoms.push({ kind: "clip", on, size: before, outcome: "synced" });
      sizes.set(on, new Set([before]));
    }
  });
  return { atoms, sizes };
}

/** For each operation what the next sync of its inode made of it. */
function outcomesOf(issued: readonly IssuedOperation[]): Outcome[] {
  const next = new Map<number, Outcome>();
  const outcomes = [...issued].reverse().map((operation): Outcome => {
    if (operation.kind === "sync") next.set(operation.on, operation.succeeded ? "synced" : "sync failed");
    return next.get(operation.on) ?? "pending";
  });
  return outcomes.reverse();
}

/** In how many steps an atom survives. */
function fullOf(atom: Atom, state: PendingState): number {
  return atom.kind === "bytes" && state.rules.tornSectors ? atom.bytes.length : 1;
}

function* combinationsOf(
  state: PendingState,
  atoms: readonly Atom[],
  sizes: ReadonlyMap<number, ReadonlySet<number>>,
): Generator<Combination> {
  const { ordered, separateSize } = state.rules.persistence;
  const isOrdered = (atom: Atom): boolean =>
    atom.outcome === "pending" &&
    (ordered === "everything" || (ordered === "entries" && atom.kind === "entry"));
  const inRow = atoms.filter(isOrdered).reduce((sum, atom) => sum + fullOf(atom, state), 0);
  const files = separateSize ? [...sizes.keys()] : [];
  // A mixed-radix counter: one digit for the cut, one for each atom that is not in the row, one for each
  // file's size.
  const radixes = [
    inRow + 1,
    ...atoms.map((atom) => (isOrdered(atom) || atom.outcome === "synced" ? 1 : fullOf(atom, state) + 1)),
    ...files.map((on) => sizes.get(on)?.size ?? 1),
  ];
  const digits = radixes.map(() => 0);
  for (;;) {
    let beforeCut = digits[0] ?? 0;
    const kept = atoms.map((atom, i) => {
      if (atom.outcome === "synced") return fullOf(atom, state);
      if (!isOrdered(atom)) return digits[1 + i] ?? 0;
      const mine = Math.min(beforeCut, fullOf(atom, state));
      beforeCut -= mine;
      return mine;
    });
    const chosen = files.map((on, i): [number, number] => {
      const size = [...(sizes.get(on) ?? [])][digits[1 + atoms.length + i] ?? 0];
      return [on, size ?? 0];
    });
    yield { kept, sizes: new Map(chosen) };
    let place = 0;
    while (place < digits.length && (digits[place] ?? 0) + 1 === radixes[place]) digits[place++] = 0;
    if (place === digits.length) return;
    digits[place] = (digits[place] ?? 0) + 1;
  }
}

/** Applies what survives to what was durable. */
function imageOf(state: PendingState, atoms: readonly Atom[], combination: Combination): Image {
  const contents = state.durable.map((inode) => (inode instanceof Uint8Array ? [...inode] : []));
  const entries = state.durable.map((inode) =>
    inode instanceof Uint8Array ? new Map<string, number>() : new Map(inode),
  );
  atoms.forEach((atom, i) => {
    const kept = combination.kept[i] ?? 0;
    if (kept === 0) return;
    if (atom.kind === "entry") {
      const { on, sets, clears, inode } = atom.operation;
      if (clears !== undefined) entries[on]?.delete(clears);
      if (sets !== undefined) entries[on]?.set(sets, inode);
      return;
    }
    const content = contents[atom.on] ?? [];
    if (atom.kind === "clip") {
      resize(content, atom.size);
      return;
    }
    const count = kept === fullOf(atom, state) ? atom.bytes.length : kept;
    for (let k = 0; k < count; k++) {
      if (content.length < atom.position + k) resize(content, atom.position + k);
      content[atom.position + k] = atom.bytes[k] ?? 0;
    }
  });
  for (const [on, size] of combination.sizes) resize(contents[on] ?? [], size);
  const files = new Map<string, Uint8Array>();
  const directories: string[] = [];
  const walk = (directory: number, path: string): void => {
    for (const [name, inode] of entries[directory] ?? []) {
      const child = `${path}/${name}`;
      if (state.durable[inode] instanceof Uint8Array)
        files.set(child, Uint8Array.from(contents[inode] ?? []));
      else {
        directories.push(child);
        walk(inode, child);
      }
    }
  };
  walk(0, "");
  return { files, directories: directories.sort() };
}

/** Cuts off, or adds zeros. */
function resize(content: number[], size: number): void {
  while (content.length < size) content.push(0);
  content.length = size;
}
