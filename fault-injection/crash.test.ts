/**
 * What a crash leaves, one situation at a time, and that only what is looked at is decided.
 */
import { describe, expect, it } from "vitest";
import { PERSISTENCE, type PersistenceName } from "./persistence.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { diskWithDirectory, explore, NO_CHOICE, Scripted } from "./testing.ts";

const MODELS = Object.keys(PERSISTENCE) as PersistenceName[];
const SECTOR = 4;

const bytes = (text: string): Uint8Array => Buffer.from(text);

function diskUnder(persistence: PersistenceName, tornSectors = false): SimulatedDisk {
  return diskWithDirectory({ persistence, tornSectors, sectorBytes: SECTOR });
}

/** A disk with one file, "/d/a", of which contents and name are durable. */
function diskWithFile(persistence: PersistenceName, text: string, tornSectors = false): SimulatedDisk {
  const disk = diskUnder(persistence, tornSectors);
  const file = disk.open("/d/a", "create");
  file.write(bytes(text), 0);
  file.sync();
  disk.syncDirectory("/d");
  return disk;
}

/** A disk's files as `name=contents`, "." for a zero byte. */
function shown(disk: SimulatedDisk): string {
  return [...disk.files()]
    .map(
      ([path, content]) =>
        `${path.slice(3)}=${Buffer.from(content).toString("latin1").replaceAll("\0", ".")}`,
    )
    .join(" ");
}

/** Everything that can be shown after a crash now. */
function afterCrash(disk: SimulatedDisk): string[] {
  const crashed = disk.fork(NO_CHOICE);
  crashed.crash();
  return [...new Set(explore((choice) => shown(crashed.fork(choice))))].sort();
}

function readText(disk: SimulatedDisk, path: string, position: number, count: number): string {
  const target = Buffer.alloc(count);
  return target.toString("latin1", 0, disk.open(path, "read").read(target, position));
}

describe.each(MODELS)("under %s", (persistence) => {
  it("sync covers the data, not the name", () => {
    const disk = diskUnder(persistence);
    const file = disk.open("/d/a", "create");
    file.write(bytes("abcdef"), 0);
    file.sync();
    expect(afterCrash(disk)).toEqual(["", "a=abcdef"]);
  });

  it("syncDirectory covers the name, not the data", () => {
    const disk = diskUnder(persistence);
    disk.open("/d/a", "create").write(bytes("abcd"), 0);
    disk.syncDirectory("/d");
    const holes = persistence === "posix" ? ["a=...."] : [];
    expect(afterCrash(disk)).toEqual(["a=", ...holes, "a=abcd"]);
  });

  it("both together cover all", () => {
    const disk = diskWithFile(persistence, "abcdef");
    expect(afterCrash(disk)).toEqual(["a=abcdef"]);
    disk.crash();
    expect(disk.undecidedStates()).toBe(1n);
  });

  it("syncing a directory does not cover the name of the directory itself", () => {
    const disk = diskUnder(persistence);
    disk.makeDirectory("/d/e");
    disk.open("/d/e/f", "create");
    disk.syncDirectory("/d/e");
    expect(afterCrash(disk)).toEqual(["", "e/f="]);
    disk.syncDirectory("/d");
    expect(afterCrash(disk)).toEqual(["e/f="]);
  });

  it("syncing one file does not cover another", () => {
    const disk = diskWithFile(persistence, "old.");
    const other = disk.open("/d/b", "create");
    disk.syncDirectory("/d");
    disk.open("/d/a", "update").write(bytes("new!"), 0);
    other.sync();
    expect(afterCrash(disk)).toEqual(["a=new! b=", "a=old. b="]);
  });

  it("a renaming that is not synced leaves the old file or the new one", () => {
    const disk = diskWithFile(persistence, "old");
    const file = disk.open("/d/t", "create");
    file.write(bytes("new"), 0);
    file.sync();
    disk.syncDirectory("/d");
    disk.rename("/d/t", "/d/a");
    expect(afterCrash(disk)).toEqual(["a=new", "a=old t=new"]);
    disk.syncDirectory("/d");
    expect(afterCrash(disk)).toEqual(["a=new"]);
  });

  it("renaming before the data is synced may leave an empty file, unless all is in order", () => {
    const disk = diskWithFile(persistence, "old");
    disk.open("/d/t", "create").write(bytes("new"), 0);
    disk.rename("/d/t", "/d/a");
    expect(afterCrash(disk).includes("a=")).toBe(persistence !== "prefix");
    disk.syncDirectory("/d");
    // Under prefix as well: syncing the directory lets its operations overtake the write.
    expect(afterCrash(disk)).toContain("a=");
  });

  it("a crash between two directory operations leaves any subset, or a prefix of them", () => {
    const disk = diskUnder(persistence);
    disk.open("/d/a", "create");
    disk.open("/d/b", "create");
    const subset = persistence === "posix" ? ["b="] : [];
    expect(afterCrash(disk)).toEqual(["", "a=", "a= b=", ...subset]);
    disk.crash();
    expect(disk.undecidedStates()).toBe(persistence === "posix" ? 4n : 3n);
  });

  it("a removal may not have happened", () => {
    const disk = diskWithFile(persistence, "abc");
    disk.remove("/d/a");
    expect(afterCrash(disk)).toEqual(["", "a=abc"]);
    disk.syncDirectory("/d");
    expect(afterCrash(disk)).toEqual([""]);
  });

  it("a sector is whole, or torn if sectors can be", () => {
    const torn = diskWithFile(persistence, "abcd", true);
    torn.open("/d/a", "update").write(bytes("WXYZ"), 0);
    expect(afterCrash(torn)).toEqual(["a=WXYZ", "a=WXYd", "a=WXcd", "a=Wbcd", "a=abcd"]);
    const whole = diskWithFile(persistence, "abcd");
    whole.open("/d/a", "update").write(bytes("WXYZ"), 0);
    expect(afterCrash(whole)).toEqual(["a=WXYZ", "a=abcd"]);
  });

  it("a kill loses nothing and makes nothing durable", () => {
    const disk = diskWithFile(persistence, "abc");
    disk.open("/d/a", "update").write(bytes("defg"), 3);
    disk.open("/d/b", "create");
    disk.rename("/d/b", "/d/c");
    const before = { key: disk.key(), images: afterCrash(disk) };
    disk.kill();
    expect(shown(disk)).toBe("a=abcdefg c=");
    expect({ key: disk.key(), images: afterCrash(disk) }).toEqual(before);
    expect(before.images.length).toBeGreaterThan(4);
  });

  it("what was seen stays so through further crashes", () => {
    const disk = diskWithFile(persistence, "abcdefgh");
    const file = disk.open("/d/a", "update");
    file.write(bytes("ABCD"), 0);
    file.write(bytes("EFGHIJ"), 4);
    disk.open("/d/b", "create");
    disk.crash();
    explore((choice) => {
      const fork = disk.fork(choice);
      const seen = shown(fork);
      fork.crash();
      const again = fork.fork(NO_CHOICE);
      expect(shown(again)).toBe(seen);
      again.kill();
      expect(shown(again)).toBe(seen);
    });
  });

  it("syncing after a reboot leaves undecided what lies beneath", () => {
    const disk = diskWithFile(persistence, "abcdefgh");
    disk.open("/d/a", "update").write(bytes("ABCD"), 0);
    disk.crash();
    const rebooted = disk.fork(new Scripted(0));
    const file = rebooted.open("/d/a", "update");
    file.write(bytes("xy"), 3);
    file.sync();
    rebooted.crash();
    const seen = explore((choice) => shown(rebooted.fork(choice)));
    // The size is derived from the pieces under two of the models, but no piece reaches beyond it.
    expect(seen).toEqual(["a=ABCxyfgh", "a=abcxyfgh"]);
  });

  it("a name created after a crash is independent of one that the crash left undecided", () => {
    const disk = diskUnder(persistence);
    disk.open("/d/a", "create");
    disk.crash();
    const rebooted = disk.fork(NO_CHOICE);
    rebooted.open("/d/b", "create");
    rebooted.crash();
    expect(rebooted.undecidedStates()).toBe(4n);
    expect(afterCrash(rebooted)).toEqual(["", "a=", "a= b=", "b="]);
  });

  it("nothing drops out of the count because it was removed or overwritten", () => {
    const disk = diskUnder(persistence);
    disk.open("/d/a", "create").write(bytes("abcd"), 0);
    disk.open("/d/b", "create").write(bytes("efgh"), 0);
    disk.syncDirectory("/d");
    disk.crash();
    const states = disk.undecidedStates();
    const rebooted = disk.fork(NO_CHOICE);
    rebooted.remove("/d/a");
    rebooted.open("/d/b", "create");
    rebooted.open("/d/b", "update").sync();
    rebooted.syncDirectory("/d");
    expect(shown(rebooted)).toBe("b=");
    expect(rebooted.undecidedStates()).toBe(states);
    rebooted.crash();
    expect(rebooted.undecidedStates()).toBe(states);
  });
});

describe("only what is looked at is decided", () => {
  it.each(MODELS)("a temporary file that nobody opens costs no choice under %s", (persistence) => {
    const disk = diskWithFile(persistence, "abc");
    disk.open("/d/t", "create").write(bytes("0123456789abcdef"), 0);
    disk.crash();
    const rebooted = disk.fork(NO_CHOICE);
    expect(readText(rebooted, "/d/a", 0, 9)).toBe("abc");
    expect(rebooted.undecidedStates()).toBeGreaterThan(5n);
  });

  it.each(MODELS)("creating a leftover file anew asks only whether it is there under %s", (persistence) => {
    const disk = diskWithFile(persistence, "abc");
    disk.open("/d/t", "create").write(bytes("0123456789"), 0);
    disk.crash();
    const script = new Scripted(0);
    const rebooted = disk.fork(script);
    const file = rebooted.open("/d/t", "create");
    file.write(bytes("new"), 0);
    file.sync();
    expect(readText(rebooted, "/d/t", 0, 9)).toBe("new");
    rebooted.rename("/d/t", "/d/a");
    rebooted.syncDirectory("/d");
    expect(shown(rebooted)).toBe("a=new");
    expect(script.asked).toEqual(["creation of /d/t at step 7: survived, lost"]);
  });

  it("a read decides the size first and then the sectors in its range, newest first", () => {
    const disk = diskWithFile("posix", "");
    const file = disk.open("/d/a", "update");
    file.write(bytes("0123456789"), 0);
    file.write(bytes("xx"), 5);
    disk.crash();
    const script = new Scripted();
    const rebooted = disk.fork(script);
    expect(readText(rebooted, "/d/a", 4, 4)).toBe("4xx7");
    expect(script.asked).toEqual([
      "size of /d/a: 10, 8, 4, 0",
      "sector 1 of /d/a [5..7) written at step 9: survived, lost",
      "sector 1 of /d/a [4..8) written at step 8: survived, lost",
    ]);
    expect(rebooted.undecidedStates()).toBe(4n);
  });

  it("a sector hidden by a newer one that survived is not decided", () => {
    const disk = diskWithFile("posix", "abcdefgh");
    const file = disk.open("/d/a", "update");
    file.write(bytes("ABCD"), 0);
    file.write(bytes("WXYZ"), 0);
    disk.crash();
    const survived = new Scripted(0);
    expect(readText(disk.fork(survived), "/d/a", 0, 8)).toBe("WXYZefgh");
    expect(survived.asked).toHaveLength(1);
    const lost = new Scripted(1, 0);
    expect(readText(disk.fork(lost), "/d/a", 0, 8)).toBe("ABCDefgh");
    expect(lost.asked).toHaveLength(2);
  });

  it("a sector hidden by a write after the crash is not decided", () => {
    const disk = diskWithFile("posix", "abcdefgh");
    disk.open("/d/a", "update").write(bytes("ABCD"), 0);
    disk.crash();
    const rebooted = disk.fork(NO_CHOICE);
    rebooted.open("/d/a", "update").write(bytes("WXYZ"), 0);
    expect(readText(rebooted, "/d/a", 0, 8)).toBe("WXYZefgh");
  });

  it("a sector hidden by a truncation after the crash is not decided, synced or not", () => {
    const disk = diskWithFile("posix", "abcdefgh");
    disk.open("/d/a", "update").write(bytes("ABCD"), 0);
    disk.crash();
    const rebooted = disk.fork(NO_CHOICE);
    const file = rebooted.open("/d/a", "update");
    file.truncate(2);
    file.truncate(6);
    expect(readText(rebooted, "/d/a", 2, 9)).toBe("\0\0\0\0");
    file.sync();
    expect(readText(rebooted, "/d/a", 2, 9)).toBe("\0\0\0\0");
    expect(rebooted.undecidedStates()).toBe(2n);
  });

  it("a sector that is written as it was is not decided, whatever else the crash left", () => {
    const disk = diskWithFile("posix", "abcdefgh");
    const file = disk.open("/d/a", "update");
    file.write(bytes("abcdWXYZ"), 0);
    file.write(bytes("bc"), 1);
    disk.crash();
    const rebooted = disk.fork(NO_CHOICE);
    expect(readText(rebooted, "/d/a", 0, 4)).toBe("abcd");
    expect(rebooted.undecidedStates()).toBe(8n);
    expect(afterCrash(disk)).toEqual(["a=abcdWXYZ", "a=abcdefgh"]);
  });

  it.each(["Abcd", "abcD"])("a sector that is written with one byte changed is decided: %s", (text) => {
    const disk = diskWithFile("posix", "abcd");
    disk.open("/d/a", "update").write(bytes(text), 0);
    expect(afterCrash(disk)).toEqual([`a=${text}`, "a=abcd"]);
  });

  it("a sector that is written as a decision turned out to leave it is not decided", () => {
    const disk = diskWithFile("posix", "abcd");
    disk.open("/d/a", "update").write(bytes("ABCD"), 0);
    disk.crash();
    const script = new Scripted(0);
    const rebooted = disk.fork(script);
    expect(readText(rebooted, "/d/a", 0, 4)).toBe("ABCD");
    rebooted.open("/d/a", "update").write(bytes("ABCD"), 0);
    rebooted.crash();
    expect(readText(rebooted, "/d/a", 0, 4)).toBe("ABCD");
    expect(script.asked).toHaveLength(1);
  });

  it("a sector is decided if it was written as another that is undecided may have left it", () => {
    const disk = diskWithFile("posix", "abcd");
    const file = disk.open("/d/a", "update");
    file.write(bytes("ABCD"), 0);
    file.write(bytes("abcd"), 0);
    disk.crash();
    const script = new Scripted(1, 0);
    expect(readText(disk.fork(script), "/d/a", 0, 4)).toBe("ABCD");
    expect(afterCrash(disk)).toEqual(["a=ABCD", "a=abcd"]);
  });

  it("bytes after the size are not decided", () => {
    const disk = diskWithFile("posix", "");
    disk.open("/d/a", "update").write(bytes("01234567"), 0);
    disk.crash();
    const script = new Scripted(1, 0);
    expect(readText(disk.fork(script), "/d/a", 0, 8)).toBe("0123");
    expect(script.asked).toHaveLength(2);
  });

  it("a name is looked up from the newest operation on it", () => {
    const disk = diskUnder("posix");
    disk.open("/d/t", "create");
    disk.rename("/d/t", "/d/a");
    disk.open("/d/other", "create");
    disk.crash();
    const script = new Scripted(0);
    disk.fork(script).open("/d/a", "read");
    expect(script.asked).toEqual(["renaming of /d/t to /d/a at step 4: survived, lost"]);
    const lost = new Scripted(1, 0, 1);
    expect(disk.fork(lost).list("/d")).toEqual(["other"]);
    expect(lost.asked).toHaveLength(3);
  });

  it("renaming over a name does not ask whether there was such a file", () => {
    const disk = diskWithFile("posix", "abc");
    disk.open("/d/b", "create");
    disk.crash();
    const rebooted = disk.fork(NO_CHOICE);
    rebooted.rename("/d/a", "/d/b");
    expect(readText(rebooted, "/d/b", 0, 3)).toBe("abc");
  });

  it("renaming over what may be a directory asks", () => {
    const disk = diskWithFile("posix", "abc");
    disk.makeDirectory("/d/b");
    disk.crash();
    const rename = (answer: number) => (): void => {
      disk.fork(new Scripted(answer)).rename("/d/a", "/d/b");
    };
    expect(rename(0)).toThrow("EISDIR");
    expect(rename(1)).not.toThrow();
  });

  it("writing asks for the size only where the size is separate", () => {
    for (const persistence of MODELS) {
      const disk = diskWithFile(persistence, "abc");
      disk.open("/d/a", "update").write(bytes("defgh"), 3);
      disk.crash();
      const script = new Scripted();
      disk.fork(script).open("/d/a", "update").write(bytes("x"), 0);
      expect(script.asked).toEqual(persistence === "posix" ? ["size of /d/a: 8, 4, 3"] : []);
    }
  });
});

describe("posix", () => {
  it("a file may be shorter than its data, or longer and zero", () => {
    const disk = diskWithFile("posix", "abcd");
    disk.open("/d/a", "update").write(bytes("efghij"), 4);
    expect(afterCrash(disk)).toEqual([
      "a=abcd",
      "a=abcd....",
      "a=abcd......",
      "a=abcd....ij",
      "a=abcdefgh",
      "a=abcdefgh..",
      "a=abcdefghij",
    ]);
    disk.crash();
    expect(disk.undecidedStates()).toBe(12n);
  });

  it("a lost truncation leaves old bytes where the file grows again", () => {
    const disk = diskWithFile("posix", "abcdefgh");
    const file = disk.open("/d/a", "update");
    file.truncate(2);
    file.truncate(8);
    const seen = afterCrash(disk);
    expect(seen).toEqual(["a=ab", "a=ab......", "a=ab..efgh", "a=abcd....", "a=abcdefgh"]);
  });

  it("bytes after the size that a crash left are zeros when the file grows again", () => {
    const disk = diskWithFile("posix", "abcd");
    disk.open("/d/a", "update").write(bytes("efgh"), 4);
    disk.crash();
    // The write survives, the size does not.
    const rebooted = disk.fork(new Scripted(1, 0));
    rebooted.open("/d/a", "update").truncate(8);
    expect(shown(rebooted)).toBe("a=abcd....");
  });

  it("a size that nobody saw lives on beneath a truncation that is lost in turn", () => {
    const disk = diskWithFile("posix", "abcd");
    disk.open("/d/a", "update").write(bytes("efgh"), 4);
    disk.crash();
    const rebooted = disk.fork(NO_CHOICE);
    rebooted.open("/d/a", "create").write(bytes("xy"), 0);
    rebooted.crash();
    const script = new Scripted(2, 1, 1, 1, 1, 0);
    expect(shown(rebooted.fork(script))).toBe("a=abcd");
    expect(script.asked.slice(0, 2)).toEqual(["size of /d/a: 2, 0, as before", "size of /d/a: 8, 4"]);
  });

  it("a truncation of a file whose size nobody saw zeroes as far as the file may reach", () => {
    const disk = diskWithFile("posix", "abcdefgh");
    disk.open("/d/a", "update").truncate(6);
    disk.crash();
    const rebooted = disk.fork(NO_CHOICE);
    rebooted.open("/d/a", "create");
    rebooted.crash();
    rebooted.open("/d/a", "update").truncate(1);
    rebooted.crash();
    // 6 or 8, one zeroing; 0 or as before, two zeroings; 1 or as before, two zeroings.
    expect(rebooted.undecidedStates()).toBe(BigInt(2 * 2 * (2 * 4) * (2 * 4)));
  });

  it("torn sectors are counted by the byte", () => {
    const disk = diskWithFile("posix", "abcdefgh", true);
    disk.open("/d/a", "update").write(bytes("XXXXXX"), 0);
    disk.crash();
    expect(disk.undecidedStates()).toBe(15n);
    const script = new Scripted(0, 3);
    expect(shown(disk.fork(script))).toBe("a=XXcdXXgh");
    expect(script.asked).toEqual([
      "sector 1 of /d/a [4..6) written at step 8: survived, lost, only its first 1 .. 1 bytes",
      "sector 0 of /d/a [0..4) written at step 8: survived, lost, only its first 1 .. 3 bytes",
    ]);
  });
});

describe("ordered-metadata", () => {
  it("data survives in any subset, and the size is what it reaches", () => {
    const disk = diskWithFile("ordered-metadata", "abcd");
    disk.open("/d/a", "update").write(bytes("efghij"), 4);
    expect(afterCrash(disk)).toEqual(["a=abcd", "a=abcd....ij", "a=abcdefgh", "a=abcdefghij"]);
    disk.crash();
    expect(disk.undecidedStates()).toBe(4n);
  });

  it("a truncation is one operation that survives or not", () => {
    const disk = diskWithFile("ordered-metadata", "abcdefgh");
    const file = disk.open("/d/a", "update");
    file.truncate(2);
    file.write(bytes("x"), 6);
    expect(afterCrash(disk)).toEqual(["a=ab", "a=ab....x", "a=abcdefgh", "a=abcdefxh"]);
    disk.crash();
    const script = new Scripted();
    disk.fork(script).files();
    expect(script.asked).toEqual([
      "truncation of /d/a to 2 at step 8: survived, lost",
      "sector 1 of /d/a [6..7) written at step 9: survived, lost",
    ]);
  });

  it("directory operations survive in order over all directories, whatever becomes of the data", () => {
    const disk = diskWithFile("ordered-metadata", "abcd");
    disk.makeDirectory("/d/e");
    disk.syncDirectory("/d");
    disk.open("/d/e/f", "create").write(bytes("f"), 0);
    disk.open("/d/g", "create");
    expect(afterCrash(disk)).toEqual([
      "a=abcd",
      "a=abcd e/f=",
      "a=abcd e/f= g=",
      "a=abcd e/f=f",
      "a=abcd e/f=f g=",
    ]);
    disk.crash();
    expect(disk.undecidedStates()).toBe(6n);
  });

  it("directory operations of two crashes are not ordered with each other", () => {
    const disk = diskUnder("ordered-metadata");
    disk.open("/d/a", "create");
    disk.open("/d/b", "create");
    disk.crash();
    const rebooted = disk.fork(NO_CHOICE);
    rebooted.open("/d/c", "create");
    rebooted.crash();
    expect(rebooted.undecidedStates()).toBe(6n);
    expect(afterCrash(rebooted)).toEqual(["", "a=", "a= b=", "a= b= c=", "a= c=", "c="]);
  });
});

it.each(["ordered-metadata", "prefix"] as const)(
  "under %s a file can be written and synced on without anybody asking for its size",
  (persistence) => {
    const disk = diskWithFile(persistence, "ab");
    disk.open("/d/a", "update").write(bytes("cd"), 2);
    disk.crash();
    const rebooted = disk.fork(NO_CHOICE);
    const file = rebooted.open("/d/a", "update");
    for (const text of ["CDEF", "GHIJKL"]) {
      file.write(bytes(text), 2);
      file.sync();
    }
    rebooted.crash();
    expect(shown(rebooted)).toBe("a=abGHIJKL");
  },
);

describe("prefix", () => {
  it("what survives is a prefix of all operations", () => {
    const disk = diskWithFile("prefix", "abcd");
    const file = disk.open("/d/a", "update");
    file.write(bytes("ABCDEF"), 0);
    disk.open("/d/b", "create");
    file.truncate(1);
    expect(afterCrash(disk)).toEqual(["a=A b=", "a=ABCD", "a=ABCDEF", "a=ABCDEF b=", "a=abcd"]);
    disk.crash();
    expect(disk.undecidedStates()).toBe(5n);
  });

  it("an answer about one operation binds those before it or those after it", () => {
    const disk = diskWithFile("prefix", "abcd");
    const file = disk.open("/d/a", "update");
    file.write(bytes("A"), 0);
    disk.open("/d/b", "create");
    file.write(bytes("D"), 3);
    disk.crash();
    const survived = disk.fork(new Scripted(0));
    expect(readText(survived, "/d/a", 3, 1)).toBe("D");
    expect(survived.undecidedStates()).toBe(1n);
    expect(shown(survived.fork(NO_CHOICE))).toBe("a=AbcD b=");
    const lost = disk.fork(new Scripted(1));
    expect(readText(lost, "/d/a", 0, 1)).toBe("a");
    expect(lost.undecidedStates()).toBe(1n);
    expect(shown(lost.fork(NO_CHOICE))).toBe("a=abcd");
    const between = disk.fork(new Scripted(0));
    expect(between.list("/d")).toEqual(["a", "b"]);
    expect(between.undecidedStates()).toBe(2n);
    expect(readText(between.fork(NO_CHOICE), "/d/a", 0, 1)).toBe("A");
  });

  it("the cut may lie inside a torn sector", () => {
    const disk = diskWithFile("prefix", "abcd", true);
    disk.open("/d/a", "update").write(bytes("ABCD"), 0);
    disk.open("/d/b", "create");
    disk.crash();
    expect(disk.undecidedStates()).toBe(6n);
    const torn = disk.fork(new Scripted(3));
    expect(readText(torn, "/d/a", 0, 4)).toBe("ABcd");
    expect(torn.undecidedStates()).toBe(1n);
    expect(torn.fork(NO_CHOICE).list("/d")).toEqual(["a"]);
  });

  it("a synced file leaves the row, and the others keep their order", () => {
    const disk = diskWithFile("prefix", "abcd");
    const other = disk.open("/d/b", "create");
    disk.syncDirectory("/d");
    disk.open("/d/a", "update").write(bytes("A"), 0);
    other.write(bytes("b"), 0);
    disk.open("/d/c", "create");
    other.sync();
    expect(afterCrash(disk)).toEqual(["a=Abcd b=b", "a=Abcd b=b c=", "a=abcd b=b"]);
  });
});
