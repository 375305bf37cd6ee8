/**
 * A `Disk` in memory that can lose its power. It behaves as a kernel does while it runs: what was written is
 * visible at once and durable only once synced. `crash()` then leaves what was not synced *undecided*, and
 * each undecided thing is decided through `DiskChoice` at the moment when a call depends on it. What nobody
 * looks at is never decided, so one run stands for all crash states that agree on what it saw;
 * `undecidedStates()` says how many.
 *
 * It answers with plain values, never with promises. By itself it never fails but where a call is wrong;
 * calls fail as `onFault` says (`call-faults.ts`), and bytes are damaged with `store` (`stored-faults.ts`),
 * best on a fork, so that the true contents stay.
 *
 * Where POSIX or `Disk` leave room:
 * - A directory is never removed and never renamed; `remove` and `rename` refuse one with EISDIR.
 * - Renaming a file to its own name and writing nothing are no operations. Truncating a file to the size it
 *   has is one only where the size is not separate from the data, for there it may survive where the writes
 *   before it do not.
 * - A second name for a file cannot be asked for. A crash can leave one, when a renaming survives that was
 *   issued after one that did not.
 * @module
 */
import { nobody } from "../explore/choice.ts";
import type { Disk, DiskLock, OpenMode } from "../src/disk/disk.ts";
import { failWhole, type FaultHook } from "./call-faults.ts";
import type { DiskCall, DiskChange } from "./disk-call.ts";
import { diskError, StepBudgetExceeded } from "./disk-error.ts";
import { contentsOf, keyOf, type PendingState, pendingStateOf } from "./inspection.ts";
import { Medium, splitPath } from "./medium.ts";
import { OpenFile, type OpenFileHost } from "./open-file.ts";
import { PERSISTENCE, type PersistenceName } from "./persistence.ts";
import type { ReadTrace } from "./read-trace.ts";
import { type FilePicture, pictureOf } from "./picture.ts";
import { ABSENT, syncEntries } from "./simulated-directory.ts";
import { truncate } from "./simulated-file.ts";
import { storeAt } from "./storing.ts";
import { DURABLE, Undecided } from "./undecided.ts";
import type { DiskChoice } from "./left-undecided.ts";

export interface SimulatedDiskOptions {
  /** The unit in which data reaches the medium. */
  readonly sectorBytes: number;
  /** Whether a crash may leave the first bytes of a sector new and the rest old. Default: no. */
  readonly tornSectors?: boolean;
  readonly persistence: PersistenceName;
  readonly choice: DiskChoice;
  /**
   * How many calls one incarnation of the process may make, from the beginning, a fork, a crash or a kill on.
   * Default: no limit.
   */
  readonly stepsMax?: number;
}

export class SimulatedDisk implements Disk, OpenFileHost {
  /** Called after every call that changed something, so that snapshots can be taken. Forks begin without. */
  onChange: ((change: DiskChange) => void) | undefined = undefined;
  /** Called at the beginning of every call, before what it decides. Forks begin without. */
  onCall: ((call: DiskCall) => void) | undefined = undefined;
  /** Asked at the beginning of every call, after `onCall`, whether it fails. Forks begin without. */
  onFault: FaultHook | undefined = undefined;
  /** Told what is looked at, if it is set. Forks begin without. */
  trace: ReadTrace | undefined = undefined;
  /** @internal */
  readonly medium: Medium;
  /** Which incarnation of the process this is; a crash or a kill begins the next. */
  incarnation = 0;
  private readonly stepsMax: number;
  private steps = 0;
  private stepsBefore = 0;
  private readonly locks = new Set<string>();

  constructor(options: SimulatedDiskOptions | { readonly medium: Medium; readonly stepsMax: number }) {
    this.stepsMax = options.stepsMax ?? Infinity;
    if ("medium" in options) {
      this.medium = options.medium;
      return;
    }
    const { sectorBytes, tornSectors = false, persistence, choice } = options;
    if (!Number.isSafeInteger(sectorBytes) || sectorBytes < 1) {
      throw new RangeError(`sectorBytes must be a positive integer, not ${sectorBytes}`);
    }
    const rules = { sectorBytes, tornSectors, persistence: PERSISTENCE[persistence] };
    this.medium = new Medium(rules, new Undecided(choice), undefined);
  }

  /** There are no links and no working directory here. */
  resolve(path: string): string {
    return path;
  }

  open(path: string, mode: OpenMode): OpenFile {
    const step = this.countCall();
    if (this.isWatched) this.tell({ kind: "open", path, mode });
    this.trace?.sawName(path);
    const { medium } = this;
    const { directory, name } = splitPath(path, "open");
    const parent = medium.directoryAt(directory, "open");
    let number = medium.lookUp(parent, name, directory);
    if (number === ABSENT) {
      if (mode !== "create") throw diskError("ENOENT", "open", path);
      number = medium.addFile();
      this.change(parent, step, name, number, undefined);
      if (this.onChange !== undefined) this.onChange({ kind: "create", path });
    } else if (medium.inode(number).kind === "directory") throw diskError("EISDIR", "open", path);
    else if (mode === "create") {
      const file = medium.mutableFile(number);
      const changed = truncate(file, 0, step, medium.rules.persistence.separateSize);
      if (changed && this.onChange !== undefined) this.onChange({ kind: "create", path });
    }
    return new OpenFile(this, number, path, mode !== "read");
  }

  rename(from: string, to: string): void {
    const step = this.countCall();
    if (this.isWatched) this.tell({ kind: "rename", path: from, to });
    this.trace?.sawAll(from);
    const { medium } = this;
    const { directory, name } = splitPath(from, "rename");
    const target = splitPath(to, "rename");
    if (target.directory !== directory) throw diskError("EXDEV", "rename", to);
    const parent = medium.directoryAt(directory, "rename");
    const number = this.fileIn(parent, name, directory, "rename", from);
    if (name === target.name) return;
    // Whether there is a file with the new name makes no difference, so it is not decided.
    if (medium.mayBeDirectory(parent, target.name)) {
      const replaced = medium.lookUp(parent, target.name, directory);
      if (replaced !== ABSENT && medium.inode(replaced).kind === "directory") {
        throw diskError("EISDIR", "rename", to);
      }
    }
    this.change(parent, step, target.name, number, name);
    if (this.onChange !== undefined) this.onChange({ kind: "rename", path: from, to });
  }

  remove(path: string): void {
    const step = this.countCall();
    if (this.isWatched) this.tell({ kind: "remove", path });
    this.trace?.sawName(path);
    const { directory, name } = splitPath(path, "remove");
    const parent = this.medium.directoryAt(directory, "remove");
    this.fileIn(parent, name, directory, "remove", path);
    this.change(parent, step, undefined, ABSENT, name);
    if (this.onChange !== undefined) this.onChange({ kind: "remove", path });
  }

  /** The names in a directory, sorted. */
  list(path: string): string[] {
    this.countCall();
    if (this.isWatched) this.tell({ kind: "list", path });
    this.trace?.sawNames(path);
    return this.medium.names(this.medium.directoryAt(path, "list"), path);
  }

  makeDirectory(path: string): void {
    const step = this.countCall();
    if (this.isWatched) this.tell({ kind: "make directory", path });
    this.trace?.sawName(path);
    const { medium } = this;
    if (path === "/") return;
    const { directory, name } = splitPath(path, "make directory");
    const parent = medium.directoryAt(directory, "make directory");
    const number = medium.lookUp(parent, name, directory);
    if (number !== ABSENT) {
      if (medium.inode(number).kind === "directory") return;
      throw diskError("EEXIST", "make directory", path);
    }
    this.change(parent, step, name, medium.addDirectory(), undefined);
    if (this.onChange !== undefined) this.onChange({ kind: "make directory", path });
  }

  syncDirectory(path: string): void {
    this.countCall();
    if (this.isWatched) this.tell({ kind: "sync directory", path });
    const { medium } = this;
    const number = medium.directoryAt(path, "sync directory");
    if (medium.inode(number).pending.length === 0) return;
    syncEntries(medium.mutableDirectory(number), medium.undecided);
    if (this.onChange !== undefined) this.onChange({ kind: "sync directory", path });
  }

  /**
   * The lock is kept here and leaves no file behind: the file that a real disk creates for it is empty, and
   * whether it survives a crash matters to nobody, so simulating it would only multiply states.
   */
  lock(path: string): DiskLock | undefined {
    this.countCall();
    if (this.isWatched) this.tell({ kind: "lock", path });
    this.medium.directoryAt(splitPath(path, "lock").directory, "lock");
    if (this.locks.has(path)) return undefined;
    this.locks.add(path);
    const { incarnation } = this;
    let held = true;
    return {
      // No call that could be made to fail: what it says changes only with the incarnation of the process.
      isHeld: (): boolean => held && incarnation === this.incarnation,
      release: (): void => {
        this.countCall();
        this.onCall?.({ kind: "release", path });
        if (!held || incarnation !== this.incarnation) throw diskError("EBADF", "release", path);
        held = false;
        this.locks.delete(path);
        if (this.onFault !== undefined) failWhole(this.onFault, { kind: "release", path });
      },
    };
  }

  /** Power failure. Open files and locks are dead, and what is pending becomes undecided. */
  crash(): void {
    this.endLife();
    this.medium.crash();
  }

  /**
   * The process dies and the kernel lives: open files and locks are dead, what is pending stays so, and
   * visible.
   */
  kill(): void {
    this.endLife();
  }

  /**
   * An independent copy in the same state, whose choices are made by `choice`. Open files, locks and
   * observers stay behind, and its step budget is whole.
   */
  fork(choice: DiskChoice): SimulatedDisk {
    const copy = new SimulatedDisk({ medium: this.medium.fork(choice), stepsMax: this.stepsMax });
    copy.stepsBefore = this.stepsBefore + this.steps;
    return copy;
  }

  /**
   * Makes it as if nothing had ever been done at a path or below: a projection, for when what is there is of
   * no interest. Counts and keys are then those of the rest.
   */
  forget(path: string): void {
    const { directory, name } = splitPath(path, "forget");
    this.medium.forget(this.medium.directoryAt(directory, "forget"), name, directory);
  }

  /**
   * Makes the medium hold exactly these bytes at a path, as if it had never held anything else there:
   * durable, nothing pending or undecided. `undefined`: there is no such file. It is no call, and files that
   * are open see it. To keep what was there, use it on a fork.
   *
   * @throws DiskError ENOENT if there is no such directory, EISDIR if that is the path of one
   */
  store(path: string, bytes: Uint8Array | undefined): void {
    const { directory, name } = splitPath(path, "store");
    const parent = this.medium.directoryAt(directory, "store");
    const number = this.medium.lookUp(parent, name, directory);
    if (number !== ABSENT && this.medium.inode(number).kind === "directory")
      throw diskError("EISDIR", "store", path);
    storeAt(this.medium, { parent, name, number }, bytes);
  }

  /**
   * Names the state of the medium: disks with equal options and equal keys behave alike from a crash or a
   * kill on, whatever led there. Not in it: open files, locks, step numbers, and how many undecided things
   * nobody can see any more.
   */
  key(): string {
    return keyOf(this.medium);
  }

  /**
   * In how many combinations the undecided things can still be decided, those included that nobody can see
   * any more.
   */
  undecidedStates(): bigint {
    return this.medium.undecided.states();
  }

  /** The contents of every file that can be reached, by path. Decides all that they depend on. */
  files(): Map<string, Uint8Array> {
    return contentsOf(this.medium).files;
  }

  /** Every file for a person: its sectors, and what is certain of each. Decides nothing. */
  picture(): FilePicture[] {
    // Of a fork: who is asked may look in the middle of a call, and settling would change what it decides on.
    return pictureOf(this.medium.fork(nobody));
  }

  /** The paths of all directories but the root, sorted. Decides all that they depend on. */
  directories(): string[] {
    return contentsOf(this.medium).directories;
  }

  /**
   * What is durable and what is pending, for the eager enumerator (`images.ts`). Throws if something is
   * undecided.
   */
  pendingState(): PendingState {
    return pendingStateOf(this.medium);
  }

  /** Whether anybody wants to know of a call before it is carried out. */
  private get isWatched(): boolean {
    return this.onCall !== undefined || this.onFault !== undefined;
  }

  /** Tells of a call of which nothing happens if it fails, and lets it fail. */
  private tell(call: DiskCall): void {
    this.onCall?.(call);
    if (this.onFault !== undefined) failWhole(this.onFault, call);
  }

  /** @internal Counts a call; returns its step. */
  countCall(): number {
    if (++this.steps > this.stepsMax) throw new StepBudgetExceeded(this.stepsMax);
    return this.stepsBefore + this.steps;
  }

  private endLife(): void {
    this.incarnation++;
    this.locks.clear();
    this.stepsBefore += this.steps;
    this.steps = 0;
  }

  private fileIn(parent: number, name: string, directory: string, call: string, path: string): number {
    const number = this.medium.lookUp(parent, name, directory);
    if (number === ABSENT) throw diskError("ENOENT", call, path);
    if (this.medium.inode(number).kind === "directory") throw diskError("EISDIR", call, path);
    return number;
  }

  private change(
    parent: number,
    step: number,
    sets: string | undefined,
    inode: number,
    clears: string | undefined,
  ): void {
    // A pending operation is no crash's; the crash that leaves it undecided gives it its fate.
    const operation = { step, sets, inode, clears, crash: DURABLE, at: -1, steps: 1 };
    this.medium.mutableDirectory(parent).pending.push(operation);
  }
}
