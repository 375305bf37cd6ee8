/**
 * The running kernel: what a process sees while nothing fails, and what dies with it.
 */
import { callText } from "./disk-call.ts";
import { fc, test } from "@fast-check/vitest";
import { describe, expect, it } from "vitest";
import type { Disk } from "../src/disk/disk.ts";
import { DiskError, StepBudgetExceeded } from "./disk-error.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { carryOut, type Command, change, diskWithDirectory, glance, NO_CHOICE, settings } from "./testing.ts";

const SETTING = { persistence: "posix", tornSectors: false, sectorBytes: 4 } as const;

const bytes = (text: string): Uint8Array => Buffer.from(text);

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof DiskError) return error.code;
    throw error;
  }
  return "no error";
}

/** All files as text. */
function texts(disk: SimulatedDisk): Record<string, string> {
  return Object.fromEntries(
    [...disk.files()].map(([path, content]) => [path, Buffer.from(content).toString()]),
  );
}

/** What a file system is, said as simply as possible: a map from paths to contents. */
class Plain {
  readonly files = new Map<string, number[]>();
  readonly directories = new Set(["/", "/d"]);

  do(command: Command): string {
    const { path } = command;
    const parent = path.slice(0, path.lastIndexOf("/")) || "/";
    if (command.do === "makeDirectory") {
      this.directories.add(path);
      return "";
    }
    if (command.do === "syncDirectory") return this.directories.has(path) ? "" : "ENOENT";
    if (command.do === "list") {
      if (!this.directories.has(path)) return "ENOENT";
      const below = [...this.files.keys(), ...this.directories].filter((child) => child !== path);
      const names = below.filter((child) => child.replace(/\/[^/]*$/, "") === (path === "/" ? "" : path));
      return names
        .map((child) => child.replace(/^.*\//, ""))
        .sort()
        .join();
    }
    if (!this.directories.has(parent)) return "ENOENT";
    const makes =
      command.do === "write" ||
      command.do === "truncate" ||
      (command.do === "open" && command.mode === "create");
    if (makes && !this.files.has(path)) this.files.set(path, []);
    const file = this.files.get(path);
    if (file === undefined) return "ENOENT";
    switch (command.do) {
      case "failSync":
        return "EIO";
      case "open":
        if (command.mode === "create") file.length = 0;
        return "";
      case "write":
        while (file.length < command.position) file.push(0);
        file.splice(command.position, command.bytes.length, ...command.bytes);
        return String(command.bytes.length);
      case "truncate":
        while (file.length < command.size) file.push(0);
        file.length = command.size;
        return "";
      case "read":
        return Buffer.from(file.slice(command.position, command.position + command.count)).toString("hex");
      case "size":
        return String(file.length);
      case "rename":
        this.files.delete(path);
        this.files.set(command.to, file);
        return "";
      case "remove":
        this.files.delete(path);
        return "";
      case "sync":
        return "";
    }
  }
}

type Step = Command | "kill" | "fork";
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: change },
  { weight: 4, arbitrary: glance },
  { weight: 1, arbitrary: fc.constantFrom<Step>("kill", "fork") },
);

describe.each(settings)("under $persistence, torn sectors $tornSectors", (setting) => {
  test.prop([fc.array(step, { maxLength: 40 })])(
    "until the power fails it is a plain file system, through kills and forks, and nothing is left to choose",
    (program) => {
      let disk = diskWithDirectory(setting);
      const plain = new Plain();
      for (const command of program) {
        if (command === "kill") disk.kill();
        else if (command === "fork") disk = disk.fork(NO_CHOICE);
        else expect(carryOut(disk, command)).toBe(plain.do(command));
      }
      const files = [...plain.files].map(([path, content]): [string, Uint8Array] => [
        path,
        Uint8Array.from(content),
      ]);
      expect(disk.files()).toEqual(new Map(files));
      expect(["/", ...disk.directories()]).toEqual([...plain.directories].sort());
      expect(disk.undecidedStates()).toBe(1n);
    },
  );
});

describe("the calls", () => {
  it("a write keeps the bytes it was given, whatever becomes of the array", () => {
    const disk = diskWithDirectory(SETTING);
    const source = bytes("abc");
    disk.open("/d/a", "create").write(source, 0);
    source.fill(0);
    expect(texts(disk)).toEqual({ "/d/a": "abc" });
  });

  it("a read fills only what it says it read", () => {
    const disk = diskWithDirectory(SETTING);
    const file = disk.open("/d/a", "create");
    file.write(bytes("abc"), 0);
    const target = bytes("------");
    expect(file.read(target, 1)).toBe(2);
    expect(Buffer.from(target).toString()).toBe("bc----");
    expect(file.read(target, 3)).toBe(0);
    expect(file.read(target, 99)).toBe(0);
  });

  it("a large read and a large write are like small ones", () => {
    const disk = diskWithDirectory({ ...SETTING, sectorBytes: 512 });
    const file = disk.open("/d/a", "create");
    const long = Uint8Array.from({ length: 5000 }, (_, i) => i);
    file.write(long, 100);
    file.sync();
    file.write(long.subarray(1000), 2000);
    const target = new Uint8Array(5000);
    expect(file.read(target, 300)).toBe(5000);
    const expected = new Uint8Array(6000);
    expected.set(long, 100);
    expected.set(long.subarray(1000), 2000);
    expect(Buffer.compare(target, expected.subarray(300, 5300))).toBe(0);
  });

  it("an open file goes on working under a new name and under none", () => {
    const disk = diskWithDirectory(SETTING);
    const file = disk.open("/d/a", "create");
    disk.rename("/d/a", "/d/b");
    file.write(bytes("x"), 0);
    expect(texts(disk)).toEqual({ "/d/b": "x" });
    disk.remove("/d/b");
    file.write(bytes("y"), 1);
    expect(file.size()).toBe(2);
    expect(texts(disk)).toEqual({});
  });

  it("a listing is sorted", () => {
    const disk = diskWithDirectory(SETTING);
    for (const name of ["c", "a", "b"]) disk.open(`/d/${name}`, "create");
    expect(disk.list("/d")).toEqual(["a", "b", "c"]);
    expect(disk.list("/")).toEqual(["d"]);
  });

  it("what cannot be done is refused with the POSIX code", () => {
    const disk = diskWithDirectory(SETTING);
    const file = disk.open("/d/a", "create");
    const reader = disk.open("/d/a", "read");
    const codes: [string, () => unknown][] = [
      ["ENOENT", () => disk.open("/d/b", "read")],
      ["ENOENT", () => disk.open("/d/b", "update")],
      ["ENOENT", () => disk.open("/e/b", "create")],
      [
        "ENOENT",
        () => {
          disk.remove("/d/b");
        },
      ],
      [
        "ENOENT",
        () => {
          disk.rename("/d/b", "/d/c");
        },
      ],
      [
        "ENOENT",
        () => {
          disk.rename("/d/b", "/d/b");
        },
      ],
      ["ENOENT", () => disk.list("/e")],
      [
        "ENOENT",
        () => {
          disk.makeDirectory("/e/f");
        },
      ],
      [
        "ENOENT",
        () => {
          disk.syncDirectory("/e");
        },
      ],
      ["ENOENT", () => disk.lock("/e/LOCK")],
      ["ENOTDIR", () => disk.open("/d/a/b", "create")],
      ["ENOTDIR", () => disk.list("/d/a")],
      ["EISDIR", () => disk.open("/d", "read")],
      ["EISDIR", () => disk.open("/d", "create")],
      [
        "EISDIR",
        () => {
          disk.remove("/d");
        },
      ],
      [
        "EISDIR",
        () => {
          disk.rename("/d", "/e");
        },
      ],
      [
        "EEXIST",
        () => {
          disk.makeDirectory("/d/a");
        },
      ],
      [
        "EXDEV",
        () => {
          disk.rename("/d/a", "/a");
        },
      ],
      ["EINVAL", () => disk.open("d/a", "read")],
      ["EINVAL", () => disk.open("a", "read")],
      ["EINVAL", () => disk.list("d")],
      ["EINVAL", () => disk.open("/d/..", "create")],
      ["EINVAL", () => disk.open("/d/../d/a", "read")],
      ["EINVAL", () => disk.open("/d//a", "read")],
      ["EINVAL", () => disk.open("/d/a/", "read")],
      ["EINVAL", () => disk.open("/d/.", "create")],
      ["EINVAL", () => file.write(bytes("x"), -1)],
      ["EINVAL", () => file.write(bytes("x"), 0.5)],
      ["EINVAL", () => file.read(new Uint8Array(1), -1)],
      [
        "EINVAL",
        () => {
          file.truncate(-1);
        },
      ],
      ["EBADF", () => reader.write(bytes("x"), 0)],
      [
        "EBADF",
        () => {
          reader.truncate(0);
        },
      ],
    ];
    for (const [code, call] of codes)
      expect(`${codeOf(call)} ${call.toString()}`).toBe(`${code} ${call.toString()}`);
  });

  it("a file is not renamed over a directory", () => {
    const disk = diskWithDirectory(SETTING);
    disk.open("/d/a", "create");
    disk.makeDirectory("/d/e");
    expect(
      codeOf(() => {
        disk.rename("/d/a", "/d/e");
      }),
    ).toBe("EISDIR");
    disk.syncDirectory("/d");
    expect(
      codeOf(() => {
        disk.rename("/d/a", "/d/e");
      }),
    ).toBe("EISDIR");
    expect(disk.list("/d")).toEqual(["a", "e"]);
  });

  it("an error names call and path, and is an Error", () => {
    const disk = diskWithDirectory(SETTING);
    const open = (): unknown => disk.open("/d/b", "read");
    expect(open).toThrow(Error);
    expect(open).toThrow("ENOENT: open /d/b");
  });

  it("a sector has at least one byte", () => {
    for (const sectorBytes of [0, -1, 1.5, NaN]) {
      const make = (): unknown => new SimulatedDisk({ ...SETTING, sectorBytes, choice: NO_CHOICE });
      expect(make).toThrow(RangeError);
    }
  });
});

describe("open files and locks", () => {
  it.each(["crash", "kill"] as const)("an open file is dead after a %s", (end) => {
    const disk = diskWithDirectory(SETTING);
    const file = disk.open("/d/a", "create");
    file.sync();
    disk.syncDirectory("/d");
    disk[end]();
    const calls = [
      () => file.size(),
      () => file.read(new Uint8Array(1), 0),
      () => file.write(bytes("x"), 0),
      () => {
        file.truncate(0);
      },
      () => {
        file.sync();
      },
      () => {
        file.close();
      },
    ];
    for (const call of calls) expect(codeOf(call)).toBe("EBADF");
    expect(texts(disk)).toEqual({ "/d/a": "" });
  });

  it("a closed file is dead", () => {
    const file = diskWithDirectory(SETTING).open("/d/a", "create");
    file.close();
    expect(codeOf(() => file.size())).toBe("EBADF");
    expect(
      codeOf(() => {
        file.close();
      }),
    ).toBe("EBADF");
  });

  it("a lock is exclusive until it is released, and leaves no file behind", () => {
    const disk = diskWithDirectory(SETTING);
    const lock = disk.lock("/d/LOCK");
    expect(disk.lock("/d/LOCK")).toBeUndefined();
    expect(disk.lock("/d/OTHER")).toBeDefined();
    void lock?.release();
    expect(codeOf(() => lock?.release())).toBe("EBADF");
    expect(disk.lock("/d/LOCK")).toBeDefined();
    expect(disk.list("/d")).toEqual([]);
  });

  it.each(["crash", "kill"] as const)(
    "a lock is gone after a %s, and its holder cannot release the next one",
    (end) => {
      const disk = diskWithDirectory(SETTING);
      const old = disk.lock("/d/LOCK");
      disk[end]();
      expect(disk.lock("/d/LOCK")).toBeDefined();
      expect(codeOf(() => old?.release())).toBe("EBADF");
      expect(disk.lock("/d/LOCK")).toBeUndefined();
    },
  );
});

describe("forks", () => {
  it("neither side sees what the other does", () => {
    const disk = diskWithDirectory(SETTING);
    const file = disk.open("/d/a", "create");
    file.write(bytes("both"), 0);
    const fork = disk.fork(NO_CHOICE);
    file.write(bytes("mine"), 0);
    disk.open("/d/m", "create");
    const theirs = fork.open("/d/a", "update");
    theirs.write(bytes("fork"), 0);
    theirs.sync();
    fork.rename("/d/a", "/d/f");
    fork.makeDirectory("/d/e");
    fork.open("/d/e/f", "create");
    expect(texts(disk)).toEqual({ "/d/a": "mine", "/d/m": "" });
    expect(texts(fork)).toEqual({ "/d/f": "fork", "/d/e/f": "" });
  });

  it("a decision on one side leaves the other undecided", () => {
    const disk = diskWithDirectory(SETTING);
    disk.open("/d/a", "create");
    disk.crash();
    const there = disk.fork({ choose: () => 0 });
    const gone = disk.fork({ choose: () => 1 });
    expect([there.list("/d"), gone.list("/d")]).toEqual([["a"], []]);
    expect([disk.undecidedStates(), there.undecidedStates(), gone.undecidedStates()]).toEqual([2n, 1n, 1n]);
  });

  it("a fork has neither the open files nor the locks nor the observers", () => {
    const disk = diskWithDirectory(SETTING);
    const seen: string[] = [];
    disk.onChange = (what): void => void seen.push(callText(what));
    disk.onCall = (what): void => void seen.push(callText(what));
    disk.lock("/d/LOCK");
    seen.length = 0;
    const fork = disk.fork(NO_CHOICE);
    expect(fork.lock("/d/LOCK")).toBeDefined();
    fork.open("/d/a", "create");
    expect(seen).toEqual([]);
  });
});

describe("the step budget", () => {
  const limited = (): SimulatedDisk => {
    const disk = new SimulatedDisk({ ...SETTING, choice: NO_CHOICE, stepsMax: 10 });
    disk.makeDirectory("/d");
    return disk;
  };

  it("ends an endless loop", () => {
    const disk = limited();
    const file = disk.open("/d/a", "create");
    let calls = 0;
    const loop = (): void => {
      for (;;) {
        file.size();
        calls++;
      }
    };
    expect(loop).toThrow(StepBudgetExceeded);
    expect(calls).toBe(8);
  });

  it("counts every call, refused or not", () => {
    const calls: ((disk: Disk) => unknown)[] = [
      (disk) => disk.open("/d/b", "read"),
      (disk) => disk.rename("/d/b", "/d/c"),
      (disk) => disk.remove("/d/b"),
      (disk) => disk.list("/"),
      (disk) => disk.makeDirectory("/d"),
      (disk) => disk.syncDirectory("/d"),
      (disk) => disk.lock("/d/LOCK"),
    ];
    for (const call of calls) {
      const disk = limited();
      const loop = (): void => {
        for (let i = 0; i < 10; i++) {
          try {
            call(disk);
          } catch (error) {
            if (!(error instanceof DiskError)) throw error;
          }
        }
      };
      expect(loop).toThrow(StepBudgetExceeded);
    }
  });

  it("begins anew with a crash, a kill and a fork", () => {
    const disk = limited();
    const spend = (on: SimulatedDisk): void => {
      for (let i = 0; i < 10; i++) on.makeDirectory("/");
    };
    disk.kill();
    spend(disk);
    spend(disk.fork(NO_CHOICE));
    disk.crash();
    spend(disk);
    expect(() => {
      spend(disk);
    }).toThrow("more than 10 disk calls");
  });
});

describe("the observers", () => {
  it("onChange hears of every call that changed something, after it did", () => {
    const disk = new SimulatedDisk({ ...SETTING, choice: NO_CHOICE });
    const seen: string[] = [];
    disk.onChange = (what): void => {
      seen.push(`${callText(what)}: ${JSON.stringify(texts(disk.fork(NO_CHOICE)))}`);
    };
    disk.makeDirectory("/d");
    disk.makeDirectory("/d");
    disk.syncDirectory("/");
    disk.syncDirectory("/");
    const file = disk.open("/d/a", "create");
    file.write(bytes("abc"), 0);
    file.write(bytes(""), 0);
    file.sync();
    file.sync();
    file.truncate(1);
    file.truncate(1);
    disk.open("/d/a", "create");
    disk.open("/d/a", "create");
    disk.rename("/d/a", "/d/a");
    disk.rename("/d/a", "/d/b");
    disk.remove("/d/b");
    disk.syncDirectory("/d");
    disk.list("/d");
    file.close();
    expect(seen).toEqual([
      "make directory /d: {}",
      "sync directory /: {}",
      'create /d/a: {"/d/a":""}',
      'write /d/a [0..3): {"/d/a":"abc"}',
      'sync /d/a: {"/d/a":"abc"}',
      'truncate /d/a to 1: {"/d/a":"a"}',
      'create /d/a: {"/d/a":""}',
      'rename /d/a to /d/b: {"/d/b":""}',
      "remove /d/b: {}",
      "sync directory /d: {}",
    ]);
  });

  it("onCall hears of every call, before it is carried out", () => {
    const disk = new SimulatedDisk({ ...SETTING, choice: NO_CHOICE });
    const seen: string[] = [];
    disk.onCall = (what): void => void seen.push(callText(what));
    disk.makeDirectory("/d");
    disk.syncDirectory("/");
    expect(codeOf(() => disk.open("/d/a", "read"))).toBe("ENOENT");
    const file = disk.open("/d/a", "create");
    disk.open("/d/a", "update");
    file.write(bytes("abc"), 2);
    file.read(new Uint8Array(4), 1);
    file.size();
    file.truncate(1);
    file.sync();
    file.close();
    disk.rename("/d/a", "/d/b");
    disk.list("/d");
    disk.remove("/d/b");
    void disk.lock("/d/LOCK")?.release();
    expect(seen).toEqual([
      "make directory /d",
      "sync directory /",
      "open to read /d/a",
      "create /d/a",
      "open to update /d/a",
      "write /d/a [2..5)",
      "read /d/a [1..5)",
      "size of /d/a",
      "truncate /d/a to 1",
      "sync /d/a",
      "close /d/a",
      "rename /d/a to /d/b",
      "list /d",
      "remove /d/b",
      "lock /d/LOCK",
      "release /d/LOCK",
    ]);
  });
});
