/**
 * The overlay: whatever is done to it, it shows what a disk shows to which the same was done, and the disk
 * beneath stays as it was.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { MemoryDisk } from "../../e2e/memory-disk.ts";
import { failureOf } from "../../e2e/testing.ts";
import type { Disk, DiskFile, OpenMode } from "../index.ts";
import { OverlayDisk } from "./overlay-disk.ts";
import { readOnly } from "./read-only-disk.ts";

const DIRECTORIES = ["/data", "/data/1", "/data/2"];
const PATHS = ["/data/1/a", "/data/1/b", "/data/1/c", "/data/2/d"];

interface Operation {
  readonly name: string;
  /** May answer with a promise. */
  readonly run: (disk: Disk) => unknown;
}

const does = (name: string, run: Operation["run"]): Operation => ({ name, run });

async function withFile<T>(
  disk: Disk,
  path: string,
  mode: OpenMode,
  use: (file: DiskFile) => Promise<T>,
): Promise<T> {
  const file = await disk.open(path, mode);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

const contentOf = (disk: Disk, path: string): Promise<Buffer> =>
  withFile(disk, path, "read", async (file) => {
    const bytes = Buffer.alloc((await file.size()) + 3, 0x55);
    return bytes.subarray(0, await file.read(bytes, 0));
  });

const namesIn = async (disk: Disk, at: string): Promise<string[]> => [...(await disk.list(at))].sort();

const path = fc.constantFrom(...PATHS);
const position = fc.nat(30);
const directory = fc.constantFrom(...DIRECTORIES, "/data/3", "/data/1/new");
const content = fc.uint8Array({ minLength: 1, maxLength: 20 });

/** Everything that a program does to a disk; a file is opened for each. */
const operation: fc.Arbitrary<Operation> = fc.oneof(
  path.map((at) => does(`create ${at}`, (disk) => withFile(disk, at, "create", async (file) => file.size()))),
  fc
    .tuple(path, position, content)
    .map(([at, where, bytes]) =>
      does(`write ${bytes.length} bytes at ${where} of ${at}`, (disk) =>
        withFile(disk, at, "update", async (file) => file.write(bytes, where)),
      ),
    ),
  fc
    .tuple(path, position)
    .map(([at, size]) =>
      does(`truncate ${at} to ${size}`, (disk) =>
        withFile(disk, at, "update", async (file) => file.truncate(size)),
      ),
    ),
  fc.tuple(path, position, position).map(([at, where, bytes]) =>
    does(`read ${bytes} bytes at ${where} of ${at}`, (disk) =>
      withFile(disk, at, "read", async (file) => {
        const target = Buffer.alloc(bytes, 0x55);
        return [await file.read(target, where), target.toString("hex")];
      }),
    ),
  ),
  path.map((at) => does(`remove ${at}`, (disk) => disk.remove(at))),
  fc
    .tuple(path, path)
    .filter(([from, to]) => from !== to)
    .map(([from, to]) => does(`rename ${from} to ${to}`, (disk) => disk.rename(from, to))),
  directory.map((at) => does(`make ${at}`, (disk) => disk.makeDirectory(at))),
  directory.map((at) => does(`list ${at}`, (disk) => namesIn(disk, at))),
);

/** What a call comes to, or the code that it fails with. */
async function outcome(call: () => unknown): Promise<unknown> {
  try {
    return { is: await call() };
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code !== "string") throw error;
    return code;
  }
}

const filesOn = async (disk: Disk): Promise<unknown[]> =>
  Promise.all(PATHS.map(async (at) => [at, await outcome(() => contentOf(disk, at))]));

const START = new Map([
  ["1/a", Buffer.from("the first file's content")],
  ["1/b", Buffer.from("b")],
  ["2/d", Buffer.alloc(0)],
]);

describe("any sequence of operations", () => {
  test.prop([fc.array(operation, { maxLength: 25 })])(
    "shows what the same does to a disk, changes nothing beneath, and lists what it changed",
    async (operations) => {
      const beneath = new MemoryDisk("/data", START);
      const overlay = new OverlayDisk(beneath);
      const model = new MemoryDisk("/data", START);
      for (const { name, run } of operations) {
        expect({ name, came: await outcome(() => run(overlay)) }).toStrictEqual({
          name,
          came: await outcome(() => run(model)),
        });
      }
      expect(await filesOn(overlay)).toStrictEqual(await filesOn(model));
      for (const at of DIRECTORIES)
        expect(await namesIn(overlay, at)).toStrictEqual(await namesIn(model, at));
      expect(await filesOn(beneath)).toStrictEqual(await filesOn(new MemoryDisk("/data", START)));

      const changes = new Map((await overlay.changes()).map((change) => [change.path, change]));
      for (const at of PATHS) {
        const old = START.get(at.slice("/data/".length));
        const now = await contentOf(model, at).catch(() => undefined);
        const change = changes.get(at);
        changes.delete(at);
        if (change === undefined) {
          expect(now, `${at} is not listed`).toStrictEqual(old);
          continue;
        }
        const [before, after] = [old?.length, now?.length];
        const expected =
          before === undefined
            ? "create"
            : after === undefined
              ? "remove"
              : after < before
                ? "cut"
                : after > before
                  ? "extend"
                  : "rewrite";
        if (expected === "rewrite") expect(now).not.toStrictEqual(old);
        expect(change).toStrictEqual({ path: at, does: expected, before, after });
      }
      expect([...changes.keys()]).toStrictEqual([]);
    },
  );
});

test.each(["/data/1/a", "/data/1/c"])("what is cut off %s and comes back is zeros", async (at) => {
  const beneath = new MemoryDisk("/data", START);
  const overlay = new OverlayDisk(beneath);
  if (at.endsWith("c")) await withFile(overlay, at, "create", async (file) => file.size());
  await withFile(overlay, at, "update", async (file) => {
    await file.write(Buffer.from("what was written over it"), 0);
    await file.truncate(4);
    await file.write(Buffer.from("!"), 30);
  });
  expect(await contentOf(overlay, at)).toStrictEqual(Buffer.from(`what${"\0".repeat(26)}!`));
});

describe("what is kept to itself", () => {
  test("a write of the bytes that are there is no change", async () => {
    const overlay = new OverlayDisk(new MemoryDisk("/data", START));
    await withFile(overlay, "/data/1/a", "update", async (file) => file.write(Buffer.from("first"), 4));
    expect(await overlay.changes()).toStrictEqual([]);
    await withFile(overlay, "/data/1/a", "update", async (file) => file.write(Buffer.from("First"), 4));
    expect(await overlay.changes()).toStrictEqual([
      { path: "/data/1/a", does: "rewrite", before: 24, after: 24 },
    ]);
  });

  test("of files in quarantine the size is kept, and not what is in them", async () => {
    const overlay = new OverlayDisk(new MemoryDisk("/data", START));
    const aside = "/data/1/quarantine/a.0.0123456789abcdef";
    overlay.makeDirectory("/data/1/quarantine");
    await withFile(overlay, aside, "create", async (file) => file.write(Buffer.from("kept"), 0));
    expect(await contentOf(overlay, aside)).toStrictEqual(Buffer.alloc(4));
    expect(await overlay.changes()).toStrictEqual([
      { path: aside, does: "create", before: undefined, after: 4 },
    ]);
  });

  test("a lock is taken of nobody", async () => {
    const beneath = new MemoryDisk("/data", START);
    const lock = new OverlayDisk(beneath).lock();
    await lock.release();
    expect(beneath.list("/data").sort()).toStrictEqual(["1", "2"]);
  });

  test("an open file stays what it was when its name goes to another", async () => {
    const overlay = new OverlayDisk(new MemoryDisk("/data", START));
    await withFile(overlay, "/data/1/b", "update", async (file) => {
      await overlay.rename("/data/1/a", "/data/1/b");
      await file.write(Buffer.from("old b"), 0);
    });
    expect((await contentOf(overlay, "/data/1/b")).toString()).toBe("the first file's content");
  });

  test("what was changed and changed back is no change", async () => {
    const overlay = new OverlayDisk(new MemoryDisk("/data", START));
    for (const content of ["First", "first"]) {
      await withFile(overlay, "/data/1/a", "update", async (file) => file.write(Buffer.from(content), 4));
    }
    expect(await overlay.changes()).toStrictEqual([]);
  });

  test("what is shown or frozen is seen in the place of what lies beneath", async () => {
    const overlay = new OverlayDisk(new MemoryDisk("/data", START));
    overlay.show("/data/1/a", Buffer.from("shown"));
    overlay.freeze("/data/1/b", 0);
    expect((await contentOf(overlay, "/data/1/a")).toString()).toBe("shown");
    expect(await contentOf(overlay, "/data/1/b")).toStrictEqual(Buffer.alloc(0));
    expect(await overlay.changes()).toStrictEqual([]);
  });

  test("directories that are made are there, with what is in them, and others are not", async () => {
    const overlay = new OverlayDisk(new MemoryDisk("/data", START));
    overlay.makeDirectory("/data/3");
    overlay.makeDirectory("/data/3/quarantine");
    await withFile(overlay, "/data/3/quarantine/x", "create", async (file) =>
      file.write(Buffer.from("x"), 0),
    );
    await withFile(overlay, "/data/3/y", "create", async (file) => file.write(Buffer.from("y"), 0));
    expect((await overlay.list("/data/3")).sort()).toStrictEqual(["quarantine", "y"]);
    expect(await failureOf(() => overlay.list("/data/4"))).toMatchObject({ code: "ENOENT" });
  });

  test("what the disk beneath fails with is not taken for a missing file", async () => {
    const beneath = new MemoryDisk("/data", START);
    beneath.open = () => {
      throw Object.assign(new Error("EIO"), { code: "EIO" });
    };
    expect(await failureOf(() => new OverlayDisk(beneath).open("/data/1/a", "read"))).toMatchObject({
      code: "EIO",
    });
  });
});

test("a disk for reading alone refuses whatever would change something, as one that is mounted so does", async () => {
  const beneath = new MemoryDisk("/data", START);
  const disk = readOnly(beneath);
  for (const work of [
    () => disk.open("/data/1/a", "update"),
    () => disk.open("/data/1/c", "create"),
    () => disk.rename("/data/1/a", "/data/1/b"),
    () => disk.remove("/data/1/a"),
    () => disk.makeDirectory("/data/3"),
    () => disk.syncDirectory("/data"),
    () => disk.lock("/data/LOCK"),
  ]) {
    expect(await failureOf(work)).toMatchObject({ code: "EROFS" });
  }
  expect(await filesOn(beneath)).toStrictEqual(await filesOn(new MemoryDisk("/data", START)));
  expect(await disk.list("/data/1")).toStrictEqual(["a", "b"]);
});
