/**
 * What a crash leaves of the last append, beside damage, beside readers that disagree, and beside index files
 * that say more or less: where it is a notice, and where it is not.
 */
import { describe, expect, test } from "vitest";
import { HandDirectory } from "../e2e/hand-directory.ts";
import { kimberliteIndex } from "../e2e/kimberlite-writer.ts";
import { indexBytes, join, u64 } from "../e2e/by-hand.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { flipped } from "../e2e/testing.ts";
import { audit } from "./audit.ts";
import { linesOf } from "./testing.ts";

type Files = Map<string, Uint8Array>;

const found = async (files: Files): Promise<string[]> => {
  const disk = new MemoryDisk("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));
  const { streams } = await audit("/data", { disk });
  return streams.flatMap(linesOf);
};

describe.each(["plain", "sentinel"] as const)("format %s", (format) => {
  const hand = new HandDirectory(format);
  const header = format === "plain" ? 44 : 50;
  const log = hand.name(2);
  const [saved, frames] = [hand.name(2, "index"), hand.name(2, "frames")];
  const bytesOf = (files: Files, name: string): Uint8Array => files.get(name) ?? new Uint8Array(0);
  const at = (offset: number): string =>
    `${log} at ${hand.place(offset).position} to ${hand.place(offset).end}, due ${offset}`;

  /** The directory with the last byte of the last record gone. */
  const torn = (): Files => {
    const files = hand.files();
    return files.set(log, bytesOf(files, log).subarray(0, -1));
  };
  const TORN = `incomplete ${log} at ${hand.place(13).position} to ${hand.place(13).end - 1}, due 13`;
  const withFlip = (files: Files, offset: number): Files =>
    files.set(log, flipped(bytesOf(files, log), (hand.place(offset).position + header) * 8));

  test.each(["a later segment", "the manifest"] as const)(
    "a torn end of a segment that %s shows to be sealed is damage",
    async (what) => {
      const files = hand.files();
      const sealed = hand.name(1);
      files.set(sealed, bytesOf(files, sealed).subarray(0, -1));
      // Nothing else may show that the record was whole: no index, and no manifest that names sizes.
      files.delete(hand.name(1, "index"));
      if (what === "a later segment") files.delete("manifest.json");
      else for (const kind of ["log", "index", "frames"] as const) files.delete(hand.name(2, kind));
      const { position, end } = hand.place(8);
      const line = `${sealed} at ${position} to ${end - 1}, due 8`;
      expect(await found(files)).toContain(`damage incomplete ${line}`);
    },
  );

  /** The directory with a record of zeros before the last, and no entry for either. */
  const hole = (): Files => {
    const files = hand.files().set(frames, hand.frame(11, 12));
    const { position, end } = hand.place(12);
    return files.set(log, Buffer.from(bytesOf(files, log)).fill(0, position, end));
  };
  const flaw = format === "plain" ? "checksum-mismatch" : "malformed";

  test("a torn end alone is a notice", async () => {
    expect(await found(torn())).toStrictEqual([`notice ${TORN}`]);
  });

  test.each([9, 10, 11])(
    "a torn end after damaged record %i is no place that a crash left",
    async (offset) => {
      expect(await found(withFlip(torn(), offset))).toStrictEqual([
        `damage checksum-mismatch ${at(offset)}`,
        `damage ${TORN}`,
      ]);
    },
  );

  test("a record of zeros before an intact one is a notice where the write-ahead file is there", async () => {
    const { position } = hand.place(12);
    expect(await found(hole())).toStrictEqual([
      `notice ${flaw} ${log} at ${position} to ${hand.place(13).end}, due 12`,
    ]);
  });

  test("and damage where it is not: nothing says what was durable", async () => {
    const files = hole();
    files.delete(frames);
    expect(await found(files)).toStrictEqual([`damage ${flaw} ${at(12)}`, `damage missing-index ${frames}`]);
  });

  test("what the saved index proves is durable, also where frames say less", async () => {
    const files = withFlip(hand.files().set(saved, hand.index(9, 13)).set(frames, hand.frame(11, 12)), 12);
    const disk = new MemoryDisk("/data", new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes])));
    const [stream] = (await audit("/data", { disk })).streams;
    expect(stream?.findings.map(({ sentence }) => sentence)).toStrictEqual([
      expect.stringContaining("What was here was durable: an index entry proves it."),
    ]);
  });
});

describe("a segment with this package's index files and Kimberlite's: each is held against it", () => {
  const hand = new HandDirectory("sentinel");
  const log = hand.name(2);
  const [saved, frames] = [hand.name(2, "index"), hand.name(2, "frames")];
  const [theirs, theirLog] = [`${log}.idx`, `${log}.idx.wal`];
  const positions = [9, 10, 11, 12, 13].map((offset) => hand.place(offset).position);
  const end = hand.place(13).end;
  const both = (index: Uint8Array = kimberliteIndex(positions)): Files => hand.files().set(theirs, index);
  const otherHead = indexBytes(hand.entries(9, 11), hand.place(10).end, flipped(hand.hash(10), 0));
  const others = positions.map((position, i) => (i === 1 ? position + 1 : position));

  test("both agree: nothing is said", async () => {
    expect(await found(both())).toStrictEqual([]);
  });

  test("one is wrong, or both are", async () => {
    const own = `damage wrong-index ${saved}, due 10`;
    const other = `notice wrong-index ${theirs}, due 10`;
    expect(await found(both().set(saved, otherHead))).toStrictEqual([own]);
    expect(await found(both(kimberliteIndex(others)))).toStrictEqual([other]);
    expect(await found(both(kimberliteIndex(others)).set(saved, otherHead))).toStrictEqual([own, other]);
  });

  test("both name more than there is", async () => {
    const files = both(kimberliteIndex([...positions, end, end + 66]));
    files.set(frames, join(hand.frame(11, 14), hand.frame(11, 14)));
    files.set(saved, indexBytes([...hand.entries(9, 14), [end]], end + 66, hand.hash(0)));
    expect(await found(files)).toStrictEqual([
      `damage truncated-log ${saved}, due 14`,
      `damage truncated-log ${theirs}, due 14`,
    ]);
  });

  test("both are damaged", async () => {
    const files = both(flipped(kimberliteIndex(positions), 200)).set(saved, flipped(otherHead, 17 * 8));
    expect(await found(files)).toStrictEqual([
      `damage damaged-index ${saved}`,
      `damage damaged-index ${theirs}`,
    ]);
  });

  test("a torn end that Kimberlite's alone names was whole once", async () => {
    const at = hand.place(13).position;
    const cut = (files: Files): Files => files.set(log, (files.get(log) ?? Buffer.alloc(0)).subarray(0, -1));
    expect(await found(cut(both(kimberliteIndex(positions.slice(0, 4)))))).toStrictEqual([
      `notice incomplete ${log} at ${at} to ${end - 1}, due 13`,
    ]);
    expect(await found(cut(both()))).toStrictEqual([
      `damage incomplete ${log} at ${at} to ${end - 1}, due 13`,
    ]);
  });

  test("Kimberlite's write-ahead file does not say what was durable", async () => {
    const files = both(kimberliteIndex(positions.slice(0, 3)));
    const { position, end: next } = hand.place(12);
    files.set(log, Buffer.from(files.get(log) ?? []).fill(0, position, next));
    files.delete(frames);
    files.set(theirLog, join(...positions.slice(0, 3).map((place) => u64(BigInt(place)))));
    expect(await found(files)).toStrictEqual([
      `damage malformed ${log} at ${position} to ${next}, due 12`,
      `damage missing-index ${frames}`,
      expect.stringContaining(`notice index-lags ${theirs}`),
    ]);
  });
});
