/**
 * `NodeDisk` on a real file system, in temporary directories; what a file system does not do on request
 * (short transfers, interrupted calls, failing syncs, Windows) is put in the place of the call in `node:fs`.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as extensions from "fs-native-extensions";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { DiskFile } from "./disk.ts";
import { NodeDisk } from "./node-disk.ts";

vi.mock("fs-native-extensions", async (original) => {
  const real = await original<typeof extensions>();
  return { tryLock: vi.fn(real.tryLock) };
});

const MIB = 2 ** 20;
const disk = new NodeDisk();
const children: ChildProcess[] = [];
let directory = "";
let at: (name: string) => string;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(tmpdir(), "node-disk-"));
  at = (name) => `${directory}/${name}`;
});

afterEach(async () => {
  vi.restoreAllMocks();
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
  fs.rmSync(directory, { recursive: true, force: true });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (content: Uint8Array): string => new TextDecoder().decode(content);
const contentOf = (name: string): string => fs.readFileSync(at(name), "utf8");
const isRoot = process.getuid?.() === 0;

async function create(name: string, content = ""): Promise<DiskFile> {
  const file = disk.open(at(name), "create");
  expect(await file.write(bytes(content), 0)).toBe(content.length);
  return file;
}

/** What the call failed with, thrown or rejected. */
async function failure(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return undefined;
}

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: on purpose`), { code });
}

/** The callback forms in `node:fs`, of which a spy sees only one overload. */
type Callback = (error: Error | null, count?: number) => void;

describe("open", () => {
  test("`create` makes an empty file, also of one that was there", async () => {
    await (await create("a", "old")).close();
    const file = disk.open(at("a"), "create");
    expect(file.size()).toBe(0);
    expect(await file.write(bytes("new"), 0)).toBe(3);
    const read = new Uint8Array(3);
    expect(await file.read(read, 0)).toBe(3);
    expect(text(read)).toBe("new");
    await file.close();
  });

  test("`update` reads and writes what is there", async () => {
    await (await create("a", "hello")).close();
    const file = disk.open(at("a"), "update");
    await file.write(bytes("J"), 0);
    expect(file.size()).toBe(5);
    await file.close();
    expect(contentOf("a")).toBe("Jello");
  });

  test("`read` reads, and refuses to write with EBADF", async () => {
    await (await create("a", "hello")).close();
    const file = disk.open(at("a"), "read");
    const target = new Uint8Array(5);
    expect(await file.read(target, 0)).toBe(5);
    expect(text(target)).toBe("hello");
    expect(await failure(() => file.write(bytes("J"), 0))).toMatchObject({ code: "EBADF" });
    expect(await failure(() => file.write(new Uint8Array(MIB + 1), 0))).toMatchObject({ code: "EBADF" });
    expect(await failure(() => file.truncate(0))).toMatchObject({ code: "EINVAL" });
    await file.close();
    expect(contentOf("a")).toBe("hello");
  });

  test("`dataFrom` is where the next data is, as far as the disk was given means to ask", async () => {
    await (await create("a", "hello")).close();
    const asked: number[] = [];
    const knowing = new NodeDisk((fd, position) => {
      expect(fs.fstatSync(fd).size).toBe(5);
      asked.push(position);
      return position < 3 ? 3 : position < 4 ? undefined : Number.POSITIVE_INFINITY;
    });
    const file = knowing.open(at("a"), "read");
    expect([0, 3, 4].map((position) => file.dataFrom?.(position))).toStrictEqual([3, 3, Infinity]);
    expect(asked).toStrictEqual([0, 3, 4]);
    expect(await failure(() => file.dataFrom?.(-1))).toMatchObject({ code: "EINVAL" });
    await file.close();
    const other = disk.open(at("a"), "read");
    expect(other.dataFrom?.(2)).toBe(2);
    await other.close();
  });

  test("a missing file is ENOENT to `read` and `update`, a missing directory to all", async () => {
    for (const mode of ["read", "update"] as const) {
      expect(await failure(() => disk.open(at("a"), mode))).toMatchObject({ code: "ENOENT" });
    }
    expect(await failure(() => disk.open(at("no/a"), "create"))).toMatchObject({ code: "ENOENT" });
    expect(fs.readdirSync(directory)).toStrictEqual([]);
  });

  const MODES = ["read", "update", "create"] as const;

  test("a directory is EISDIR, whatever for", async () => {
    for (const mode of MODES) {
      expect(await failure(() => disk.open(directory, mode))).toMatchObject({ code: "EISDIR" });
    }
  });

  test("a FIFO, a socket and a device are ENXIO at once, whatever for", async () => {
    execFileSync("mkfifo", [at("fifo")]);
    const server = createServer().listen(at("socket"));
    await once(server, "listening");
    try {
      for (const mode of MODES) {
        for (const file of [at("fifo"), at("socket"), "/dev/null"]) {
          expect(await failure(() => disk.open(file, mode))).toMatchObject({ code: "ENXIO" });
        }
      }
    } finally {
      server.close();
    }
  });

  test("a link is followed to read and not to write, wherever it leads", async () => {
    await (await create("a", "hello")).close();
    for (const [link, target] of [
      ["file", "a"],
      ["nowhere", "missing"],
      ["directory", "."],
      ["loop", "loop"],
    ] as const) {
      fs.symlinkSync(at(target), at(link));
      for (const mode of ["update", "create"] as const) {
        const error = await failure(() => disk.open(at(link), mode));
        expect(error).toMatchObject({ code: "ELOOP", path: at(link) });
        expect(String(error)).toContain("symbolic link");
      }
    }
    const file = disk.open(at("file"), "read");
    expect(file.size()).toBe(5);
    await file.close();
    expect(await failure(() => disk.open(at("nowhere"), "read"))).toMatchObject({ code: "ENOENT" });
    expect(await failure(() => disk.open(at("directory"), "read"))).toMatchObject({ code: "EISDIR" });
    expect(await failure(() => disk.open(at("loop"), "read"))).toMatchObject({ code: "ELOOP" });
    expect(fs.existsSync(at("missing"))).toBe(false);
    expect(contentOf("a")).toBe("hello");
  });

  test("what is refused is closed again", async () => {
    const [open, close] = [vi.spyOn(fs, "openSync"), vi.spyOn(fs, "closeSync")];
    await failure(() => disk.open(directory, "read"));
    expect(close.mock.calls).toStrictEqual([[open.mock.results[0]?.value]]);
  });

  test.skipIf(isRoot)("a file without permission is EACCES", async () => {
    await (await create("a")).close();
    fs.chmodSync(at("a"), 0);
    expect(await failure(() => disk.open(at("a"), "read"))).toMatchObject({ code: "EACCES" });
  });

  test("new files get mode 0666 and new directories 0777, less the umask", async () => {
    // A worker thread may not set the umask of its process: it is read off a file that Node makes.
    fs.writeFileSync(at("reference"), "");
    fs.mkdirSync(at("reference-directory"));
    await (await create("a")).close();
    disk.makeDirectory(at("d"));
    await disk.lock(at("LOCK"))?.release();
    const mode = (name: string): number => fs.statSync(at(name)).mode;
    expect(mode("a")).toBe(mode("reference"));
    expect(mode("LOCK")).toBe(mode("reference"));
    expect(mode("d")).toBe(mode("reference-directory"));
  });
});

describe("read", () => {
  test("fills the target from a position; fewer bytes only where the file ends", async () => {
    const file = await create("a", "0123456789");
    const target = new Uint8Array(4);
    expect(await file.read(target, 3)).toBe(4);
    expect(text(target)).toBe("3456");
    expect(await file.read(target, 8)).toBe(2);
    expect(text(target)).toBe("8956");
    expect(await file.read(target, 10)).toBe(0);
    expect(await file.read(target, 1000)).toBe(0);
    expect(await file.read(new Uint8Array(0), 0)).toBe(0);
    await file.close();
  });

  test("fills exactly what a view shows", async () => {
    const file = await create("a", "0123456789");
    const whole = new Uint8Array(6);
    expect(await file.read(whole.subarray(2, 4), 5)).toBe(2);
    expect([...whole]).toStrictEqual([0, 0, 0x35, 0x36, 0, 0]);
    await file.close();
  });

  test.each([MIB, MIB + 1])(
    "%i bytes: is in one piece with a write, also where the file ends early",
    async (size) => {
      const file = await create("a");
      const content = Uint8Array.from({ length: size }, (_, index) => index % 251);
      expect(await file.write(content, 7)).toBe(size);
      expect(file.size()).toBe(size + 7);
      const target = new Uint8Array(size);
      expect(await file.read(target, 7)).toBe(size);
      expect(Buffer.compare(target, content)).toBe(0);
      expect(await file.read(target, 8)).toBe(size - 1);
      expect(await file.read(target, size + 7)).toBe(0);
      await file.close();
    },
  );

  test.each([10, MIB + 1])(
    "%i bytes: goes on after the system read less, or was interrupted",
    async (size) => {
      const file = await create("a");
      const content = Uint8Array.from({ length: size }, (_, index) => index % 251);
      await file.write(content, 0);
      const { readSync, read } = fs;
      let calls = 0;
      vi.spyOn(fs, "readSync").mockImplementation(((
        fd: number,
        ...[target, from, count, position]: [Uint8Array, number, number, number]
      ) => {
        if (++calls % 2 === 0) throw systemError("EINTR");
        return readSync(fd, target, from, Math.min(count, 3), position);
      }) as typeof fs.readSync);
      vi.spyOn(fs, "read").mockImplementation(((
        fd: number,
        target: Uint8Array,
        from: number,
        count: number,
        position: number,
        done: Callback,
      ) => {
        if (++calls % 2 === 0) done(systemError("EINTR"));
        else read(fd, target, from, Math.min(count, 400_000), position, done);
      }) as typeof fs.read);
      const target = new Uint8Array(size);
      expect(await file.read(target, 0)).toBe(size);
      expect(Buffer.compare(target, content)).toBe(0);
      expect(calls).toBeGreaterThan(4);
      await file.close();
    },
  );

  test.each([10, MIB + 1])("%i bytes: any other error is Node's own", async (size) => {
    const file = await create("a");
    const error = systemError("EIO");
    vi.spyOn(fs, "readSync").mockImplementation(() => {
      throw error;
    });
    vi.spyOn(fs, "read").mockImplementation((...all: unknown[]) => {
      (all.at(-1) as Callback)(error);
    });
    expect(await failure(() => file.read(new Uint8Array(size), 0))).toBe(error);
    await file.close();
  });
});

describe("write", () => {
  test("leaves a gap behind the old end, which reads as zeros", async () => {
    const file = await create("a", "ab");
    expect(await file.write(bytes("z"), 5)).toBe(1);
    expect(await file.write(new Uint8Array(0), 9)).toBe(0);
    await file.close();
    expect(contentOf("a")).toBe("ab\0\0\0z");
  });

  test("takes exactly what a view shows", async () => {
    const file = await create("a");
    expect(await file.write(bytes("0123456789").subarray(3, 6), 0)).toBe(3);
    await file.close();
    expect(contentOf("a")).toBe("345");
  });

  test("positions beyond 4 GiB are not cut", async () => {
    const file = await create("a");
    expect(await file.write(bytes("end"), 2 ** 33)).toBe(3);
    expect(file.size()).toBe(2 ** 33 + 3);
    const target = new Uint8Array(3);
    expect(await file.read(target, 2 ** 33)).toBe(3);
    expect(text(target)).toBe("end");
    await file.close();
  });

  test("up to 1 MiB is answered at once, more with a promise", async () => {
    const file = await create("a");
    expect(file.write(new Uint8Array(MIB), 0)).toBe(MIB);
    expect(file.read(new Uint8Array(MIB), 0)).toBe(MIB);
    const [write, read] = [file.write(new Uint8Array(MIB + 1), 0), file.read(new Uint8Array(MIB + 1), 0)];
    expect(write).toBeInstanceOf(Promise);
    expect(read).toBeInstanceOf(Promise);
    expect(await write).toBe(MIB + 1);
    await read;
    await file.close();
  });

  test.each([10, MIB + 1])("%i bytes: a short write is answered as it is, not continued", async (size) => {
    const file = await create("a");
    const { writeSync, write } = fs;
    const sync = vi
      .spyOn(fs, "writeSync")
      .mockImplementation(((fd: number, source: Uint8Array, from: number, count: number, position: number) =>
        writeSync(fd, source, from, count - 4, position)) as typeof fs.writeSync);
    const elsewhere = vi.spyOn(fs, "write").mockImplementation(((
      fd: number,
      source: Uint8Array,
      from: number,
      count: number,
      position: number,
      done: Callback,
    ) => {
      write(fd, source, from, count - 4, position, done);
    }) as typeof fs.write);
    expect(await file.write(new Uint8Array(size).fill(1), 0)).toBe(size - 4);
    expect(sync.mock.calls.length + elsewhere.mock.calls.length).toBe(1);
    expect(file.size()).toBe(size - 4);
    await file.close();
  });

  test("asks for no more than one system call transfers", async () => {
    const file = await create("a");
    const asked: number[] = [];
    const answer = (
      ...[, , , count, , done]: [number, Uint8Array, number, number, number, Callback]
    ): void => {
      asked.push(count);
      done(null, count);
    };
    vi.spyOn(fs, "write").mockImplementation(answer as typeof fs.write);
    vi.spyOn(fs, "read").mockImplementation(answer as typeof fs.read);
    // Zeroed on demand: not a byte of it is touched.
    const large = new Uint8Array(0x7ffff000 + 5);
    expect(await file.write(large, 0)).toBe(0x7ffff000);
    expect(await file.read(large, 0)).toBe(large.length);
    expect(asked).toStrictEqual([0x7ffff000, 0x7ffff000, 5]);
    await file.close();
  });

  test.each([10, MIB + 1])("%i bytes: a full disk is ENOSPC", async (size) => {
    const file = await create("a");
    vi.spyOn(fs, "writeSync").mockImplementation(() => {
      throw systemError("ENOSPC");
    });
    vi.spyOn(fs, "write").mockImplementation((...all: unknown[]) => {
      (all.at(-1) as Callback)(systemError("ENOSPC"));
    });
    expect(await failure(() => file.write(new Uint8Array(size), 0))).toMatchObject({ code: "ENOSPC" });
    await file.close();
  });
});

describe("truncate", () => {
  test("cuts the file, or extends it with zeros", async () => {
    const file = await create("a", "hello");
    await file.truncate(2);
    expect(contentOf("a")).toBe("he");
    await file.truncate(4);
    expect(contentOf("a")).toBe("he\0\0");
    expect(file.size()).toBe(4);
    await file.close();
  });
});

test.each([-1, 1.5, Number.NaN, Infinity, 2 ** 53])(
  "a position or size of %d is EINVAL, and changes nothing",
  async (position) => {
    const file = await create("a", "hello");
    for (const size of [1, MIB + 1]) {
      expect(await failure(() => file.read(new Uint8Array(size), position))).toMatchObject({
        code: "EINVAL",
      });
      expect(await failure(() => file.write(new Uint8Array(size), position))).toMatchObject({
        code: "EINVAL",
      });
    }
    expect(await failure(() => file.truncate(position))).toMatchObject({ code: "EINVAL", path: at("a") });
    await file.close();
    expect(contentOf("a")).toBe("hello");
  },
);

describe("sync", () => {
  test("is `fdatasync` of the file, in another thread", async () => {
    const file = await create("a", "hello");
    const [fdatasync, fstat] = [vi.spyOn(fs, "fdatasync"), vi.spyOn(fs, "fstatSync")];
    await file.size();
    await file.sync();
    expect(fdatasync.mock.calls.map(([fd]) => fd)).toStrictEqual([fstat.mock.calls[0]?.[0]]);
    await file.close();
  });

  test("fails as the system does", async () => {
    const file = await create("a", "hello");
    vi.spyOn(fs, "fdatasync").mockImplementation((_fd, done) => {
      done(systemError("EIO"));
    });
    expect(await failure(() => file.sync())).toMatchObject({ code: "EIO" });
    await file.close();
  });
});

describe("close", () => {
  test("closes the descriptor once; again does nothing, for the number may be another file's", async () => {
    const close = vi.spyOn(fs, "closeSync");
    const file = await create("a", "hello");
    await file.close();
    const other = await create("b", "other");
    await file.close();
    expect(close).toHaveBeenCalledTimes(1);
    expect(other.size()).toBe(5);
    await other.close();
  });

  test("every other call on a closed file is EBADF, and touches no other file", async () => {
    const file = await create("a", "hello");
    await file.close();
    const other = await create("b", "other");
    for (const call of [
      () => file.size(),
      () => file.read(new Uint8Array(1), 0),
      () => file.read(new Uint8Array(MIB + 1), 0),
      () => file.write(bytes("x"), 0),
      () => file.write(new Uint8Array(MIB + 1), 0),
      () => file.truncate(0),
      () => file.sync(),
      () => file.dataFrom?.(0),
    ]) {
      expect(await failure(call)).toMatchObject({ code: "EBADF", path: at("a") });
    }
    await other.close();
    expect(contentOf("b")).toBe("other");
  });

  test.each<[string, (file: DiskFile) => unknown]>([
    ["sync", (file) => file.sync()],
    ["long read", (file) => file.read(new Uint8Array(MIB + 1), 0)],
    ["long write", (file) => file.write(new Uint8Array(MIB + 1), 0)],
  ])("waits for each %s under way, however it ends", async (_, call) => {
    const file = await create("a", "hello");
    const close = vi.spyOn(fs, "closeSync");
    const pending: Callback[] = [];
    const hold = (...all: unknown[]): void => {
      pending.push(all.at(-1) as Callback);
    };
    vi.spyOn(fs, "fdatasync").mockImplementation(hold);
    vi.spyOn(fs, "read").mockImplementation(hold);
    vi.spyOn(fs, "write").mockImplementation(hold);
    const calls = [failure(() => call(file)), failure(() => call(file))];
    const closed = file.close();
    expect(file.close()).toBe(closed);
    expect(await failure(() => call(file))).toMatchObject({ code: "EBADF" });
    pending[0]?.(systemError("EIO"));
    expect(await calls[0]).toMatchObject({ code: "EIO" });
    expect(close).not.toHaveBeenCalled();
    pending[1]?.(null, 0);
    expect(await calls[1]).toBeUndefined();
    await closed;
    expect(close).toHaveBeenCalledTimes(1);
    await file.close();
    expect(close).toHaveBeenCalledTimes(1);
  });

  test("a long write under way when the file is closed arrives whole", async () => {
    const file = await create("a");
    const written = file.write(new Uint8Array(4 * MIB).fill(0x61), 0);
    const closed = file.close();
    const other = await create("b", "other");
    expect(await written).toBe(4 * MIB);
    await closed;
    await other.close();
    expect(fs.statSync(at("a")).size).toBe(4 * MIB);
    expect(contentOf("b")).toBe("other");
  });

  test("waits no longer for calls that have ended", async () => {
    const file = await create("a");
    await file.sync();
    await file.write(new Uint8Array(MIB + 1), 0);
    vi.spyOn(fs, "fdatasync").mockImplementationOnce((_fd, done) => {
      done(systemError("EIO"));
    });
    await failure(() => file.sync());
    expect(file.close()).toBeUndefined();
  });
});

describe("names", () => {
  test("rename replaces what has the new name", async () => {
    await (await create("a", "new")).close();
    await (await create("b", "old")).close();
    disk.rename(at("a"), at("b"));
    expect(disk.list(directory)).toStrictEqual(["b"]);
    expect(contentOf("b")).toBe("new");
    expect(
      await failure(() => {
        disk.rename(at("a"), at("b"));
      }),
    ).toMatchObject({ code: "ENOENT" });
    expect(contentOf("b")).toBe("new");
  });

  test("remove removes a file, and no directory", async () => {
    await (await create("a")).close();
    disk.remove(at("a"));
    expect(disk.list(directory)).toStrictEqual([]);
    expect(
      await failure(() => {
        disk.remove(at("a"));
      }),
    ).toMatchObject({ code: "ENOENT" });
    const code = expect.stringMatching(/^(EISDIR|EPERM)$/) as unknown;
    expect(
      await failure(() => {
        disk.remove(directory);
      }),
    ).toMatchObject({ code });
  });

  test("list names everything in a directory; a missing one is ENOENT, a file ENOTDIR", async () => {
    await (await create("a")).close();
    disk.makeDirectory(at("d"));
    expect(disk.list(directory).sort()).toStrictEqual(["a", "d"]);
    expect(disk.list(at("d"))).toStrictEqual([]);
    expect(await failure(() => disk.list(at("no")))).toMatchObject({ code: "ENOENT" });
    expect(await failure(() => disk.list(at("a")))).toMatchObject({ code: "ENOTDIR" });
  });

  test("list of a link is ELOOP, also of one to a directory", async () => {
    disk.makeDirectory(at("d"));
    fs.symlinkSync(at("d"), at("link"));
    expect(await failure(() => disk.list(at("link")))).toMatchObject({ code: "ELOOP" });
  });

  test("rename and remove act on a link, not on where it leads; rename moves a directory, too", async () => {
    await (await create("a", "kept")).close();
    fs.symlinkSync(at("a"), at("link"));
    disk.rename(at("link"), at("moved"));
    expect(fs.readlinkSync(at("moved"))).toBe(at("a"));
    disk.remove(at("moved"));
    disk.makeDirectory(at("d"));
    disk.rename(at("d"), at("e"));
    expect(disk.list(directory).sort()).toStrictEqual(["a", "e"]);
    expect(contentOf("a")).toBe("kept");
  });

  test("makeDirectory makes one directory; an existing one is no error", async () => {
    disk.makeDirectory(at("d"));
    await (await create("d/a")).close();
    disk.makeDirectory(at("d"));
    expect(disk.list(at("d"))).toStrictEqual(["a"]);
    expect(
      await failure(() => {
        disk.makeDirectory(at("no/d"));
      }),
    ).toMatchObject({ code: "ENOENT" });
  });

  test("makeDirectory where something else has the name is EEXIST", async () => {
    await (await create("a")).close();
    fs.symlinkSync(at("nowhere"), at("dangling"));
    disk.makeDirectory(at("d"));
    fs.symlinkSync(at("d"), at("link"));
    for (const name of ["a", "dangling", "link"]) {
      expect(
        await failure(() => {
          disk.makeDirectory(at(name));
        }),
      ).toMatchObject({ code: "EEXIST" });
    }
  });
});

describe("resolve", () => {
  test("gives an absolute path without links, also of what is not there yet", () => {
    const real = fs.realpathSync(directory);
    fs.mkdirSync(at("d"));
    fs.symlinkSync(at("d"), at("link"));
    expect(disk.resolve(at("link"))).toBe(`${real}/d`);
    expect(disk.resolve(`${at("link")}/new`)).toBe(`${real}/d/new`);
    expect(disk.resolve(`${directory}/./d/../d/`)).toBe(`${real}/d`);
    expect(disk.resolve("package.json")).toBe(`${fs.realpathSync(".")}/package.json`);
  });

  test("leaves a path that leads nowhere to whoever uses it", () => {
    expect(disk.resolve(at("no/such/place"))).toBe(at("no/such/place"));
  });
});

describe("syncDirectory", () => {
  const realPlatform = process.platform;
  const become = (platform: string): void => {
    Object.defineProperty(process, "platform", { value: platform });
  };
  afterEach(() => {
    become(realPlatform);
  });

  test("is `fsync` of the directory, which is closed again", async () => {
    const [open, fsync, close] = [vi.spyOn(fs, "openSync"), vi.spyOn(fs, "fsync"), vi.spyOn(fs, "closeSync")];
    await disk.syncDirectory(directory);
    expect(open.mock.calls[0]?.[0]).toBe(directory);
    const fd = open.mock.results[0]?.value as number;
    expect(fsync.mock.calls.map(([synced]) => synced)).toStrictEqual([fd]);
    expect(close.mock.calls).toStrictEqual([[fd]]);
  });

  test("a missing directory is ENOENT, a file ENOTDIR", async () => {
    await (await create("a")).close();
    expect(await failure(() => disk.syncDirectory(at("no")))).toMatchObject({ code: "ENOENT" });
    expect(await failure(() => disk.syncDirectory(at("a")))).toMatchObject({ code: "ENOTDIR" });
  });

  test.each(["EIO", "EPERM", "EINVAL"])("%s is thrown, and the directory is closed", async (code) => {
    const close = vi.spyOn(fs, "closeSync");
    vi.spyOn(fs, "fsync").mockImplementation((_fd, done) => {
      done(systemError(code));
    });
    expect(await failure(() => disk.syncDirectory(directory))).toMatchObject({ code });
    expect(close).toHaveBeenCalledTimes(1);
  });

  test("on Windows the refusals that every directory meets there are no errors, and others are", async () => {
    become("win32");
    const fsync = vi.spyOn(fs, "fsync");
    for (const [code, seen] of [
      ["EPERM", undefined],
      ["EACCES", undefined],
      ["EISDIR", undefined],
      ["EIO", "EIO"],
      ["ENOENT", "ENOENT"],
    ] as const) {
      fsync.mockImplementationOnce((_fd, done) => {
        done(systemError(code));
      });
      const error = (await failure(() => disk.syncDirectory(directory))) as NodeJS.ErrnoException | undefined;
      expect(error?.code).toBe(seen);
    }
  });
});

describe("isHeld", () => {
  test("as long as the locked file has its name; once lost, for good", () => {
    const lock = disk.lock(at("LOCK"));
    expect(lock?.isHeld()).toBe(true);
    fs.renameSync(at("LOCK"), at("elsewhere"));
    expect(lock?.isHeld()).toBe(false);
    fs.renameSync(at("elsewhere"), at("LOCK"));
    expect(lock?.isHeld()).toBe(false);
    void lock?.release();
  });

  test("not when another file has its name, nor when its directory has gone", () => {
    disk.makeDirectory(at("d"));
    const locks = [disk.lock(at("LOCK")), disk.lock(at("d/LOCK"))];
    fs.rmSync(at("LOCK"));
    fs.writeFileSync(at("LOCK"), "");
    fs.rmSync(at("d"), { recursive: true });
    fs.writeFileSync(at("d"), "");
    for (const lock of locks) {
      expect(lock?.isHeld()).toBe(false);
      void lock?.release();
    }
  });

  test("what cannot be looked at is an error", () => {
    const lock = disk.lock(at("LOCK"));
    vi.spyOn(fs, "lstatSync").mockImplementationOnce(() => {
      throw systemError("EACCES");
    });
    expect(() => lock?.isHeld()).toThrow("EACCES");
    void lock?.release();
  });

  test("not after release", () => {
    const lock = disk.lock(at("LOCK"));
    void lock?.release();
    expect(lock?.isHeld()).toBe(false);
  });

  test("an opener whose file loses its name before it is locked gets no lock, and keeps no file open", () => {
    const close = vi.spyOn(fs, "closeSync");
    vi.mocked(extensions.tryLock).mockImplementationOnce(() => {
      fs.rmSync(at("LOCK"));
      return true;
    });
    expect(disk.lock(at("LOCK"))).toBeUndefined();
    expect(close).toHaveBeenCalledTimes(1);
  });
});

describe("lock", () => {
  /** A process that asks for the lock, says whether it got it, and stays until its standard input ends. */
  async function locker(file: string): Promise<{ child: ChildProcess; held: boolean }> {
    const addon = createRequire(import.meta.url).resolve("fs-native-extensions");
    const script = `
      const fs = require("node:fs");
      const fd = fs.openSync(process.argv[2], fs.constants.O_RDWR | fs.constants.O_CREAT);
      process.stdout.write(String(require(process.argv[1]).tryLock(fd)));
      process.stdin.resume();
      process.stdin.on("end", () => process.exit());`;
    const child = spawn(process.execPath, ["-e", script, addon, file], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    children.push(child);
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    return { child, held: said.toString() === "true" };
  }

  test("S1 a second opener is refused, also in the same process; once released it is granted", async () => {
    const first = disk.lock(at("LOCK"));
    expect(first).toBeDefined();
    expect(disk.lock(at("LOCK"))).toBeUndefined();
    expect(new NodeDisk().lock(at("LOCK"))).toBeUndefined();
    await first?.release();
    const second = new NodeDisk().lock(at("LOCK"));
    expect(second).toBeDefined();
    await second?.release();
  });

  test("S1 an opener in another process is refused, and granted once it is released", async () => {
    const lock = disk.lock(at("LOCK"));
    expect((await locker(at("LOCK"))).held).toBe(false);
    await lock?.release();
    expect((await locker(at("LOCK"))).held).toBe(true);
    expect(disk.lock(at("LOCK"))).toBeUndefined();
  });

  test("S1 a crashed process leaves no stale lock", async () => {
    const { child, held } = await locker(at("LOCK"));
    expect(held).toBe(true);
    expect(disk.lock(at("LOCK"))).toBeUndefined();
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    expect(await gone).toStrictEqual([null, "SIGKILL"]);
    const lock = disk.lock(at("LOCK"));
    expect(lock).toBeDefined();
    await lock?.release();
  });

  test("a child process does not inherit it", async () => {
    const lock = disk.lock(at("LOCK"));
    await locker(at("other"));
    await lock?.release();
    const again = disk.lock(at("LOCK"));
    expect(again).toBeDefined();
    await again?.release();
  });

  test("a refused opener does not end the lock, nor leave its file open", () => {
    const [open, close] = [vi.spyOn(fs, "openSync"), vi.spyOn(fs, "closeSync")];
    const lock = disk.lock(at("LOCK"));
    expect(disk.lock(at("LOCK"))).toBeUndefined();
    expect(disk.lock(at("LOCK"))).toBeUndefined();
    expect(close.mock.calls.map(([fd]) => fd)).toStrictEqual(
      open.mock.results.slice(1).map(({ value }) => value as unknown),
    );
    return lock?.release();
  });

  test("it is held whether or not what `lock` returned is kept", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const collected = new WeakRef(disk.lock(at("LOCK")) ?? {});
    // What a WeakRef was asked for, or made of, lives until the turn of the event loop ends.
    for (let turn = 0; turn < 10 && collected.deref() !== undefined; turn++) {
      await new Promise(setImmediate);
      collect();
    }
    expect(collected.deref()).toBeUndefined();
    expect(disk.lock(at("LOCK"))).toBeUndefined();
    expect((await locker(at("LOCK"))).held).toBe(false);
  });

  test("released again, it does not end a later lock", async () => {
    const first = disk.lock(at("LOCK"));
    await first?.release();
    const second = disk.lock(at("LOCK"));
    await first?.release();
    expect(disk.lock(at("LOCK"))).toBeUndefined();
    await second?.release();
  });

  test("keeps what is in the file, and creates it where it is missing", async () => {
    await disk.lock(at("LOCK"))?.release();
    expect(contentOf("LOCK")).toBe("");
    fs.writeFileSync(at("LOCK"), "kept");
    await disk.lock(at("LOCK"))?.release();
    expect(contentOf("LOCK")).toBe("kept");
  });

  test("a lock that cannot be asked for is an error, and leaves no file open", async () => {
    expect(await failure(() => disk.lock(at("no/LOCK")))).toMatchObject({ code: "ENOENT" });
    expect(await failure(() => disk.lock(directory))).toMatchObject({ code: "EISDIR" });
    const close = vi.spyOn(fs, "closeSync");
    vi.mocked(extensions.tryLock).mockImplementationOnce(() => {
      throw systemError("ENOLCK");
    });
    expect(await failure(() => disk.lock(at("LOCK")))).toMatchObject({ code: "ENOLCK" });
    expect(close).toHaveBeenCalledTimes(1);
  });
});
