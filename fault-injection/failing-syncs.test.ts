/**
 * Syncs that fail: what each kind leaves, one situation at a time; then on random small programs the lazy
 * disk against the eager enumerator, and against itself looked at earlier.
 */
import { callText } from "./disk-call.ts";
import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import { failOnce, type Pages } from "./call-faults.ts";
import { enumerateImages } from "./images.ts";
import type { OpenFile } from "./open-file.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import {
  affordable,
  carryOut,
  type Command,
  diskWithDirectory,
  diskWithFiles,
  endings,
  explore,
  faultyFileChange,
  fileGlance,
  imagesSeen,
  look,
  NO_CHOICE,
  type Setting,
  settings,
} from "./testing.ts";

const COMBINATIONS_MAX = 4_000;

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** "/d/a" holds "abcdefgh" durably, in two sectors, and "ABCDEFGH" since. */
function rewritten(setting: Setting): { disk: SimulatedDisk; file: OpenFile } {
  const disk = diskWithDirectory(setting);
  const file = disk.open("/d/a", "create");
  file.write(bytes("abcdefgh"), 0);
  file.sync();
  disk.syncDirectory("/d");
  file.write(bytes("ABCDEFGH"), 0);
  return { disk, file };
}

function failSync({ disk, file }: { disk: SimulatedDisk; file: OpenFile }, pages: Pages | undefined): void {
  disk.onFault = failOnce(1, pages === undefined ? { fails: "EIO" } : { fails: "EIO", pages }).hook;
  expect(() => {
    file.sync();
  }).toThrow("EIO");
  disk.onFault = undefined;
}

/** All that "/d/a" can be found to hold, sorted; "." for a zero byte. */
function shown(disk: SimulatedDisk): string[] {
  const texts = explore((choice) =>
    Buffer.from(disk.fork(choice).files().get("/d/a") ?? [])
      .toString()
      .replaceAll("\0", "."),
  );
  return [...new Set(texts)].sort();
}

function afterCrash(disk: SimulatedDisk): string[] {
  const crashed = disk.fork(NO_CHOICE);
  crashed.crash();
  return shown(crashed);
}

const EITHER = ["ABCDEFGH", "ABCDefgh", "abcdEFGH", "abcdefgh"];

const command = fc.oneof({ weight: 6, arbitrary: faultyFileChange }, { weight: 1, arbitrary: fileGlance });
const life = fc.array(command, { minLength: 2, maxLength: 8 });

/**
 * Carries a program out, looking at everything when a sync failed: so nothing is undecided but what the look
 * decided. Returns what the commands showed.
 */
function carryOutLooking(disk: SimulatedDisk, program: readonly Command[]): string[] {
  return program.map((step) => {
    const shown = carryOut(disk, step);
    if (step.do === "failSync") look(disk);
    return shown;
  });
}

describe.each(settings.filter(({ tornSectors }) => !tornSectors))("under $persistence", (setting) => {
  it.each([undefined, "dirty"] as const)(
    "pages that stay dirty (%s) are as before, and the next sync writes them",
    (pages) => {
      const plain = rewritten(setting);
      const made = rewritten(setting);
      const changes: string[] = [];
      made.disk.onChange = (change) => changes.push(callText(change));
      failSync(made, pages);
      expect(changes).toEqual([]);
      expect(made.disk.key()).toBe(plain.disk.key());
      made.file.sync();
      expect(afterCrash(made.disk)).toEqual(["ABCDEFGH"]);
    },
  );

  it("pages that are clean are seen by this process and the next, and by no sync", () => {
    const made = rewritten(setting);
    const { disk, file } = made;
    const dirty = disk.key();
    const changes: string[] = [];
    disk.onChange = (change) => changes.push(callText(change));
    failSync(made, "clean");
    expect(changes).toEqual(["failing sync of /d/a"]);
    expect(disk.key()).not.toBe(dirty);
    expect(shown(disk)).toEqual(["ABCDEFGH"]);
    expect(disk.undecidedStates()).toBe(1n);
    changes.length = 0;
    file.sync();
    failSync(made, "clean");
    expect(changes).toEqual([]);
    disk.kill();
    expect(shown(disk)).toEqual(["ABCDEFGH"]);
    disk.open("/d/a", "update").sync();
    // Each sector survives or not, even where what is pending survives as a prefix.
    expect(afterCrash(disk)).toEqual(EITHER);
    disk.crash();
    expect(disk.undecidedStates()).toBe(4n);
  });

  it("clean, undecided and durable are told apart by the key", () => {
    const clean = rewritten(setting);
    failSync(clean, "clean");
    const undecided = rewritten(setting);
    failSync(undecided, "dropped");
    const durable = rewritten(setting);
    durable.file.sync();
    const pending = rewritten(setting);
    const crashed = clean.disk.fork(NO_CHOICE);
    crashed.crash();
    const disks = [clean.disk, undecided.disk, durable.disk, pending.disk];
    expect(new Set(disks.map((disk) => disk.key())).size).toBe(disks.length);
    expect(crashed.key()).toBe(undecided.disk.key());
    // What was pending when the power failed survives in the model's order, what a sync failed to write in
    // none.
    const cut = pending.disk.fork(NO_CHOICE);
    cut.crash();
    expect(cut.key() === undecided.disk.key()).toBe(setting.persistence !== "prefix");
  });

  it("of clean pages a later sync makes durable what was written since, not the rest of its sector", () => {
    const made = rewritten(setting);
    failSync(made, "clean");
    made.file.write(bytes("xy"), 1);
    expect(shown(made.disk)).toEqual(["AxyDEFGH"]);
    made.file.sync();
    expect(shown(made.disk)).toEqual(["AxyDEFGH"]);
    expect(afterCrash(made.disk)).toEqual(["AxyDEFGH", "AxyDefgh", "axydEFGH", "axydefgh"]);
    made.file.write(bytes("ABCDEFGH"), 0);
    made.file.sync();
    expect(afterCrash(made.disk)).toEqual(["ABCDEFGH"]);
    const durable = rewritten(setting);
    durable.file.sync();
    expect(made.disk.key()).toBe(durable.disk.key());
    expect(made.disk.pendingState().issued).toEqual([]);
  });

  it("what is durable over clean pages is told apart from what is clean over them", () => {
    const made = rewritten(setting);
    failSync(made, "clean");
    made.file.write(bytes("xy"), 1);
    const synced = made.disk.fork(NO_CHOICE);
    synced.open("/d/a", "read").sync();
    failSync(made, "clean");
    expect(made.disk.key()).not.toBe(synced.key());
  });

  it("what was written since is pending until then", () => {
    const made = rewritten(setting);
    failSync(made, "clean");
    made.file.write(bytes("xyzw"), 0);
    expect(afterCrash(made.disk)).toEqual([...EITHER, "xyzwEFGH", "xyzwefgh"].sort());
  });

  it("a second failure adds to what is clean", () => {
    const made = rewritten(setting);
    failSync(made, "clean");
    made.file.write(bytes("xyzw"), 4);
    failSync(made, "clean");
    expect(shown(made.disk)).toEqual(["ABCDxyzw"]);
    expect(afterCrash(made.disk)).toEqual([...EITHER, "ABCDxyzw", "abcdxyzw"].sort());
  });

  it("pages that are dropped leave each piece or not, at once", () => {
    const made = rewritten(setting);
    const { disk } = made;
    const changes: string[] = [];
    disk.onChange = (change) => changes.push(callText(change));
    failSync(made, "dropped");
    expect(changes).toEqual(["failing sync of /d/a"]);
    expect(disk.undecidedStates()).toBe(4n);
    expect(shown(disk)).toEqual(EITHER);
    // The other half is decided when it is looked at.
    const fork = disk.fork({ choose: (n) => n - 1 });
    const half = Buffer.alloc(4);
    fork.open("/d/a", "read").read(half, 0);
    expect(half.toString()).toBe("abcd");
    expect(fork.undecidedStates()).toBe(2n);
    expect(shown(fork)).toEqual(["abcdEFGH", "abcdefgh"]);
  });

  it("the open file goes on, and what it writes over what was dropped can be synced", () => {
    const made = rewritten(setting);
    failSync(made, "dropped");
    made.file.write(bytes("ABCDEFGH"), 0);
    made.file.sync();
    expect(shown(made.disk)).toEqual(["ABCDEFGH"]);
    expect(afterCrash(made.disk)).toEqual(["ABCDEFGH"]);
  });

  it("to drop the pages drops those that are clean as well", () => {
    const made = rewritten(setting);
    failSync(made, "clean");
    failSync(made, "dropped");
    expect(shown(made.disk)).toEqual(EITHER);
    expect(made.disk.undecidedStates()).toBe(4n);
    failSync(made, "dropped");
    expect(made.disk.undecidedStates()).toBe(4n);
  });

  it("one file's failure is no other's", () => {
    const made = rewritten(setting);
    const other = made.disk.open("/d/b", "create");
    made.disk.syncDirectory("/d");
    other.write(bytes("b"), 0);
    failSync(made, "dropped");
    other.sync();
    expect(made.disk.undecidedStates()).toBe(4n);
  });

  it("what is undecided since a failing sync cannot be listed as pending, what is clean can", () => {
    const made = rewritten(setting);
    failSync(made, "clean");
    expect(made.disk.pendingState().issued.map(({ kind }) => kind)).toEqual(["write", "sync"]);
    failSync(made, "dropped");
    expect(() => made.disk.pendingState()).toThrow("undecided");
  });

  it("what is clean is forgotten when other bytes are stored", () => {
    const made = rewritten(setting);
    failSync(made, "clean");
    made.disk.store("/d/a", bytes("x"));
    expect(afterCrash(made.disk)).toEqual(["x"]);
    expect(made.disk.pendingState().issued).toEqual([]);
  });

  it("a sync of a directory that fails can be tried again", () => {
    const { disk } = rewritten(setting);
    disk.open("/d/b", "create");
    disk.onFault = failOnce(1, { fails: "EIO" }).hook;
    expect(() => {
      disk.syncDirectory("/d");
    }).toThrow("EIO");
    disk.syncDirectory("/d");
    disk.crash();
    expect(disk.list("/d")).toEqual(["a", "b"]);
  });
});

describe("a size that a failing sync left", () => {
  const POSIX = { persistence: "posix", tornSectors: false, sectorBytes: 4 } as const;
  /** The file is 12 bytes long, of which the last 4 are clean. */
  function extended(): { disk: SimulatedDisk; file: OpenFile } {
    const made = rewritten(POSIX);
    made.file.sync();
    made.file.write(bytes("IJKL"), 8);
    failSync(made, "clean");
    return made;
  }

  it("is as undecided as the bytes", () => {
    const { disk, file } = extended();
    expect(file.size()).toBe(12);
    expect(afterCrash(disk)).toEqual(["ABCDEFGH", "ABCDEFGH....", "ABCDEFGHIJKL"]);
  });

  it("stays so if bytes before it are synced", () => {
    const { disk, file } = extended();
    file.write(bytes("x"), 0);
    file.sync();
    expect(afterCrash(disk)).toEqual(["xBCDEFGH", "xBCDEFGH....", "xBCDEFGHIJKL"]);
  });

  it("becomes durable if bytes after the one before are synced", () => {
    const { disk, file } = extended();
    file.write(bytes("x"), 9);
    file.sync();
    expect(afterCrash(disk)).toEqual(["ABCDEFGH.x..", "ABCDEFGHIxKL"]);
  });

  it("becomes durable if it is set again", () => {
    const { disk, file } = extended();
    file.truncate(10);
    file.sync();
    expect(afterCrash(disk)).toEqual(["ABCDEFGH..", "ABCDEFGHIJ"]);
  });

  it("hides for good what was written after it once it is durable", () => {
    const disk = diskWithDirectory(POSIX);
    const file = disk.open("/d/a", "create");
    disk.syncDirectory("/d");
    file.write(bytes("abcdefgh"), 0);
    file.truncate(4);
    failSync({ disk, file }, "clean");
    file.write(bytes("x"), 0);
    file.sync();
    file.truncate(8);
    expect(afterCrash(disk)).toEqual(["x...", "x.......", "xbcd", "xbcd...."]);
    const eager = enumerateImages(disk.pendingState(), COMBINATIONS_MAX);
    disk.crash();
    expect([...eager.images.keys()].sort()).toEqual(imagesSeen(disk));
  });

  it("may still be the one of before if that is decided while it is open", () => {
    const { disk, file } = rewritten(POSIX);
    file.sync();
    file.truncate(6);
    disk.crash();
    const again = disk.fork({ choose: (n) => n - 1 });
    const rewrite = again.open("/d/a", "create");
    rewrite.write(bytes("xy"), 0);
    failSync({ disk: again, file: rewrite }, "clean");
    rewrite.write(bytes("z"), 15);
    const gap = Buffer.alloc(7);
    expect(rewrite.read(gap, 8)).toBe(7);
    expect(gap.toString("hex")).toBe("00".repeat(7));
    rewrite.truncate(2);
    again.crash();
    const sizes = explore((choice) => again.fork(choice).open("/d/a", "read").size());
    expect([...new Set(sizes)].sort((a, b) => a - b)).toEqual([0, 2, 8, 16]);
  });

  it("is not set again by truncating to the size that the process sees", () => {
    const { disk, file } = extended();
    file.truncate(12);
    file.sync();
    expect(afterCrash(disk)).toEqual(["ABCDEFGH", "ABCDEFGH....", "ABCDEFGHIJKL"]);
  });
});

describe.each(settings)("under $persistence, torn sectors $tornSectors", (setting) => {
  test.prop([life], { numRuns: 200 })("a crash shows the eager images", (program) => {
    const start = diskWithFiles(setting);
    const [kept = []] = affordable(start, [program], 200n);
    const eager = new Set<string>();
    explore((choice) => {
      const disk = start.fork(choice);
      const shown = carryOutLooking(disk, kept);
      const { images, exhausted } = enumerateImages(disk.pendingState(), COMBINATIONS_MAX);
      fc.pre(exhausted);
      for (const key of images.keys()) eager.add([...shown, key].join("\n"));
    });
    expect(endings(start, [kept], false)).toEqual([...eager].sort());
  });

  test.prop([life], { numRuns: 100 })("the combinations add up to those that are counted", (program) => {
    const start = diskWithFiles(setting);
    const [kept = []] = affordable(start, [program], 200n);
    const disk = start.fork({ choose: () => 0 });
    for (const step of kept) carryOut(disk, step);
    disk.crash();
    let states = 0n;
    explore((choice) => {
      const fork = disk.fork(choice);
      look(fork);
      states += fork.undecidedStates();
    });
    expect(states).toBe(disk.undecidedStates());
  });

  const short = fc.array(command, { minLength: 1, maxLength: 5 });
  test.prop([fc.array(short, { minLength: 2, maxLength: 3 })], { numRuns: 200 })(
    "through several lives it makes no difference when what crashes and failing syncs left is decided",
    (lives) => {
      const disk = diskWithFiles(setting);
      const small = affordable(disk, lives, 60n);
      expect(endings(disk, small, false)).toEqual(endings(disk, small, true));
    },
  );

  test.prop([life, fc.array(command, { maxLength: 4 })], { numRuns: 100 })(
    "disks with equal keys have equal futures",
    (program, future) => {
      const start = diskWithFiles(setting);
      const [kept = [], rest = []] = affordable(start, [program, future], 60n);
      const byKey = new Map<string, string[]>();
      for (let length = 0; length <= kept.length; length++) {
        const disk = start.fork({ choose: () => 0 });
        for (const step of kept.slice(0, length)) carryOut(disk, step);
        disk.kill();
        const key = disk.key();
        const images = endings(disk, [rest], false);
        const before = byKey.get(key);
        if (before !== undefined) expect(images).toEqual(before);
        byKey.set(key, images);
      }
    },
  );
});
