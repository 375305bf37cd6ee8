/**
 * Which format a stream has: its manifest says it, else its segments, else its index files, and only where
 * none of them can tell it is the one that the storage was opened with. All files are made by hand.
 */
import bindings from "@mongodb-js/zstd/bindings.js";
import { describe, expect, test } from "vitest";

import { encoded, frameBytes, HandLog, hex, indexBytes, text } from "../../e2e/by-hand.ts";
import { contentOf, MemoryDisk } from "../../e2e/memory-disk.ts";
import { failureOf, flipped, openedStorages, shown } from "../../e2e/testing.ts";
import { CodecRegistry } from "../format/codec.ts";
import { formatBorneOut } from "./detect-format.ts";
import { parseManifest } from "../format/manifest.ts";
import type { Storage } from "../storage.ts";
import type { Format, StreamId } from "../types.ts";

const openStorage = openedStorages({ checkpoints: { everyNRecords: 0 } });

const ALL = Number.POSITIVE_INFINITY;
const FORMATS: readonly Format[] = ["plain", "sentinel"];
const SEGMENT = "1/segment_000000.log";
const MANIFEST = "1/manifest.json";
const HEADER_BYTES = { plain: 44, sentinel: 50 };
const INDEX = { plain: `${SEGMENT}.idx`, sentinel: `${SEGMENT}.idx2` };
const INDEX_LOG = { plain: `${SEGMENT}.idx.wal`, sentinel: `${SEGMENT}.idx2.wal` };

type Files = Map<string, Uint8Array>;

const manifest = (format: Format | undefined): Uint8Array =>
  text(
    JSON.stringify({
      segments: [{ segment_num: 0, first_offset: 0, next_offset: 0, size_bytes: 0 }],
      active_segment: 0,
      format,
    }),
  );

/** Stream 1, all of its records named in the index. */
function filesOf(log: HandLog): Files {
  return new Map<string, Uint8Array>([
    [SEGMENT, log.bytes()],
    [INDEX_LOG[log.format], frameBytes(log.entries(), log.bytes().length, log.head)],
    [MANIFEST, manifest(log.format)],
  ]);
}

const open = (disk: MemoryDisk, format: Format): Promise<Storage> => openStorage("/data", { disk, format });

/** A segment in which a bit of the first record's payload is the other way round. */
const withDamage = (log: HandLog): Uint8Array => flipped(log.bytes(), HEADER_BYTES[log.format] * 8);

const without = (files: Files, ...names: readonly string[]): Files =>
  new Map([...files].filter(([name]) => !names.includes(name)));

const OTHER = { plain: "sentinel", sentinel: "plain" } as const;

describe.each(FORMATS.flatMap((format) => FORMATS.map((asked) => [format, asked] as const)))(
  "a stream of the format %s, in a storage opened for %s, keeps its own",
  (format, asked) => {
    const LOG = new HandLog(3, format).append(...["event1", "event2", "event3", "event4"].map(text));
    const FILES = filesOf(LOG);
    const segmentOnly = without(FILES, MANIFEST, INDEX_LOG[format]);

    test.each<[string, Files]>([
      ["a manifest that says it", FILES],
      ["no manifest", without(FILES, MANIFEST)],
      ["a manifest that does not say it", new Map([...FILES, [MANIFEST, manifest(undefined)]])],
      ["a manifest that says the other", new Map([...FILES, [MANIFEST, manifest(OTHER[format])]])],
      [
        "a manifest that says the other, and no index file",
        new Map([...segmentOnly, [MANIFEST, manifest(OTHER[format])]]),
      ],
      ["a manifest that is none", new Map([...FILES, [MANIFEST, text("{")]])],
      ["nothing but its segment", segmentOnly],
      [
        "an empty index file as only the other format has it",
        new Map([...segmentOnly, [INDEX_LOG[OTHER[format]], text("")]]),
      ],
    ])("with %s: every record is there, and appends go on in it", async (_, files) => {
      const disk = new MemoryDisk("/data", files);
      const storage = await open(disk, asked);
      const records = await storage.readRecords(1n, 0n, ALL, { verify: "genesis" });
      expect(records.map(shown)).toStrictEqual(LOG.records.map(shown));
      const status = await storage.status(1n);
      expect(status.format).toBe(format);
      expect(status.findings.map(({ action }) => action)).not.toContain("cut");
      const longer = new HandLog(0, format);
      longer.records.push(...LOG.records);
      longer.append(text("more"));
      expect(Buffer.from((await storage.appendBatch(1n, [text("more")])).head)).toStrictEqual(
        Buffer.from(longer.head),
      );
      await storage.close();
      expect(contentOf(disk, SEGMENT)).toStrictEqual(longer.bytes());
      expect(JSON.parse(contentOf(disk, MANIFEST).toString())).toMatchObject({ format });
      const again = await open(disk, OTHER[asked]);
      expect(await again.status(1n)).toMatchObject({ format, nextOffset: 6n, findings: [] });
    });

    const embedded = new HandLog(0, OTHER[format]).append(text("another's"), text("record")).bytes();
    const HOLDER = new HandLog(0, format).append(text("event1"), embedded, text("event3"), text("event4"));

    test.each<[string, HandLog, readonly string[]]>([
      ["and no manifest", LOG, [MANIFEST]],
      ["and nothing but the segment is there", LOG, [MANIFEST, INDEX_LOG[format]]],
      ["and no manifest, and a payload holds records of the other format", HOLDER, [MANIFEST]],
      [
        "and nothing but the segment is there, and a payload holds records of the other format",
        HOLDER,
        [MANIFEST, INDEX_LOG[format]],
      ],
    ])(
      "with its first record damaged %s: reading that says so, the others are there, and no byte is lost",
      async (_, log, gone) => {
        const files = new Map([...without(filesOf(log), ...gone), [SEGMENT, withDamage(log)]]);
        const disk = new MemoryDisk("/data", files);
        const storage = await open(disk, asked);
        const { findings, ...status } = await storage.status(1n);
        expect(status).toMatchObject({ format, nextOffset: log.nextOffset });
        expect(findings.map(({ action }) => action)).not.toContain("cut");
        expect(contentOf(disk, SEGMENT)).toStrictEqual(Buffer.from(withDamage(log)));
        for (const [offset, record] of log.records.entries()) {
          const work = storage.readRecords(1n, BigInt(offset), 1, { verify: "record" });
          if (offset > 0) expect((await work).map(shown)).toStrictEqual([shown(record)]);
          else expect(await failureOf(() => work)).toMatchObject({ code: "checksum-mismatch", offset: 0n });
        }
      },
    );
  },
);

describe.each(FORMATS)("in a storage opened for %s,", (asked) => {
  const plain = new HandLog().append(text("event1"));
  const sentinel = new HandLog(0, "sentinel").append(text("event1"));
  const frame = { plain: frameBytes([[0]], 54, plain.head), sentinel: frameBytes([[0]], 64, sentinel.head) };
  const saved = { plain: indexBytes([[0]], 54, plain.head), sentinel: indexBytes([[0]], 64, sentinel.head) };
  /** The sentinel record with neither mark. */
  const unmarked = flipped(flipped(sentinel.bytes(), 0), 60 * 8);

  test.each<[string, Format, Uint8Array, [string, Uint8Array]]>([
    ["a frame in the .idx.wal", "plain", withDamage(plain), [INDEX_LOG.plain, frame.plain]],
    ["the .idx", "plain", withDamage(plain), [INDEX.plain, saved.plain]],
    ["a frame in the .idx2.wal", "sentinel", unmarked, [INDEX_LOG.sentinel, frame.sentinel]],
    ["the .idx2", "sentinel", unmarked, [INDEX.sentinel, saved.sentinel]],
    ["a mark", "sentinel", withDamage(sentinel), [INDEX_LOG.sentinel, frame.sentinel]],
  ])(
    "a damaged record that is all there is, without a manifest, is of the format that %s proves, and is kept",
    async (_, format, segment, index) => {
      const disk = new MemoryDisk("/data", new Map([[SEGMENT, segment], index]));
      const { findings, ...status } = await (await open(disk, asked)).status(1n);
      expect(status).toMatchObject({ format, nextOffset: 1n });
      expect(findings[0]).toMatchObject({ what: "corruption", action: "keep", error: { offset: 0n } });
      expect(findings.map(({ action }) => action)).not.toContain("cut");
      expect(contentOf(disk, SEGMENT)).toStrictEqual(Buffer.from(segment));
    },
  );

  test.each<[string, Uint8Array]>([
    ["is no more than that format's first mark", sentinel.bytes().subarray(0, 4)],
    ["begins with that format's first mark, whatever its end", flipped(sentinel.bytes(), 60 * 8)],
    ["ends with that format's last mark, whatever its beginning", flipped(sentinel.bytes(), 0)],
  ])("a segment without an intact record is one of sentinel if it %s", async (_, segment) => {
    const storage = await open(new MemoryDisk("/data", new Map([[SEGMENT, segment]])), asked);
    expect((await storage.status(1n)).format).toBe("sentinel");
  });

  test.each<[string, Files]>([
    ["an empty segment", new Map([[SEGMENT, text("")]])],
    [
      "an empty segment and a manifest that does not say it",
      new Map([
        [SEGMENT, text("")],
        [MANIFEST, manifest(undefined)],
      ]),
    ],
    [
      "an empty segment and an empty .idx.wal, as plain and Kimberlite have it",
      new Map([
        [SEGMENT, text("")],
        [INDEX_LOG.plain, text("")],
      ]),
    ],
    ["three bytes", new Map([[SEGMENT, hex("fe0fdc")]])],
    [
      "no segment, but an .idx2.wal: what a crash leaves that came first",
      new Map([[INDEX_LOG.sentinel, text("")]]),
    ],
  ])(
    "a stream of which there is %s is of that format: nobody can tell, and there is nothing to be lost",
    async (_, files) => {
      const disk = new MemoryDisk("/data", files);
      const storage = await open(disk, asked);
      expect(await storage.status(1n)).toMatchObject({ format: asked, nextOffset: 0n, lostEnd: undefined });
      await storage.appendBatch(1n, [text("event1")], { expectedOffset: 0n });
      await storage.close();
      expect(contentOf(disk, SEGMENT)).toStrictEqual((asked === "plain" ? plain : sentinel).bytes());
      expect(contentOf(disk, INDEX_LOG[asked])).toStrictEqual(frame[asked]);
      const again = await open(disk, OTHER[asked]);
      expect(await again.status(1n)).toMatchObject({ format: asked, nextOffset: 1n, findings: [] });
    },
  );

  test("an empty segment beside an .idx2.wal is one of sentinel", async () => {
    const disk = new MemoryDisk(
      "/data",
      new Map([
        [SEGMENT, text("")],
        [INDEX_LOG.sentinel, text("")],
      ]),
    );
    const storage = await open(disk, asked);
    expect(await storage.status(1n)).toMatchObject({ format: "sentinel", nextOffset: 0n, findings: [] });
    await storage.appendBatch(1n, [text("event1")], { expectedOffset: 0n });
    expect(contentOf(disk, SEGMENT)).toStrictEqual(sentinel.bytes());
  });

  test.each<[string, Uint8Array]>([
    ["is zeros", new Uint8Array(54)],
    [
      "begins with a damaged record of plain",
      withDamage(new HandLog().append(text("event1"), text("event2"))),
    ],
  ])(
    "a stream whose manifest names records and no format, as Kimberlite's does, and whose segment %s, is one of sentinel that lost its records",
    async (_, segment) => {
      const segments = [{ segment_num: 0, first_offset: 0, next_offset: 1, size_bytes: segment.length }];
      const disk = new MemoryDisk(
        "/data",
        new Map([
          [SEGMENT, segment],
          [MANIFEST, text(JSON.stringify({ segments, active_segment: 0 }))],
        ]),
      );
      const status = await (await open(disk, asked)).status(1n);
      expect(status).toMatchObject({ format: "sentinel", nextOffset: 0n, lostEnd: { offset: 0n } });
      expect(status.findings.map(({ action }) => action)).not.toContain("cut");
      expect(contentOf(disk, SEGMENT)).toStrictEqual(Buffer.from(segment));
    },
  );

  test("with an intact record in a later segment its format is known, whatever the first holds", async () => {
    for (const format of FORMATS) {
      const log = new HandLog(0, format).append(text("event1"), text("event2"));
      const files = new Map([
        [SEGMENT, text("no record")],
        ["1/segment_000001.log", log.bytes(1)],
      ]);
      const storage = await open(new MemoryDisk("/data", files), asked);
      expect((await storage.status(1n)).format).toBe(format);
    }
  });

  test("a zstd frame that does not declare its size is one of a sentinel record, and of a plain one not", async () => {
    const payload = new Uint8Array(1000).fill(7);
    const frameWithoutSize = await bindings.compress(Buffer.from(payload), 3);
    for (const format of FORMATS) {
      const record = { offset: 0n, prevHash: new Uint8Array(32), kind: "data" } as const;
      const bytes = encoded({ ...record, compression: 2, payload: frameWithoutSize }, format);
      const files = new Map<string, Uint8Array>([
        [SEGMENT, bytes],
        [INDEX_LOG[format], text("")],
        [MANIFEST, manifest(format)],
      ]);
      const storage = await open(new MemoryDisk("/data", files), asked);
      const read = storage.readFrom(1n, 0n, ALL);
      if (format === "sentinel")
        expect((await read).map((bytes) => Buffer.from(bytes))).toStrictEqual([Buffer.from(payload)]);
      else expect(await failureOf(() => read)).toMatchObject({ code: "undecodable-payload", offset: 0n });
    }
  });
});

test.each<[Format, string, Uint8Array | undefined]>([
  ["sentinel", "unreadable", text("no frame")],
  ["sentinel", "gone since the directory was listed", undefined],
  ["plain", "whole", frameBytes([[0]], 49, new Uint8Array(32))],
])(
  "segments that begin as one of sentinel does, and a manifest that says plain, are of %s if the index of plain beside them is %s",
  async (format, _, index) => {
    const log = new HandLog(0, "sentinel").append(text("a"));
    const files: Files = new Map([[SEGMENT, log.bytes()]]);
    if (index !== undefined) files.set(INDEX_LOG.plain, index);
    const surroundings = {
      disk: new MemoryDisk("/data", files),
      stream: 1n as StreamId,
      rootPath: "/data",
      path: "/data/1",
      codecs: new CodecRegistry(),
      chunkBytes: 4096,
    };
    const names = ["segment_000000.log", "segment_000000.log.idx.wal"];
    const said = parseManifest(Buffer.from(manifest("plain")));
    expect((await formatBorneOut(surroundings, names, "plain", said)).name).toBe(format);
    expect((await formatBorneOut(surroundings, names, "plain")).name).toBe("sentinel");
  },
);
