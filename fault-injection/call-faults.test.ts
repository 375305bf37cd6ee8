/**
 * Calls that fail: each kind of call, each kind of fault, and the hooks that count.
 */
import { callText, type DiskCall } from "./disk-call.ts";
import { describe, expect, it } from "vitest";
import type { DiskLock } from "../src/disk/disk.ts";
import { type CallFault, failFrom, failOnce } from "./call-faults.ts";
import { DiskError } from "./disk-error.ts";
import type { OpenFile } from "./open-file.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import { diskWithDirectory, look, NO_CHOICE } from "./testing.ts";

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

interface Scene {
  readonly disk: SimulatedDisk;
  readonly file: OpenFile;
  readonly lock: DiskLock | undefined;
}

/** A durable file "/d/a" that is open, and a lock that is held. */
function scene(): Scene {
  const disk = diskWithDirectory(SETTING);
  const file = disk.open("/d/a", "create");
  file.write(bytes("abcdef"), 0);
  file.sync();
  disk.syncDirectory("/d");
  return { disk, file, lock: disk.lock("/d/LOCK") };
}

function textOf(disk: SimulatedDisk): string {
  return Buffer.from(disk.files().get("/d/a") ?? []).toString();
}

const CALLS: readonly [DiskCall, (scene: Scene) => unknown][] = [
  [{ kind: "open", path: "/d/b", mode: "create" }, ({ disk }) => disk.open("/d/b", "create")],
  [{ kind: "open", path: "/d/a", mode: "update" }, ({ disk }) => disk.open("/d/a", "update")],
  [{ kind: "size", path: "/d/a" }, ({ file }) => file.size()],
  [{ kind: "read", path: "/d/a", position: 1, length: 3 }, ({ file }) => file.read(new Uint8Array(3), 1)],
  [{ kind: "write", path: "/d/a", position: 2, length: 2 }, ({ file }) => file.write(bytes("xy"), 2)],
  [
    { kind: "truncate", path: "/d/a", size: 1 },
    ({ file }) => {
      file.truncate(1);
    },
  ],
  [
    { kind: "sync", path: "/d/a" },
    ({ file }) => {
      file.sync();
    },
  ],
  [
    { kind: "rename", path: "/d/a", to: "/d/b" },
    ({ disk }) => {
      disk.rename("/d/a", "/d/b");
    },
  ],
  [
    { kind: "remove", path: "/d/a" },
    ({ disk }) => {
      disk.remove("/d/a");
    },
  ],
  [{ kind: "list", path: "/d" }, ({ disk }) => disk.list("/d")],
  [
    { kind: "make directory", path: "/d/e" },
    ({ disk }) => {
      disk.makeDirectory("/d/e");
    },
  ],
  [
    { kind: "sync directory", path: "/d" },
    ({ disk }) => {
      disk.syncDirectory("/d");
    },
  ],
  [{ kind: "lock", path: "/d/OTHER" }, ({ disk }) => disk.lock("/d/OTHER")],
  [
    { kind: "close", path: "/d/a" },
    ({ file }) => {
      file.close();
    },
  ],
  [{ kind: "release", path: "/d/LOCK" }, ({ lock }) => lock?.release()],
];

describe.each(CALLS)("%o", (call, make) => {
  it.each(["EIO", "ENOSPC"] as const)("fails with %s and changes nothing", (fails) => {
    const made = scene();
    const { disk } = made;
    const before = [disk.key(), look(disk)];
    const asked: DiskCall[] = [];
    const changes: string[] = [];
    disk.onChange = (change) => changes.push(callText(change));
    disk.onFault = (described) => {
      asked.push(described);
      return { fails };
    };
    expect(codeOf(() => make(made))).toBe(fails);
    expect(asked).toEqual([call]);
    disk.onFault = undefined;
    expect([disk.key(), look(disk)]).toEqual(before);
    expect(changes).toEqual([]);
  });

  it("is asked about and carried out if the hook lets it be", () => {
    const made = scene();
    const asked: DiskCall[] = [];
    made.disk.onFault = (described) => {
      asked.push(described);
      return undefined;
    };
    const plain = scene();
    const [result, expected] = [make(made), make(plain)];
    if (typeof expected !== "object") expect(result).toBe(expected);
    expect(asked).toEqual([call]);
    expect(made.disk.key()).toBe(plain.disk.key());
  });

  it("refuses faults that are not its own", () => {
    const { kind } = call;
    const foreign: CallFault[] = [];
    if (kind !== "write") foreign.push({ short: 0 }, { fails: "EIO", after: 0 });
    if (kind !== "sync") foreign.push({ fails: "EIO", pages: "clean" });
    for (const fault of foreign) {
      const made = scene();
      made.disk.onFault = () => fault;
      expect(() => make(made)).toThrow(RangeError);
    }
  });
});

it("a file is closed even if closing fails", () => {
  const { disk, file } = scene();
  disk.onFault = () => ({ fails: "EIO" });
  expect(
    codeOf(() => {
      file.close();
    }),
  ).toBe("EIO");
  expect(codeOf(() => file.size())).toBe("EBADF");
});

it("a lock is released even if releasing fails", () => {
  const { disk, lock } = scene();
  disk.onFault = failOnce(1, { fails: "EIO" }).hook;
  expect(codeOf(() => lock?.release())).toBe("EIO");
  expect(disk.lock("/d/LOCK")).toBeDefined();
});

it("a lock that failed is not held", () => {
  const { disk } = scene();
  disk.onFault = failOnce(1, { fails: "EIO" }).hook;
  expect(codeOf(() => disk.lock("/d/OTHER"))).toBe("EIO");
  expect(disk.lock("/d/OTHER")).toBeDefined();
});

it("a call on a file that is not open is refused without asking", () => {
  const { disk, file } = scene();
  file.close();
  disk.onFault = () => ({ fails: "EIO" });
  expect(codeOf(() => file.size())).toBe("EBADF");
});

it("forks begin without a hook", () => {
  const { disk } = scene();
  disk.onFault = () => ({ fails: "EIO" });
  expect(disk.fork(NO_CHOICE).onFault).toBeUndefined();
});

describe("a write", () => {
  it.each([0, 1, 2])("that is short writes %i bytes and says so", (short) => {
    const { disk, file } = scene();
    const changes: string[] = [];
    disk.onChange = (change) => changes.push(callText(change));
    disk.onFault = () => ({ short });
    expect(file.write(bytes("xyz"), 1)).toBe(short);
    disk.onFault = undefined;
    expect(textOf(disk)).toBe(`a${"xyz".slice(0, short)}${"bcdef".slice(short)}`);
    expect(changes).toEqual(short === 0 ? [] : [`write /d/a [1..${1 + short})`]);
  });

  it.each([0, 1, 2])("that fails after %i bytes has written them", (after) => {
    const { disk, file } = scene();
    disk.onFault = () => ({ fails: "ENOSPC", after });
    expect(codeOf(() => file.write(bytes("xyz"), 5))).toBe("ENOSPC");
    disk.onFault = undefined;
    expect(textOf(disk)).toBe(`abcde${after === 0 ? "f" : "xyz".slice(0, after)}`);
  });

  it.each<CallFault>([{ short: 3 }, { short: -1 }, { short: 0.5 }, { fails: "EIO", after: 3 }])(
    "of 3 bytes cannot have the fault %o",
    (fault) => {
      const { disk, file } = scene();
      disk.onFault = () => fault;
      expect(() => file.write(bytes("xyz"), 0)).toThrow(RangeError);
    },
  );

  it("of nothing can fail, and cannot be short", () => {
    const { disk, file } = scene();
    disk.onFault = () => ({ fails: "EIO" });
    expect(codeOf(() => file.write(bytes(""), 0))).toBe("EIO");
    disk.onFault = () => ({ short: 0 });
    expect(() => file.write(bytes(""), 0)).toThrow(RangeError);
  });
});

describe("hooks that count", () => {
  const isWrite = ({ kind }: DiskCall): boolean => kind === "write";
  /** What five writes with a call of another kind between them return. */
  function fiveWrites(hook: ReturnType<typeof failOnce>["hook"]): string[] {
    const { disk, file } = scene();
    disk.onFault = hook;
    return [0, 1, 2, 3, 4].map((position) => {
      file.size();
      return codeOf(() => file.write(bytes("x"), position));
    });
  }
  const [fine, full] = ["no error", "ENOSPC"];

  it("fail the n-th call that matches, once", () => {
    const fault = failOnce(2, { fails: "ENOSPC" }, isWrite);
    expect(fiveWrites(fault.hook)).toEqual([fine, full, fine, fine, fine]);
    expect([fault.counted, fault.failed]).toEqual([5, 1]);
  });

  it("fail the n-th call that matches, and all after it", () => {
    const fault = failFrom(4, { fails: "ENOSPC" }, isWrite);
    expect(fiveWrites(fault.hook)).toEqual([fine, fine, fine, full, full]);
    expect([fault.counted, fault.failed]).toEqual([5, 2]);
  });

  it("count every call where nothing is said about which", () => {
    const fault = failOnce(11, { fails: "EIO" });
    expect(fiveWrites(fault.hook)).not.toContain("EIO");
    expect([fault.counted, fault.failed]).toEqual([10, 0]);
  });

  it("can make the fault for the call", () => {
    const fault = failOnce(
      1,
      (call) => (call.kind === "write" ? { short: call.length - 1 } : undefined),
      isWrite,
    );
    const { disk, file } = scene();
    disk.onFault = fault.hook;
    expect(file.write(bytes("wxyz"), 0)).toBe(3);
  });
});
