import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import { PERSISTENCE, type PersistenceName } from "./persistence.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import {
  carryOut,
  changes,
  type Command,
  diskWithDirectory,
  explore,
  look,
  NO_CHOICE,
  Scripted,
  settings,
} from "./testing.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** The key of a disk in sectors of 4 after some calls. */
function keyAfter(persistence: PersistenceName, ...calls: ((disk: SimulatedDisk) => void)[]): string {
  const disk = diskWithDirectory({ persistence, tornSectors: false, sectorBytes: 4 });
  for (const call of calls) call(disk);
  return disk.key();
}

const create = (path: string, text: string) => (disk: SimulatedDisk) => {
  disk.open(path, "create").write(bytes(text), 0);
};
const overwrite = (path: string, text: string, position: number) => (disk: SimulatedDisk) => {
  disk.open(path, "update").write(bytes(text), position);
};
const truncate = (path: string, size: number) => (disk: SimulatedDisk) => {
  disk.open(path, "update").truncate(size);
};
const sync = (path: string) => (disk: SimulatedDisk) => {
  disk.open(path, "read").sync();
};
const remove = (path: string) => (disk: SimulatedDisk) => {
  disk.remove(path);
};
const rename = (from: string, to: string) => (disk: SimulatedDisk) => {
  disk.rename(from, to);
};
const syncDirectory = (disk: SimulatedDisk): void => {
  disk.syncDirectory("/d");
};
const crash = (disk: SimulatedDisk): void => {
  disk.crash();
};
const twoFiles = [create("/d/a", "aaaaaa"), create("/d/b", "bbbbbb")];
const oneFile = [create("/d/a", "aaaaaa"), sync("/d/a"), syncDirectory];

describe.each(Object.keys(PERSISTENCE) as PersistenceName[])("under %s", (persistence) => {
  it("independent syncs in either order give one key", () => {
    const one = keyAfter(persistence, ...twoFiles, sync("/d/a"), syncDirectory, sync("/d/b"));
    const other = keyAfter(persistence, ...twoFiles, sync("/d/b"), sync("/d/a"), syncDirectory);
    expect(other).toBe(one);
  });

  it("what was removed for good leaves no trace", () => {
    const tmp = [create("/d/t", "tttt"), syncDirectory, remove("/d/t"), syncDirectory];
    expect(keyAfter(persistence, ...tmp, ...oneFile)).toBe(keyAfter(persistence, ...oneFile));
  });

  it("calls that change nothing leave no trace", () => {
    const idle = [sync("/d/a"), syncDirectory, (disk: SimulatedDisk) => void disk.lock("/d/LOCK")];
    expect(keyAfter(persistence, ...oneFile, ...idle)).toBe(keyAfter(persistence, ...oneFile));
  });

  it("bytes written at once or in parts are the same once synced", () => {
    const parts = [create("/d/a", "aa"), overwrite("/d/a", "aaaa", 2), sync("/d/a"), syncDirectory];
    expect(keyAfter(persistence, ...parts)).toBe(keyAfter(persistence, ...oneFile));
  });

  it("zeros written at the end differ from a file that ends before them", () => {
    const longer = keyAfter(persistence, ...oneFile, truncate("/d/a", 9), sync("/d/a"));
    const zeros = keyAfter(persistence, ...oneFile, overwrite("/d/a", "\0\0\0", 6), sync("/d/a"));
    expect(zeros).toBe(longer);
    expect(longer).not.toBe(keyAfter(persistence, ...oneFile));
  });

  it("what was decided is as if it had always been so", () => {
    const disk = diskWithDirectory({ persistence, tornSectors: false, sectorBytes: 4 });
    for (const call of oneFile) call(disk);
    overwrite("/d/a", "xxxx", 4)(disk);
    overwrite("/d/a", "yyyy", 8)(disk);
    disk.crash();
    const survived = disk.fork({ choose: () => 0 });
    survived.files();
    const lost = disk.fork({ choose: (n) => n - 1 });
    lost.files();
    const whole = [overwrite("/d/a", "xxxxyyyy", 4), sync("/d/a")];
    expect(survived.key()).toBe(keyAfter(persistence, ...oneFile, ...whole));
    expect(lost.key()).toBe(keyAfter(persistence, ...oneFile));
  });

  it("what a crash left and a synced rewrite hides leaves no trace", () => {
    const leftover = [...oneFile, overwrite("/d/a", "xxxxyyyy", 0), crash];
    const rewrite = [truncate("/d/a", 0), overwrite("/d/a", "new", 0), sync("/d/a")];
    const disk = diskWithDirectory({ persistence, tornSectors: false, sectorBytes: 4 });
    for (const call of leftover) call(disk);
    const fork = disk.fork({ choose: () => 0 });
    for (const call of rewrite) call(fork);
    expect(fork.key()).toBe(keyAfter(persistence, ...oneFile, ...rewrite));
  });

  it("names made durable in either order give one key", () => {
    const one = [create("/d/a", "a"), syncDirectory, create("/d/b", "b"), syncDirectory];
    const other = [create("/d/b", "b"), syncDirectory, create("/d/a", "a"), syncDirectory];
    const syncs = [sync("/d/a"), sync("/d/b")];
    expect(keyAfter(persistence, ...one, ...syncs)).toBe(keyAfter(persistence, ...other, ...syncs));
  });

  it("what is after a size that was decided leaves no trace", () => {
    const disk = diskWithDirectory({ persistence, tornSectors: false, sectorBytes: 4 });
    for (const call of oneFile) call(disk);
    overwrite("/d/a", "01234567", 6)(disk);
    disk.crash();
    const fork = disk.fork({ choose: (n) => n - 1 });
    expect(fork.open("/d/a", "read").size()).toBe(6);
    expect(fork.key()).toBe(keyAfter(persistence, ...oneFile));
  });

  it("what was synced over something undecided differs from what is undecided with it", () => {
    const first = [...oneFile, overwrite("/d/a", "xxxx", 0)];
    const second = [overwrite("/d/a", "y", 1)];
    const open = diskWithDirectory({ persistence, tornSectors: false, sectorBytes: 4 });
    for (const call of [...first, crash]) call(open);
    const synced = open.fork({ choose: () => 0 });
    for (const call of [...second, sync("/d/a")]) call(synced);
    expect(synced.key()).not.toBe(keyAfter(persistence, ...first, ...second, crash));
  });

  it("a renaming synced over one that is undecided differs from two undecided ones", () => {
    const first = [...twoFiles, syncDirectory, rename("/d/a", "/d/c")];
    const disk = diskWithDirectory({ persistence, tornSectors: false, sectorBytes: 4 });
    for (const call of [...first, crash]) call(disk);
    const synced = disk.fork(NO_CHOICE);
    for (const call of [rename("/d/b", "/d/c"), syncDirectory]) call(synced);
    expect(synced.key()).not.toBe(keyAfter(persistence, ...first, rename("/d/b", "/d/c"), crash));
  });

  it("states that differ in anything that matters have different keys", () => {
    const programs = [
      oneFile,
      [create("/d/a", "aaaaab"), sync("/d/a"), syncDirectory],
      [create("/d/a", "aaaaa"), sync("/d/a"), syncDirectory],
      [create("/d/b", "aaaaaa"), sync("/d/b"), syncDirectory],
      [create("/d/a", "aaaaaa"), sync("/d/a")],
      [create("/d/a", "aaaaaa"), syncDirectory],
      [create("/d/a", "aaaaaa"), sync("/d/a"), crash],
      [create("/d/a", "aaaaaa"), syncDirectory, crash],
      [create("/d/a", "aaa"), overwrite("/d/a", "aaa", 3), syncDirectory],
      [...oneFile, remove("/d/a")],
      [...oneFile, remove("/d/a"), crash],
      [...oneFile, truncate("/d/a", 4)],
      [...oneFile, truncate("/d/a", 5)],
      [...oneFile, truncate("/d/a", 4), crash],
      [
        ...oneFile,
        (disk: SimulatedDisk): void => {
          disk.makeDirectory("/d/e");
        },
      ],
      [...oneFile, create("/d/e", "")],
      [
        ...oneFile,
        (disk: SimulatedDisk): void => {
          disk.rename("/d/a", "/d/b");
        },
      ],
      [...oneFile, remove("/d/a"), create("/d/b", "aaaaaa"), sync("/d/b")],
    ];
    expect(new Set(programs.map((program) => keyAfter(persistence, ...program))).size).toBe(programs.length);
  });
});

it("the order of directory operations counts where they survive in order", () => {
  const one = [
    create("/d/a", ""),
    (disk: SimulatedDisk): void => {
      disk.makeDirectory("/e");
    },
  ];
  const other = [...one].reverse();
  expect(keyAfter("prefix", ...one)).not.toBe(keyAfter("prefix", ...other));
  expect(keyAfter("ordered-metadata", ...one)).not.toBe(keyAfter("ordered-metadata", ...other));
  expect(keyAfter("posix", ...one)).toBe(keyAfter("posix", ...other));
  expect(keyAfter("prefix", ...one, crash)).not.toBe(keyAfter("prefix", ...other, crash));
  expect(keyAfter("posix", ...one, crash)).toBe(keyAfter("posix", ...other, crash));
});

it("the order of writes to different files counts only where they survive in order", () => {
  const setUp = [...twoFiles, sync("/d/a"), sync("/d/b"), syncDirectory];
  const one = [overwrite("/d/a", "x", 0), overwrite("/d/b", "x", 0)];
  const other = [...one].reverse();
  expect(keyAfter("prefix", ...setUp, ...one)).not.toBe(keyAfter("prefix", ...setUp, ...other));
  expect(keyAfter("prefix", ...setUp, ...one, crash)).not.toBe(keyAfter("prefix", ...setUp, ...other, crash));
  expect(keyAfter("ordered-metadata", ...setUp, ...one)).toBe(
    keyAfter("ordered-metadata", ...setUp, ...other),
  );
});

it("operations left by one crash differ from those left by two where they survive in order", () => {
  for (const persistence of ["ordered-metadata", "prefix"] as const) {
    const one = keyAfter(persistence, create("/d/a", ""), create("/d/b", ""), crash);
    const two = keyAfter(persistence, create("/d/a", ""), crash, create("/d/b", ""), crash);
    expect(two).not.toBe(one);
  }
});

it("where a truncation zeroed counts, even where the size is decided", () => {
  const keyOf = (size: number): string => {
    const disk = diskWithDirectory({ persistence: "posix", tornSectors: false, sectorBytes: 4 });
    for (const call of [...oneFile, truncate("/d/a", size), crash]) call(disk);
    const fork = disk.fork(new Scripted(1));
    expect(fork.open("/d/a", "read").size()).toBe(6);
    return fork.key();
  };
  expect(keyOf(4)).not.toBe(keyOf(5));
});

it("which of two files was renamed counts, even where both are met before", () => {
  const setUp = [...twoFiles, sync("/d/a"), sync("/d/b"), syncDirectory];
  const disk = diskWithDirectory({ persistence: "posix", tornSectors: false, sectorBytes: 4 });
  for (const call of [...setUp, rename("/d/b", "/d/a"), rename("/d/a", "/d/c"), crash]) call(disk);
  // The first renaming was lost and the second, of what the first had put there, is undecided.
  const fork = disk.fork(new Scripted(1));
  fork.open("/d/b", "read");
  expect(fork.key()).not.toBe(keyAfter("posix", ...setUp, rename("/d/a", "/d/c"), crash));
});

it("what follows from a decision about something else is decided", () => {
  const setUp = [...twoFiles, sync("/d/a"), sync("/d/b"), syncDirectory];
  const written = [overwrite("/d/a", "x", 0), overwrite("/d/b", "x", 0)];
  const disk = diskWithDirectory({ persistence: "prefix", tornSectors: false, sectorBytes: 4 });
  for (const call of [...setUp, ...written, crash]) call(disk);
  const fork = disk.fork(new Scripted(0));
  fork.open("/d/b", "read").read(new Uint8Array(1), 0);
  expect(fork.key()).toBe(keyAfter("prefix", ...setUp, ...written, sync("/d/a"), sync("/d/b")));
});

/** All that can be found on a disk, at once and after a crash, and how many questions it takes. */
function future(disk: SimulatedDisk): string[] {
  const now = explore((choice) => look(disk.fork(choice)));
  const later = explore((choice) => {
    const fork = disk.fork(choice);
    fork.crash();
    return look(fork);
  });
  return [...now, "after a crash", ...later];
}

describe.each(settings)("under $persistence, torn sectors $tornSectors", (setting) => {
  test.prop([changes])("a key asked for on the way makes no difference", (program) => {
    const [quiet, asked] = [diskWithDirectory(setting), diskWithDirectory(setting)];
    for (const command of program) {
      carryOut(quiet, command);
      carryOut(asked, command);
      asked.key();
    }
    expect(asked.key()).toBe(quiet.key());
  });
});

const onFew = fc.constantFrom("/d/a", "/d/b");
/** Few different commands, so that different programs often lead to one state. */
const step: fc.Arbitrary<Command | "crash"> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("write"),
      path: onFew,
      position: fc.constantFrom(0, 2, 4),
      bytes: fc.constantFrom([1], [1, 1, 1]),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("truncate"), path: onFew, size: fc.constantFrom(0, 3, 5) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("sync", "size", "remove"), path: onFew }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Command>(renaming("a", "b"), renaming("b", "a"), renaming("a", "c")),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("syncDirectory", "list"), path: fc.constant("/d") }),
  },
  { weight: 3, arbitrary: fc.constant<"crash">("crash") },
);

function renaming(from: string, to: string): Command {
  return { do: "rename", path: `/d/${from}`, to: `/d/${to}` };
}

/** The program, and the program with any two steps next to each other exchanged. */
function variants<T>(program: readonly T[]): (readonly T[])[] {
  const swaps = program
    .slice(1)
    .map((_, i) => [...program.slice(0, i), ...program.slice(i, i + 2).reverse(), ...program.slice(i + 2)]);
  return [program, ...swaps];
}

describe.each(settings)("under $persistence, torn sectors $tornSectors", (setting) => {
  test.prop([fc.array(step, { minLength: 3, maxLength: 9 })])(
    "disks with equal keys have equal futures",
    (program) => {
      const twins = new Map<string, SimulatedDisk[]>();
      for (const variant of variants(program)) {
        let runs = 0;
        explore((choice) => {
          // The first states in the odometer's order are as good as any, and all of them would take too long.
          if (++runs > 20) return;
          const disk = diskWithDirectory(setting).fork(choice);
          for (const command of variant) {
            if (command === "crash") disk.crash();
            else carryOut(disk, command);
          }
          const key = disk.key();
          const met = twins.get(key);
          if (met === undefined) twins.set(key, [disk]);
          else if (met.length < 3) met.push(disk);
        });
      }
      for (const [first, ...others] of twins.values()) {
        if (first === undefined || others.length === 0 || !isCheap(first)) continue;
        const expected = future(first);
        for (const other of others) expect(future(other)).toEqual(expected);
      }
    },
  );
});

/** Whether its future is short enough to be written out. */
function isCheap(disk: SimulatedDisk): boolean {
  const crashed = disk.fork(NO_CHOICE);
  crashed.crash();
  return crashed.undecidedStates() <= 200n;
}
