/**
 * The lazy disk against the eager enumerator, on random small programs: looking at everything under an
 * exhaustive odometer shows the images that writing out every combination gives, and counts as many
 * combinations.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import { enumerateImages } from "./images.ts";
import {
  affordable,
  carryOut,
  change,
  changes,
  type Command,
  diskWithFiles,
  endings,
  explore,
  fileChange,
  fileGlance,
  glance,
  imagesSeen,
  look,
  runWithin,
  settings,
} from "./testing.ts";

const COMBINATIONS_MAX = 1500;

describe.each(settings)("under $persistence, torn sectors $tornSectors", (setting) => {
  test.prop([changes])("looking at everything shows the eager images", (program) => {
    const disk = runWithin(setting, program, BigInt(COMBINATIONS_MAX));
    const eager = enumerateImages(disk.pendingState(), COMBINATIONS_MAX);
    disk.crash();
    expect(eager.exhausted).toBe(true);
    expect(disk.undecidedStates()).toBe(BigInt(eager.combinations));
    expect(imagesSeen(disk)).toEqual([...eager.images.keys()].sort());
  });

  test.prop([changes, fc.array(glance, { maxLength: 4 })])(
    "glances in any order change neither the images nor the count",
    (program, order) => {
      const disk = runWithin(setting, program, BigInt(COMBINATIONS_MAX));
      disk.crash();
      const images = new Set<string>();
      let states = 0n;
      explore((choice) => {
        const fork = disk.fork(choice);
        for (const command of order) carryOut(fork, command);
        images.add(look(fork));
        states += fork.undecidedStates();
      });
      expect(states).toBe(disk.undecidedStates());
      expect([...images].sort()).toEqual(imagesSeen(disk));
    },
  );

  test.prop([changes, fc.array(fc.oneof(change, change, glance), { maxLength: 5 }), fc.array(fc.nat(9))])(
    "the count holds after a second crash as well",
    (first, second, answers) => {
      const disk = runWithin(setting, first.slice(0, 6), 100n);
      disk.crash();
      const left = [...answers];
      const rebooted = disk.fork({ choose: (n) => (left.pop() ?? 0) % n });
      for (const command of second) carryOut(rebooted, command);
      rebooted.crash();
      fc.pre(rebooted.undecidedStates() < 3_000n);
      let states = 0n;
      explore((choice) => {
        const fork = rebooted.fork(choice);
        look(fork);
        states += fork.undecidedStates();
      });
      expect(states).toBe(rebooted.undecidedStates());
    },
  );

  test.prop([changes, fc.array(fc.oneof(change, change, glance), { maxLength: 5 })])(
    "deciding the first crash late or at once makes no difference after a second",
    (first, second) => {
      const disk = runWithin(setting, first.slice(0, 6), 100n);
      disk.crash();
      const late = new Set<string>();
      let runs = 0;
      explore((choice) => {
        const fork = disk.fork(choice);
        for (const command of second) carryOut(fork, command);
        fork.crash();
        if (++runs > 3_000) fc.pre(false);
        late.add(look(fork));
      });
      const atOnce = new Set<string>();
      explore((choice) => {
        const fork = disk.fork(choice);
        look(fork);
        for (const command of second) carryOut(fork, command);
        const eager = enumerateImages(fork.pendingState(), 3_000);
        fc.pre(eager.exhausted);
        for (const key of eager.images.keys()) atOnce.add(key);
      });
      expect([...late].sort()).toEqual([...atOnce].sort());
    },
  );

  const life = fc.array(
    fc.oneof({ weight: 4, arbitrary: fileChange }, { weight: 1, arbitrary: fileGlance }),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  test.prop([fc.array(life, { minLength: 2, maxLength: 4 })], { numRuns: 200 })(
    "through several lives of two files it makes no difference whether each crash is decided late or at once",
    (lives) => {
      const disk = diskWithFiles(setting);
      const small = affordable(disk, lives, 80n);
      expect(endings(disk, small, false)).toEqual(endings(disk, small, true));
    },
  );
});

const write = (position: number, text: string): Command => ({
  do: "write",
  path: "/d/a",
  position,
  bytes: [...Buffer.from(text)],
});
const truncate = (size: number): Command => ({ do: "truncate", path: "/d/a", size });
const sync: Command = { do: "sync", path: "/d/a" };

it.each([
  ["an old size shows through a truncation after it", [[write(0, "ab"), write(1, "xyz")], [truncate(3)]]],
  [
    "a size that is as before cuts what was written since",
    [[write(0, "ab"), write(1, "xyz")], [truncate(5), write(1, "pqr")], [truncate(3)]],
  ],
  [
    "a size is kept as long as a newer one may turn out to be it",
    [
      [write(0, "abcd"), sync, write(4, "efgh")],
      [truncate(0), write(0, "xy")],
      [truncate(3), sync],
    ],
  ],
])("under posix, late or at once: %s", (_, lives) => {
  const disk = diskWithFiles({ persistence: "posix", tornSectors: false, sectorBytes: 4 });
  expect(endings(disk, lives, false)).toEqual(endings(disk, lives, true));
});
