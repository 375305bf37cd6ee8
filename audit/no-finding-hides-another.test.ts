/**
 * Every finding that there can be in this package's directories stands alone where its fault does, and beside
 * any other fault: what is found of two faults is what is found of each.
 */
import { describe, expect, test } from "vitest";
import { type Entry, frameBytes, indexBytes, join, text } from "../e2e/by-hand.ts";
import { HandDirectory } from "../e2e/hand-directory.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { flipped } from "../e2e/testing.ts";
import type { DiskFile, OpenMode } from "../src/index.ts";
import type { AnchorInFile } from "./anchor.ts";
import { audit } from "./audit.ts";
import { linesOf } from "./testing.ts";

type Files = Map<string, Uint8Array>;

const inStream = (files: Files): Files => new Map([...files].map(([name, bytes]) => [`1/${name}`, bytes]));
const diskOf = (files: Files): MemoryDisk => new MemoryDisk("/data", inStream(files));

/** Cannot read one file. */
class RefusingDisk extends MemoryDisk {
  readonly #refused: string;

  constructor(files: Files, refused: string) {
    super("/data", inStream(files));
    this.#refused = `/data/1/${refused}`;
  }

  override open(path: string, mode: OpenMode): DiskFile {
    if (path === this.#refused) throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
    return super.open(path, mode);
  }
}

/** What is done to a directory's files, and what is to be found of it. */
interface Fault {
  readonly name: string;
  readonly make: (files: Files) => unknown;
  readonly found: readonly string[];
  /** Whether nothing is lost by it. */
  readonly isNotice?: boolean;
}

describe.each(["plain", "sentinel"] as const)("format %s", (format) => {
  const hand = new HandDirectory(format);
  const header = format === "plain" ? 44 : 50;
  const bytesOf = (files: Files, name: string): Uint8Array => files.get(name) ?? new Uint8Array(0);

  /** One bit of a record's payload flipped. */
  const flip = (offset: number) => (files: Files) => {
    const { segment, position } = hand.place(offset);
    const name = hand.name(segment);
    files.set(name, flipped(bytesOf(files, name), (position + header) * 8));
  };
  const mismatch = (offset: number): string => {
    const { segment, position, end } = hand.place(offset);
    return `damage checksum-mismatch ${hand.name(segment)} at ${position} to ${end}, due ${offset}`;
  };
  const put = (name: string, bytes: Uint8Array) => (files: Files) => files.set(name, bytes);
  const remove = (name: string) => (files: Files) => files.delete(name);

  const [saved0, frames0] = [hand.name(0, "index"), hand.name(0, "frames")];
  const saved1 = hand.name(1, "index");
  const [saved2, frames2] = [hand.name(2, "index"), hand.name(2, "frames")];
  const [last0, last2] = [hand.place(4), hand.place(12)];
  const [end0, end2] = [last0.end, hand.place(13).end];
  const frames = hand.files().get(frames0) ?? new Uint8Array(0);
  const first = hand.frame(0, 2).length;
  /** As if the last were a checkpoint. */
  const otherKinds = hand
    .entries(5, 9)
    .map(([position, kind], i): Entry => [position, i === 3 ? 1 : (kind ?? 0)]);

  const FAULTS: readonly Fault[] = [
    { name: "a bit of a record", make: flip(1), found: [mismatch(1)] },
    { name: "a bit of a compressed record", make: flip(5), found: [mismatch(5)] },
    { name: "a bit of a checkpoint", make: flip(7), found: [mismatch(7)] },
    { name: "a bit of the last segment's first record", make: flip(9), found: [mismatch(9)] },
    { name: "a bit of a record that frames name", make: flip(11), found: [mismatch(11)] },
    {
      name: "another head in a saved index",
      make: put(saved0, indexBytes(hand.entries(0, 5), end0, flipped(hand.hash(4), 0))),
      found: [`damage wrong-index ${saved0}, due 4`],
    },
    {
      name: "another end in a saved index",
      make: put(saved0, indexBytes(hand.entries(0, 5), end0 + 1, hand.hash(4))),
      found: [`damage wrong-index ${saved0}, due 4`],
    },
    {
      name: "a saved index one record ahead",
      make: put(saved0, indexBytes([...hand.entries(0, 5), [end0]], end0 + 60, hand.hash(4))),
      // Of the entry that was the last nothing else is said: its head is not there any more.
      found: [`damage truncated-log ${saved0}, due 5`],
    },
    {
      name: "a bit of a saved index",
      make: put(saved1, flipped(hand.index(5, 9), 17 * 8)),
      found: [`damage damaged-index ${saved1}`],
    },
    {
      name: "a saved index of other kinds",
      make: put(saved1, indexBytes(otherKinds, hand.place(8).end, hand.hash(8))),
      found: [`damage wrong-index ${saved1}, due 8`],
    },
    {
      name: "a bit of the saved index beside frames",
      make: put(saved2, flipped(hand.index(9, 11), 17 * 8)),
      found: [`damage damaged-index ${saved2}`],
    },
    {
      name: "a saved index that lags",
      make: put(saved1, hand.index(5, 8)),
      found: [`notice index-lags ${saved1}, due 8`],
      isNotice: true,
    },
    {
      name: "a bit of a frame before others",
      make: put(frames0, flipped(frames, (first + 20) * 8)),
      found: [`damage damaged-index ${frames0} at ${first} to ${frames.length}`],
    },
    {
      name: "a frame that is torn",
      make: put(frames2, join(hand.frame(11, 12), hand.frame(12, 13).subarray(0, -1))),
      found: [
        `notice damaged-index ${frames2} at ${hand.frame(11, 12).length} to ${hand.frame(11, 13).length + 43 + 4}`,
      ],
      isNotice: true,
    },
    {
      name: "another head in a frame",
      make: put(
        frames2,
        join(hand.frame(11, 12), frameBytes(hand.entries(12, 13), last2.end, hand.hash(11))),
      ),
      found: [`damage wrong-index ${saved2}, due 12`],
    },
    {
      name: "another place in a frame",
      make: put(
        frames2,
        join(hand.frame(11, 12), frameBytes([[last2.position + 1]], last2.end, hand.hash(12))),
      ),
      found: [`damage wrong-index ${saved2}, due 12`],
    },
    {
      name: "frames one record ahead",
      make: put(frames2, join(hand.frame(11, 14), frameBytes([[end2]], end2 + 60, hand.hash(0)))),
      found: [`damage truncated-log ${saved2}, due 14`],
    },
    {
      name: "no write-ahead file beside the segment that is appended to",
      make: remove(frames2),
      found: [`damage missing-index ${frames2}`],
    },
    {
      name: "an older manifest",
      make: put("manifest.json", hand.manifest(2)),
      found: ["damage stale-manifest manifest.json"],
    },
    {
      name: "no manifest",
      make: remove("manifest.json"),
      found: ["damage damaged-manifest manifest.json"],
    },
    {
      name: "another size in the manifest",
      make: put(
        "manifest.json",
        text(
          hand
            .manifest()
            .toString()
            .replace(`:${end0}`, `:${end0 - 1}`),
        ),
      ),
      found: ["damage wrong-manifest manifest.json"],
    },
    {
      name: "a torn append",
      make: (files) => {
        const name = hand.name(2);
        files.set(name, bytesOf(files, name).subarray(0, -1));
      },
      found: [`notice incomplete ${hand.name(2)} at ${last2.end} to ${end2 - 1}, due 13`],
      isNotice: true,
    },
    {
      name: "a file that is none of the format",
      make: put("segment_000000.log.tmp", text("?")),
      found: ["notice unknown-file segment_000000.log.tmp"],
      isNotice: true,
    },
    {
      name: "bytes that were set aside",
      make: put("quarantine/segment_000002.log.373.0123456789abcdef", text("torn")),
      found: ["notice quarantine quarantine"],
      isNotice: true,
    },
  ];

  const reportOf = async (
    ...faults: readonly Fault[]
  ): Promise<{ found: string[]; clean: boolean; verified: boolean | undefined }> => {
    const files = hand.files();
    for (const { make } of faults) make(files);
    const { clean, streams } = await audit("/data", { disk: diskOf(files) });
    return { found: streams.flatMap(linesOf).toSorted(), clean, verified: streams[0]?.verifiedFromGenesis };
  };

  test("of the directory as it is there is nothing to say", async () => {
    expect(await reportOf()).toStrictEqual({ found: [], clean: true, verified: true });
  });

  test.each(FAULTS)("$name, alone", async (fault) => {
    const isOfLog = fault.found[0]?.startsWith("damage checksum-mismatch") === true;
    expect(await reportOf(fault)).toStrictEqual({
      found: fault.found,
      clean: fault.isNotice === true,
      verified: !isOfLog,
    });
  });

  /** The files that a fault is in, or that it takes a part in what is said of. */
  const filesOf = ({ make }: Fault): string[] => {
    const [before, after] = [hand.files(), hand.files()];
    make(after);
    const names = new Set([...before.keys(), ...after.keys()]);
    return [...names].filter((name) => before.get(name)?.toString() !== after.get(name)?.toString());
  };

  const PAIRS = FAULTS.flatMap((one, i) =>
    FAULTS.slice(i + 1)
      .filter((other) => !filesOf(other).some((name) => filesOf(one).includes(name)))
      .map((other) => ({ one, other, name: `${one.name}; ${other.name}` })),
  );

  /** Where one fault tells what the other is. */
  const TOLD: ReadonlyMap<string, readonly string[]> = new Map([
    [
      // Frames that name the last record say that no crash tore it.
      "frames one record ahead; a torn append",
      [
        `damage incomplete ${hand.name(2)} at ${last2.end} to ${end2 - 1}, due 13`,
        `damage truncated-log ${saved2}, due 14`,
      ],
    ],
  ]);

  test.each(PAIRS)("$name", async ({ one, other, name }) => {
    const { found, clean } = await reportOf(one, other);
    expect(found).toStrictEqual(TOLD.get(name) ?? [...one.found, ...other.found].toSorted());
    expect(clean).toBe(one.isNotice === true && other.isNotice === true);
  });

  test("an index file that the disk refuses is said beside anything else", async () => {
    for (const fault of FAULTS.filter((one) => !filesOf(one).includes(saved1))) {
      const files = hand.files();
      fault.make(files);
      const disk = new RefusingDisk(files, saved1);
      const { clean, streams } = await audit("/data", { disk });
      expect(streams.flatMap(linesOf).toSorted(), fault.name).toStrictEqual(
        [...fault.found, `damage unreadable-file ${saved1}`].toSorted(),
      );
      expect(clean).toBe(false);
    }
  });

  test("a write-ahead file that the disk refuses is not called missing", async () => {
    const { streams } = await audit("/data", { disk: new RefusingDisk(hand.files(), frames2) });
    expect(streams.flatMap(linesOf)).toStrictEqual([`damage unreadable-file ${frames2}`]);
  });

  test.each([
    ["with its frames", hand.files(), 13],
    ["without frames that say it", hand.files().set(frames2, new Uint8Array(0)), 11],
    ["without a saved index that says it", hand.files().set(saved2, hand.index(9, 10)), 13],
  ])("what was durable is said, and of nothing else: %s", async (_, files, durable) => {
    for (const offset of [9, 10, 11, 12, 13]) {
      const copy = new Map(files);
      flip(offset)(copy);
      const { streams } = await audit("/data", { disk: diskOf(copy) });
      const [finding] = streams.flatMap(({ findings }) => findings);
      const isSaid = finding?.sentence.endsWith("What was here was durable: an index entry proves it.");
      expect({ offset, isSaid }).toStrictEqual({ offset, isSaid: offset < durable });
    }
  });

  test("how many records a missing segment had is said by the index files that name most", async () => {
    const files = hand.files();
    files.delete(hand.name(2));
    const { streams } = await audit("/data", { disk: diskOf(files) });
    const [finding] = streams.flatMap(({ findings }) => findings);
    expect(finding).toMatchObject({ code: "missing-segment", offset: 9, records: 4 });
  });

  const anchorAt = (count: number): AnchorInFile => {
    const head = hand.hash(count - 1);
    return { origin: "example.com", stream: 1n, count, head, line: count, text: "", signatures: [] };
  };
  const VERIFIED = (count: number): string =>
    count === 1
      ? "The first record is the one that was anchored."
      : `The first ${count} records are those that were anchored.`;
  const HASH_ALONE = (count: number): string =>
    `The hash after ${count} records is the one that was anchored, but not every record before it could be verified.`;
  const UNKNOWN = (count: number): string =>
    `The record before offset ${count} cannot be read, so its hash cannot be compared.`;

  test.each<[string, (files: Files) => unknown, number, number]>([
    ["a damaged record", flip(6), 6, 7],
    ["a damaged first record of a segment", flip(5), 5, 6],
    ["a missing segment", remove(hand.name(1)), 5, 9],
  ])("%s: no anchor verifies what cannot be read", async (_, make, sound, next) => {
    const files = hand.files();
    make(files);
    const counts = Array.from({ length: 14 }, (_, i) => i + 1);
    const { clean, streams } = await audit("/data", { disk: diskOf(files), anchors: counts.map(anchorAt) });
    expect(clean).toBe(false);
    expect(streams[0]?.anchors.map(({ verdict, sentence }) => [verdict, sentence])).toStrictEqual(
      counts.map((count) => {
        if (count <= sound) return ["matches", VERIFIED(count)];
        return count > next ? ["matches", HASH_ALONE(count)] : ["unverifiable", UNKNOWN(count)];
      }),
    );
  });

  test("after the first of two damaged records no anchor verifies anything, also before the second", async () => {
    const files = hand.files();
    flip(1)(files);
    flip(6)(files);
    const counts = [1, 2, 3, 5, 6, 7, 8, 14];
    const { streams } = await audit("/data", { disk: diskOf(files), anchors: counts.map(anchorAt) });
    expect(streams[0]?.anchors.map(({ sentence }) => sentence)).toStrictEqual(
      counts.map((count) => {
        if (count === 1) return VERIFIED(count);
        return count === 2 || count === 7 ? UNKNOWN(count) : HASH_ALONE(count);
      }),
    );
  });

  test("after the newest of the anchors that match nothing is known", async () => {
    const { streams } = await audit("/data", {
      disk: diskOf(hand.files()),
      anchors: [9, 2, 5].map(anchorAt),
    });
    expect(streams[0]?.notVerified).toStrictEqual([
      "Truncation or rewriting after the newest anchor, at 9 records, cannot be detected.",
    ]);
    const all = await audit("/data", { disk: diskOf(hand.files()), anchors: [5, 14].map(anchorAt) });
    expect(all.streams[0]?.notVerified).toStrictEqual([]);
  });

  test("a segment that the disk refuses leaves nothing after it verified", async () => {
    const disk = new RefusingDisk(hand.files(), hand.name(1));
    const { clean, streams } = await audit("/data", { disk, anchors: [5, 6, 9, 10].map(anchorAt) });
    expect(clean).toBe(false);
    expect(streams.flatMap(linesOf)).toStrictEqual([`damage unreadable-file ${hand.name(1)}`]);
    expect(streams[0]).toMatchObject({ verifiedFromGenesis: false, nextOffset: 14, records: 10 });
    expect(streams[0]?.anchors.map(({ sentence }) => sentence)).toStrictEqual([
      VERIFIED(5),
      UNKNOWN(6),
      UNKNOWN(9),
      HASH_ALONE(10),
    ]);
  });

  test("an anchor that does not match, and one of a stream that is not there, is enough not to be clean", async () => {
    const other = { ...anchorAt(14), head: hand.hash(12) };
    const [damaged] = (await audit("/data", { disk: diskOf(hand.files()), anchors: [other] })).streams;
    expect(damaged).toMatchObject({ findings: [], anchors: [{ verdict: "rewritten" }] });
    const elsewhere = { ...anchorAt(14), stream: 2n };
    for (const anchors of [[other], [elsewhere], [anchorAt(14), other], [elsewhere, anchorAt(14)]]) {
      expect((await audit("/data", { disk: diskOf(hand.files()), anchors })).clean).toBe(false);
    }
    expect((await audit("/data", { disk: diskOf(hand.files()), anchors: [anchorAt(14)] })).clean).toBe(true);
  });
});
