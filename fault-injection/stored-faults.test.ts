/**
 * Faults in stored bytes: putting bytes on the medium, and the list of all single faults.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { type Piece, type StoredFault, storedFaults } from "./stored-faults.ts";
import {
  carryOut,
  changes,
  diskWithDirectory,
  explore,
  faultyFileChange,
  imagesSeen,
  look,
  NO_CHOICE,
  settings,
} from "./testing.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** Every fault of some files. */
function allFaults(...[files, history, options]: Parameters<typeof storedFaults>): StoredFault[] {
  const faults = storedFaults(files, history, options);
  return Array.from({ length: faults.count }, (_, i) => faults.at(i));
}

describe.each(settings)("under $persistence, torn sectors $tornSectors", (setting) => {
  const stored = fc.option(fc.uint8Array({ maxLength: 9 }), { nil: undefined });
  const program = fc.oneof(changes, fc.array(faultyFileChange, { maxLength: 8 }));

  test.prop([program, fc.constantFrom("/d/a", "/d/b", "/d/c"), stored, fc.boolean(), fc.func(fc.nat())])(
    "what is stored is all there is at that path, before and after a crash, and the rest is as it was",
    (commands, path, content, crashed, answer) => {
      const choice = { choose: (n: number, what: string) => answer(what) % n };
      const disk = diskWithDirectory(setting).fork(choice);
      for (const command of commands) carryOut(disk, command);
      if (crashed) disk.crash();
      const before = disk.fork(choice).files();
      const damaged = disk.fork(choice);
      damaged.store(path, content);
      // Another name for the same file, which a crash can leave, goes with it.
      const others = (files: Map<string, Uint8Array>): [string, Uint8Array][] =>
        [...files].filter(([name]) => name !== path);
      if (!crashed) {
        expect(others(damaged.fork(choice).files())).toEqual(others(before));
        expect(disk.files()).toEqual(before);
      }
      const shows = (shown: SimulatedDisk): void => {
        const there = shown.files().get(path);
        expect(there === undefined ? undefined : Buffer.from(there)).toEqual(
          content === undefined ? undefined : Buffer.from(content),
        );
      };
      shows(damaged.fork(choice));
      damaged.crash();
      shows(damaged.fork({ choose: () => 0 }));
      shows(damaged.fork({ choose: (n) => n - 1 }));
    },
  );

  it("a renaming whose new name is stored still takes the old name away, or not, when the power fails", () => {
    const disk = diskWithDirectory(setting);
    disk.open("/d/old", "create");
    disk.syncDirectory("/d");
    disk.rename("/d/old", "/d/new");
    disk.store("/d/new", bytes("x"));
    expect(disk.list("/d")).toEqual(["new"]);
    disk.crash();
    expect(explore((choice) => disk.fork(choice).list("/d").join())).toEqual(["new", "new,old"]);
  });

  it("storing what is there already leaves no trace", () => {
    const disk = diskWithDirectory(setting);
    const file = disk.open("/d/a", "create");
    file.write(bytes("abcdef"), 0);
    file.sync();
    disk.syncDirectory("/d");
    const damaged = disk.fork(NO_CHOICE);
    damaged.store("/d/a", bytes("zz"));
    expect(damaged.key()).not.toBe(disk.key());
    damaged.store("/d/a", bytes("abcdef"));
    expect(damaged.key()).toBe(disk.key());
    damaged.store("/d/b", bytes("b"));
    damaged.store("/d/b", undefined);
    expect(damaged.key()).toBe(disk.key());
  });
});

const SMALL = { persistence: "posix", tornSectors: false, sectorBytes: 4 } as const;

it("an open file sees what is stored", () => {
  const disk = diskWithDirectory(SMALL);
  const file = disk.open("/d/a", "create");
  disk.store("/d/a", bytes("abc"));
  expect(file.size()).toBe(3);
});

it("a renaming that survived takes no stored name back", () => {
  const disk = diskWithDirectory(SMALL);
  disk.store("/d/x", bytes("x"));
  disk.rename("/d/x", "/d/t");
  disk.rename("/d/t", "/d/a");
  disk.crash();
  const fork = disk.fork({ choose: () => 0 });
  fork.open("/d/a", "read");
  fork.store("/d/a", undefined);
  const names = explore((choice) => fork.fork(choice).list("/d").join());
  expect([...new Set(names)].sort()).toEqual(["", "x"]);
});

it("bytes that are stored are copied", () => {
  const disk = diskWithDirectory(SMALL);
  const content = bytes("abc");
  disk.store("/d/a", content);
  content.fill(0);
  expect(look(disk)).toContain("/d/a=616263");
});

it("storing where a directory is, or below none, is refused", () => {
  const disk = diskWithDirectory(SMALL);
  expect(() => {
    disk.store("/d", bytes(""));
  }).toThrow("EISDIR");
  expect(() => {
    disk.store("/e/a", bytes(""));
  }).toThrow("ENOENT");
});

it("nothing that was undecided of the file is decided any more", () => {
  const disk = diskWithDirectory(SMALL);
  const file = disk.open("/d/a", "create");
  disk.syncDirectory("/d");
  file.write(bytes("abcdefgh"), 0);
  disk.crash();
  disk.store("/d/a", bytes("x"));
  expect(imagesSeen(disk)).toEqual([look(disk.fork(NO_CHOICE))]);
});

describe("the list of faults", () => {
  const FILE = Uint8Array.of(1, 2, 3);
  const HISTORY = [Uint8Array.of(9), Uint8Array.of(1, 2), FILE];
  const list = (): StoredFault[] =>
    allFaults(new Map([["/f", FILE]]), new Map([["/f", HISTORY]]), { sectorBytes: 2 });
  const ofKind = (kind: StoredFault["kind"]): [string, number[] | undefined][] =>
    list()
      .filter((fault) => fault.kind === kind)
      .map(({ what, bytes: after }) => [what, after && [...after]]);

  it("has every kind, by hand", () => {
    expect(ofKind("missing")).toEqual([["/f: missing", undefined]]);
    expect(ofKind("cut")).toEqual([
      ["/f: cut to 0 of 3 bytes", []],
      ["/f: cut to 1 of 3 bytes", [1]],
      ["/f: cut to 2 of 3 bytes", [1, 2]],
    ]);
    // The second version is the file cut to 2 bytes, the third is the file.
    expect(ofKind("replaced")).toEqual([["/f: replaced by version 1 of the 3 it had", [9]]]);
    expect(ofKind("zeroed")).toEqual([
      ["/f: sector 0 zeroed", [0, 0, 3]],
      ["/f: sector 1 zeroed", [1, 2, 0]],
    ]);
    // Sector 1 was not there before: to lose it is to have it zeroed.
    expect(ofKind("lost")).toEqual([["/f: last change of sector 0 lost", [9, 0, 3]]]);
    expect(ofKind("misplaced")).toEqual([
      ["/f: sector 0 written to the place of sector 1", [9, 0, 1]],
      ["/f: sector 1 written to the place of sector 0", [3, 0, 0]],
    ]);
    expect(ofKind("flipped")).toHaveLength(24);
    expect(ofKind("flipped")[17]).toEqual(["/f: bit 1 of byte 2 flipped", [1, 2, 1]]);
    expect(list()).toHaveLength(1 + 3 + 1 + 2 + 1 + 2 + 24);
  });

  it("has foreign contents, also where no file is, and cuts at the lengths that are asked for, instead of every bit and length", () => {
    const foreign = new Map([
      [
        "/f",
        [
          { what: "another", bytes: Uint8Array.of(1, 2, 2) },
          { what: "itself", bytes: FILE },
        ],
      ],
      ["/new", [{ what: "a stranger", bytes: Uint8Array.of(7) }]],
    ]);
    const faults = allFaults(new Map([["/f", FILE]]), new Map(), {
      sectorBytes: 8,
      foreign,
      cuts: new Map([["/f", [2]]]),
    });
    expect(faults.map(({ what, bytes: after }) => [what, after && [...after]])).toEqual([
      ["/f: missing", undefined],
      ["/f: cut to 2 of 3 bytes", [1, 2]],
      ["/f: replaced by another", [1, 2, 2]],
      ["/f: sector 0 zeroed", [0, 0, 0]],
      ["/new: replaced by a stranger", [7]],
    ]);
  });

  it("has only the kinds that are asked for, and beside cuts that are asked for only the bits that are", () => {
    const cuts = new Map([["/f", [2]]]);
    const flips = new Map([["/f", [9, 0]]]);
    const asked = { sectorBytes: 8, cuts, flips, kinds: ["flipped", "missing", "zeroed"] } as const;
    const faults = allFaults(new Map([["/f", FILE]]), new Map(), asked);
    expect(faults.map(({ what, bytes: after }) => [what, after && [...after]])).toEqual([
      ["/f: missing", undefined],
      ["/f: sector 0 zeroed", [0, 0, 0]],
      ["/f: bit 1 of byte 1 flipped", [1, 0, 3]],
      ["/f: bit 0 of byte 0 flipped", [0, 2, 3]],
    ]);
  });

  it("has every piece over every other of its size, also of another file, but where that changes nothing or one bit", () => {
    const piece = (what: string, path: string, start: number, end: number): Piece => ({
      what,
      path,
      start,
      end,
    });
    const files = new Map([
      ["/f", Uint8Array.of(1, 2, 8, 7, 8)],
      ["/g", Uint8Array.of(8, 7, 0)],
    ]);
    const pieces = [
      piece("a", "/f", 0, 2),
      piece("b", "/f", 2, 4),
      piece("c", "/f", 4, 5),
      piece("d", "/g", 0, 2),
      piece("e", "/g", 2, 3),
    ];
    const faults = allFaults(files, new Map(), { sectorBytes: 8, pieces });
    expect(
      faults
        .filter(({ kind }) => kind === "overlaid")
        .map(({ what, bytes: after }) => [what, after && [...after]]),
    ).toEqual([
      ["/f: b written to the place of a", [8, 7, 8, 7, 8]],
      ["/f: a written to the place of b", [1, 2, 1, 2, 8]],
      ["/g: a written to the place of d", [1, 2, 0]],
    ]);
  });

  it("leaves out what a flipped bit or a cut does as well", () => {
    const faults = allFaults(
      new Map([["/f", Uint8Array.of(4, 0)]]),
      new Map([["/f", [Uint8Array.of(4, 1), Uint8Array.of(4)]]]),
      { sectorBytes: 1 },
    );
    const others = faults.filter(({ kind }) => kind !== "flipped");
    expect(others.map(({ kind, bytes: after }) => [kind, after && [...after]])).toEqual([
      ["missing", undefined],
      ["cut", []],
      ["cut", [4]],
      ["misplaced", [0, 4]],
      ["misplaced", [0, 1]],
    ]);
  });

  it("loses the last change of a sector only", () => {
    const versions = [bytes("aaAA"), bytes("bbBB"), bytes("bbCC")];
    const faults = allFaults(new Map([["/f", bytes("ccCC")]]), new Map([["/f", versions]]), {
      sectorBytes: 2,
    });
    const lost = faults.filter(({ kind }) => kind === "lost");
    expect(lost.map(({ bytes: after }) => Buffer.from(after ?? []).toString())).toEqual(["ccBB"]);
  });

  it("leaves the files and what was asked for as they are", () => {
    const file = bytes("abcdef");
    const faults = storedFaults(new Map([["/f", file]]), new Map([["/f", [bytes("abcxyz")]]]), {
      sectorBytes: 2,
    });
    const first = Array.from({ length: faults.count }, (_, i) => faults.at(i));
    const again = Array.from({ length: faults.count }, (_, i) => faults.at(i));
    expect(again).toEqual(first);
    expect(Buffer.from(file).toString()).toBe("abcdef");
  });

  it("of an empty file has only that it is missing, or an older one", () => {
    const empty = new Map([["/f", new Uint8Array()]]);
    expect(allFaults(empty, new Map(), { sectorBytes: 4 })).toHaveLength(1);
    expect(allFaults(empty, new Map([["/f", [bytes("x")]]]), { sectorBytes: 4 })).toHaveLength(2);
  });

  it("takes the files in the order of their paths, and those only", () => {
    const files = new Map([
      ["/b", bytes("b")],
      ["/a", bytes("a")],
    ]);
    const paths = allFaults(files, new Map([["/gone", [bytes("x")]]]), { sectorBytes: 4 }).map(
      ({ path }) => path,
    );
    expect([...new Set(paths)]).toEqual(["/a", "/b"]);
  });

  it("has no fault beyond its count, and no sectors without a size", () => {
    const faults = storedFaults(new Map([["/f", FILE]]), new Map(), { sectorBytes: 2 });
    expect(() => faults.at(faults.count)).toThrow(RangeError);
    expect(() => storedFaults(new Map(), new Map(), { sectorBytes: 0 })).toThrow(RangeError);
  });

  const content = fc
    .array(fc.constantFrom(0, 1, 3), { maxLength: 7 })
    .map((values) => Uint8Array.from(values));
  test.prop([content, fc.array(content, { maxLength: 3 }), fc.integer({ min: 1, max: 4 })], { numRuns: 500 })(
    "each changes its file, and no two are the same",
    (file, versions, sectorBytes) => {
      const faults = allFaults(new Map([["/f", file]]), new Map([["/f", versions]]), { sectorBytes });
      const results = faults.map(({ bytes: after }) =>
        after === undefined ? "missing" : Buffer.from(after).toString("hex"),
      );
      expect(results).not.toContain(Buffer.from(file).toString("hex"));
      expect(new Set(results).size).toBe(results.length);
      for (const version of versions) {
        const hex = Buffer.from(version).toString("hex");
        if (hex !== Buffer.from(file).toString("hex")) expect(results).toContain(hex);
      }
    },
  );
});
