import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import { ReadTrace } from "./read-trace.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { storedFaults } from "./stored-faults.ts";
import { carryOut, change, type Command, diskWithDirectory, glance, NO_CHOICE, settings } from "./testing.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

const TRUE = bytes("abcdefgh");

function traced(run: (disk: SimulatedDisk) => void): ReadTrace {
  const disk = diskWithDirectory({ persistence: "posix", tornSectors: false, sectorBytes: 4 });
  disk.store("/d/a", TRUE);
  const trace = new ReadTrace();
  disk.trace = trace;
  run(disk);
  return trace;
}

const read = (position: number, count: number) => (disk: SimulatedDisk) => {
  disk.open("/d/a", "read").read(new Uint8Array(count), position);
};

describe("a run that", () => {
  it.each<[string, (disk: SimulatedDisk) => void, string[]]>([
    ["does nothing", () => undefined, []],
    ["lists the directory", (disk) => disk.list("/d"), ["missing"]],
    ["lists another", (disk) => disk.list("/"), []],
    ["opens the file", (disk) => disk.open("/d/a", "read"), ["missing"]],
    ["asks for its size", (disk) => disk.open("/d/a", "read").size(), ["missing", "shorter", "longer"]],
    ["reads its beginning", read(0, 3), ["missing"]],
    ["reads the byte that differs", read(3, 1), ["missing", "changed"]],
    ["reads its end", read(7, 1), ["missing", "shorter"]],
    ["reads past its end", read(8, 1), ["missing", "longer"]],
    [
      "removes it",
      (disk) => {
        disk.remove("/d/a");
      },
      ["missing"],
    ],
    [
      "renames it",
      (disk) => {
        disk.rename("/d/a", "/d/b");
      },
      ["missing", "shorter", "longer", "changed"],
    ],
    [
      "renames over it",
      (disk) => {
        disk.store("/d/b", TRUE);
        disk.rename("/d/b", "/d/a");
      },
      [],
    ],
    [
      "truncates it",
      (disk) => {
        disk.open("/d/a", "update").truncate(8);
      },
      ["missing", "shorter", "longer"],
    ],
    [
      "makes a directory of that name",
      (disk) => {
        expect(() => {
          disk.makeDirectory("/d/a");
        }).toThrow();
      },
      ["missing"],
    ],
  ])("%s", (_, run, noticed) => {
    const trace = traced(run);
    const faults = {
      missing: undefined,
      shorter: bytes("abcdefg"),
      longer: bytes("abcdefghi"),
      changed: bytes("abcDefgh"),
    };
    const found = Object.entries(faults).filter(([, after]) => trace.notices("/d/a", TRUE, after));
    expect(found.map(([name]) => name)).toEqual(noticed);
  });
});

it("what a failing call would have looked at counts as not looked at", () => {
  const trace = traced((disk) => {
    const file = disk.open("/d/a", "read");
    disk.onFault = () => ({ fails: "EIO" });
    expect(() => file.size()).toThrow("EIO");
    expect(() => file.read(new Uint8Array(8), 0)).toThrow("EIO");
  });
  expect(trace.notices("/d/a", TRUE, bytes(""))).toBe(false);
});

it("nothing is noticed where nothing differs, and forks are not traced", () => {
  const trace = traced((disk) => disk.fork(NO_CHOICE).open("/d/a", "read").size());
  expect(trace.notices("/d/a", TRUE, undefined)).toBe(false);
  const looked = traced(read(0, 8));
  expect(looked.notices("/d/a", TRUE, TRUE)).toBe(false);
  expect(looked.notices("/d/b", undefined, undefined)).toBe(false);
});

it("a file in the root directory is noticed by a listing of it", () => {
  const trace = traced((disk) => disk.list("/"));
  expect(trace.notices("/a", TRUE, undefined)).toBe(true);
});

describe.each(settings)("under $persistence, torn sectors $tornSectors", (setting) => {
  const program = fc.array(fc.oneof({ weight: 2, arbitrary: glance }, change), { maxLength: 6 });
  const content = fc.uint8Array({ maxLength: 7 });

  test.prop([content, content, program])(
    "a run goes the same with a fault that it does not notice",
    (a, b, commands) => {
      const disk = diskWithDirectory(setting);
      const files = new Map([
        ["/d/a", a],
        ["/d/b", b],
      ]);
      for (const [path, stored] of files) disk.store(path, stored);
      const run = (from: SimulatedDisk, trace?: ReadTrace): string[] => {
        const fork = from.fork(NO_CHOICE);
        fork.trace = trace;
        return commands.map((command: Command) => carryOut(fork, command));
      };
      const trace = new ReadTrace();
      const plain = run(disk, trace);
      const faults = storedFaults(files, new Map([["/d/a", [b]]]), { sectorBytes: setting.sectorBytes });
      for (let i = 0; i < faults.count; i++) {
        const { path, bytes: after } = faults.at(i);
        if (trace.notices(path, files.get(path), after)) continue;
        const damaged = disk.fork(NO_CHOICE);
        damaged.store(path, after);
        expect(run(damaged)).toEqual(plain);
      }
    },
  );
});
