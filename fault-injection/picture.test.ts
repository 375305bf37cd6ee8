/**
 * What a person is shown of a disk: as it is, and looking changes and decides nothing.
 */
import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import type { FilePicture } from "./picture.ts";
import { change, carryOut, diskWithDirectory, glance, NO_CHOICE, settings } from "./testing.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";

const SETTING = { persistence: "posix", tornSectors: false, sectorBytes: 4 } as const;

/** A picture in words. */
const said = (pictures: readonly FilePicture[]): string[] =>
  pictures.map(({ path, name, size, sectors }) => {
    const parts = sectors.map(({ start, end, certainty, bytes }) => {
      return `${start}..${end} ${certainty} ${JSON.stringify(bytes.toString())}`;
    });
    return `${path}, name ${name}, size ${size.certainty} ${String(size.bytes)}: ${parts.join("; ")}`;
  });

function diskWithFile(): SimulatedDisk {
  const disk = diskWithDirectory(SETTING);
  const file = disk.open("/d/a", "create");
  file.write(Buffer.from("abcdef"), 0);
  file.sync();
  disk.syncDirectory("/d");
  file.write(Buffer.from("XY"), 5);
  file.close();
  return disk;
}

test("What was synced is durable, and what was written since is pending", () => {
  expect(said(diskWithFile().picture())).toEqual([
    '/d/a, name durable, size pending 7: 0..4 durable "abcd"; 4..7 pending "eXY"',
  ]);
});

test("After a power failure it is undecided, above what is certain", () => {
  const disk = diskWithFile().fork(NO_CHOICE);
  disk.crash();
  expect(said(disk.picture())).toEqual([
    '/d/a, name durable, size undecided undefined: 0..4 durable "abcd"; 4..7 undecided "ef\\u0000"',
  ]);
});

test("A name that was made and not synced is pending, and undecided after a power failure", () => {
  const disk = diskWithDirectory(SETTING);
  disk.open("/d/a", "create").close();
  expect(said(disk.picture())).toEqual(["/d/a, name pending, size durable 0: "]);
  const crashed = disk.fork(NO_CHOICE);
  crashed.crash();
  expect(said(crashed.picture())).toEqual(["/d/a, name undecided, size durable 0: "]);
});

test("A name that was removed is not shown", () => {
  const disk = diskWithFile();
  disk.remove("/d/a");
  expect(disk.picture()).toEqual([]);
});

test("What a failed sync left is clean", () => {
  const disk = diskWithFile();
  disk.onFault = (call) => (call.kind === "sync" ? { fails: "EIO", pages: "clean" } : undefined);
  const file = disk.open("/d/a", "update");
  expect(() => {
    file.sync();
  }).toThrow("EIO");
  expect(said(disk.picture())).toEqual([
    '/d/a, name durable, size durable 7: 0..4 durable "abcd"; 4..7 clean "eXY"',
  ]);
});

test.each(["posix", "ordered-metadata", "prefix"] as const)(
  "What a truncation cuts off is pending, and undecided after a power failure: %s",
  (persistence) => {
    const disk = diskWithDirectory({ ...SETTING, persistence });
    const file = disk.open("/d/a", "create");
    file.write(Buffer.from("abcdefgh"), 0);
    file.sync();
    disk.syncDirectory("/d");
    file.truncate(4);
    expect(said(disk.picture())).toEqual(['/d/a, name durable, size pending 4: 0..4 durable "abcd"']);
    const crashed = disk.fork(NO_CHOICE);
    crashed.crash();
    expect(said(crashed.picture())).toEqual([
      '/d/a, name durable, size undecided undefined: 0..4 durable "abcd"; 4..8 undecided "efgh"',
    ]);
  },
);

const commands = fc.array(fc.oneof(change, glance), { maxLength: 12 });

property.prop([fc.constantFrom(...settings), commands, commands, fc.array(fc.nat(3))], { numRuns: 1000 })(
  "Whoever looks at a disk is asked nothing, and changes nothing that is asked after it",
  (setting, before, after, answers) => {
    const disk = diskWithDirectory(setting);
    for (const command of before) carryOut(disk, command);
    const askedAfter = (look: (crashed: SimulatedDisk) => void): string[] => {
      const asked: string[] = [];
      const choose = (of: number, what: string): number => {
        asked.push(what);
        // In the middle of a call, too.
        look(crashed);
        return (answers[asked.length] ?? 0) % of;
      };
      const crashed: SimulatedDisk = disk.fork({ choose });
      crashed.crash();
      for (const command of after) {
        look(crashed);
        carryOut(crashed, command);
      }
      look(crashed);
      crashed.files();
      return asked;
    };
    expect(askedAfter((crashed) => crashed.picture())).toEqual(askedAfter(() => undefined));
  },
);

property.prop([fc.constantFrom(...settings), fc.array(change, { maxLength: 12 }), fc.nat(2)])(
  "Where nothing is undecided, the picture has the bytes of every file; and looking changes no key",
  (setting, commands, crashAfter) => {
    const disk = diskWithDirectory(setting);
    for (const [i, command] of commands.entries()) {
      carryOut(disk, command);
      if (i === crashAfter) disk.kill();
    }
    const key = disk.key();
    const shown = disk
      .picture()
      .map(({ path, sectors }) => [path, Buffer.concat(sectors.map(({ bytes }) => bytes)).toString("hex")]);
    expect(disk.key()).toBe(key);
    expect(shown).toEqual(
      [...disk.files()].map(([path, bytes]) => [path, Buffer.from(bytes).toString("hex")]),
    );
    const crashed = disk.fork(NO_CHOICE);
    crashed.crash();
    const before = crashed.key();
    crashed.picture();
    expect(crashed.key()).toBe(before);
  },
);
