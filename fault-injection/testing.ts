/**
 * What the tests of this folder share: a smallest possible odometer, programs that drive a disk without
 * minding what fails, and the images a disk shows.
 * @module
 */
import { fc } from "@fast-check/vitest";
import type { OpenMode } from "../src/disk/disk.ts";
import type { Pages } from "./call-faults.ts";
import { DiskError } from "./disk-error.ts";
import { imageKey } from "./images.ts";
import type { OpenFile } from "./open-file.ts";
import type { PersistenceName } from "./persistence.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import type { DiskChoice } from "./left-undecided.ts";

/** A choice that may not be asked. */
export const NO_CHOICE: DiskChoice = {
  choose: (n, what) => {
    throw new Error(`nothing to choose here, but asked for one of ${n}: ${what}`);
  },
};

/** Runs once for every combination of answers, the simplest first, and returns what each run returned. */
export function explore<T>(run: (choice: DiskChoice) => T): T[] {
  const results: T[] = [];
  const digits: number[] = [];
  const radixes: number[] = [];
  do {
    let at = 0;
    const choice: DiskChoice = {
      choose: (n) => {
        radixes[at] = n;
        return (digits[at++] ??= 0);
      },
    };
    results.push(run(choice));
    digits.length = at;
    while (digits.length > 0 && digits.at(-1) === (radixes[digits.length - 1] ?? 0) - 1) digits.pop();
    if (digits.length > 0) digits.push((digits.pop() ?? 0) + 1);
  } while (digits.length > 0);
  return results;
}

/** Answers from a list and then with 0, and keeps the questions. */
export class Scripted implements DiskChoice {
  readonly asked: string[] = [];
  private readonly answers: number[];

  constructor(...answers: number[]) {
    this.answers = answers;
  }

  choose(n: number, what: string): number {
    this.asked.push(what);
    const answer = this.answers.shift() ?? 0;
    if (answer >= n) throw new Error(`answer ${answer} of ${n}: ${what}`);
    return answer;
  }
}

export interface Setting {
  readonly persistence: PersistenceName;
  readonly tornSectors: boolean;
  readonly sectorBytes: number;
}

/** A disk with a durable directory "/d". */
export function diskWithDirectory(setting: Setting): SimulatedDisk {
  const disk = new SimulatedDisk({ ...setting, choice: NO_CHOICE });
  disk.makeDirectory("/d");
  disk.syncDirectory("/");
  return disk;
}

export type Command =
  | { readonly do: "open"; readonly path: string; readonly mode: OpenMode }
  | {
      readonly do: "write";
      readonly path: string;
      readonly position: number;
      readonly bytes: readonly number[];
    }
  | { readonly do: "truncate"; readonly path: string; readonly size: number }
  | { readonly do: "read"; readonly path: string; readonly position: number; readonly count: number }
  | {
      readonly do: "size" | "sync" | "remove" | "list" | "makeDirectory" | "syncDirectory";
      readonly path: string;
    }
  | { readonly do: "rename"; readonly path: string; readonly to: string }
  | { readonly do: "failSync"; readonly path: string; readonly pages: Pages };

/** Carries a command out on a path; what it shows, or the code of its failure. */
export function carryOut(disk: SimulatedDisk, command: Command): string {
  try {
    return perform(disk, command);
  } catch (error) {
    if (error instanceof DiskError) return error.code;
    throw error;
  }
}

function perform(disk: SimulatedDisk, command: Command): string {
  const { path } = command;
  switch (command.do) {
    case "open":
      disk.open(path, command.mode);
      return "";
    case "write":
      return String(openToWrite(disk, path).write(Uint8Array.from(command.bytes), command.position));
    case "truncate":
      openToWrite(disk, path).truncate(command.size);
      return "";
    case "read": {
      const target = new Uint8Array(command.count);
      const count = disk.open(path, "read").read(target, command.position);
      return Buffer.from(target.subarray(0, count)).toString("hex");
    }
    case "size":
      return String(disk.open(path, "read").size());
    case "sync":
      disk.open(path, "read").sync();
      return "";
    case "failSync": {
      const file = disk.open(path, "read");
      disk.onFault = () => ({ fails: "EIO", pages: command.pages });
      try {
        file.sync();
      } finally {
        disk.onFault = undefined;
      }
      return "";
    }
    case "rename":
      disk.rename(path, command.to);
      return "";
    case "list":
      return disk.list(path).join();
    case "remove":
    case "makeDirectory":
    case "syncDirectory":
      disk[command.do](path);
      return "";
  }
}

/** Opens a file to update, one that is created if there is none. */
function openToWrite(disk: SimulatedDisk, path: string): OpenFile {
  try {
    return disk.open(path, "update");
  } catch (error) {
    if (error instanceof DiskError && error.code === "ENOENT") return disk.open(path, "create");
    throw error;
  }
}

/** `imageKey` of everything on the disk. */
export function look(disk: SimulatedDisk): string {
  return imageKey({ files: disk.files(), directories: disk.directories() });
}

/** All that a disk can show, as a sorted list without repetitions. */
export function imagesSeen(disk: SimulatedDisk): string[] {
  return [...new Set(explore((choice) => look(disk.fork(choice))))].sort();
}

const path = fc.constantFrom("/d/a", "/d/a", "/d/b", "/d/e/a");
const directory = fc.constantFrom("/", "/d", "/d/e");
const small = fc.integer({ min: 0, max: 9 });
const bytes = fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 7 });

/** A command that changes something. */
export const change: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("open"), path, mode: fc.constant("create") }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("write"), path, position: small, bytes }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("truncate"), path, size: small }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("sync"), path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove"), path }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Command>(
      { do: "rename", path: "/d/a", to: "/d/b" },
      { do: "rename", path: "/d/b", to: "/d/a" },
    ),
  },
  { weight: 1, arbitrary: fc.constant<Command>({ do: "makeDirectory", path: "/d/e" }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("syncDirectory"), path: directory }) },
);
/** A command that only looks. */
export const glance: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ do: fc.constant("size"), path }),
  fc.record({ do: fc.constant("read"), path, position: small, count: small }),
  fc.record({ do: fc.constant("list"), path: directory }),
);
const file = fc.constantFrom("/d/a", "/d/a", "/d/a", "/d/b");
const near = fc.nat(6);
const few = fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 4 });
/** A command that changes one of two files, not its name. */
export const fileChange: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("write"), path: file, position: near, bytes: few }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("truncate"), path: file, size: near }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("open"), path: file, mode: fc.constant("create") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sync"), path: file }) },
);
const pages = fc.constantFrom<Pages>("dirty", "clean", "clean", "dropped");
/**
 * A command that changes one of two files, not its name; among them syncs that fail, and writes that leave a
 * gap.
 */
export const faultyFileChange: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fileChange },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("write"), path: file, position: fc.nat(14), bytes: few }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("failSync"), path: file, pages }) },
);
/** A command that looks at one of two files. */
export const fileGlance: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ do: fc.constant("size"), path: file }),
  fc.record({ do: fc.constant("read"), path: file, position: near, count: near }),
);
export const changes: fc.Arbitrary<Command[]> = fc.array(change, { minLength: 2, maxLength: 12 });

/** Every persistence model, with and without torn sectors. */
export const settings: Setting[] = (["posix", "ordered-metadata", "prefix"] as const).flatMap((persistence) =>
  [false, true].map((tornSectors) => ({ persistence, tornSectors, sectorBytes: 4 })),
);

/** The disk after the longest beginning of a program whose crash leaves at most so many combinations. */
export function runWithin(
  setting: Setting,
  program: readonly Command[],
  combinationsMax: bigint,
): SimulatedDisk {
  let disk = diskWithDirectory(setting);
  for (const command of program) {
    const next = disk.fork(NO_CHOICE);
    carryOut(next, command);
    const crashed = next.fork(NO_CHOICE);
    crashed.crash();
    if (crashed.undecidedStates() > combinationsMax) break;
    disk = next;
  }
  return disk;
}

/** A disk with two empty files, "/d/a" and "/d/b". */
export function diskWithFiles(setting: Setting): SimulatedDisk {
  const disk = diskWithDirectory(setting);
  for (const name of ["a", "b"]) disk.open(`/d/${name}`, "create");
  disk.syncDirectory("/d");
  return disk;
}

/**
 * All that several lives, each ended by a crash, may show and leave; with everything looked at after each and
 * after a failing sync, or only at the end.
 */
export function endings(
  disk: SimulatedDisk,
  lives: readonly (readonly Command[])[],
  atOnce: boolean,
): string[] {
  const seen = new Set<string>();
  let runs = 0;
  explore((choice) => {
    if (++runs > 3_000) fc.pre(false);
    const fork = disk.fork(choice);
    const shown: string[] = [];
    for (const commands of lives) {
      for (const command of commands) {
        shown.push(carryOut(fork, command));
        if (atOnce && command.do === "failSync") look(fork);
      }
      fork.crash();
      if (atOnce) look(fork);
    }
    seen.add([...shown, look(fork)].join("\n"));
  });
  return [...seen].sort();
}

/** The lives without the commands that would leave too much undecided. */
export function affordable(
  disk: SimulatedDisk,
  lives: readonly Command[][],
  combinationsMax: bigint,
): Command[][] {
  let run = disk.fork({ choose: () => 0 });
  return lives.map((commands) => {
    const kept = commands.filter((command) => {
      const next = run.fork({ choose: () => 0 });
      carryOut(next, command);
      const crashed = next.fork(NO_CHOICE);
      crashed.crash();
      if (crashed.undecidedStates() > combinationsMax) return false;
      run = next;
      return true;
    });
    run.crash();
    return kept;
  });
}
