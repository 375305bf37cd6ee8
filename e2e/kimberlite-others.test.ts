/**
 * Directories as Kimberlite leaves them that are not among the fixtures, read and audited here; and
 * directories of this engine as Kimberlite reads them. What Kimberlite does is in `kimberlite-writer.ts`,
 * which is first held against the fixtures.
 */
import bindings from "@mongodb-js/zstd/bindings.js";
import { fc, test } from "@fast-check/vitest";
import lz4 from "lz4-napi";
import { describe, expect } from "vitest";
import { audit } from "../audit/audit.ts";
import { Storage } from "../src/index.ts";
import { join, text, u64 } from "./by-hand.ts";
import { fixtures } from "./kimberlite.ts";
import {
  type Compress,
  type KimberliteRecord,
  kimberliteReads,
  KimberliteWriter,
  sentinelHash,
  type StoredAs,
} from "./kimberlite-writer.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { filesIn, shown } from "./testing.ts";

const inStream = (files: ReadonlyMap<string, Buffer>, stream = "1"): Map<string, Buffer> =>
  new Map([...files].map(([name, bytes]) => [`${stream}/${name}`, bytes]));

const batch = (count: number, from = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => text(`event-${from + i}`));

describe("the stand-in for Kimberlite writes what the fixtures hold", () => {
  test.each(fixtures().filter(({ compression }) => compression === "none"))("$name", (fixture) => {
    const writers = new Map<string, KimberliteWriter>();
    for (const call of fixture.script) {
      const writer = writers.get(call.stream) ?? new KimberliteWriter(fixture.maxSegmentSize);
      writers.set(call.stream, writer);
      if (call.op === "append_batch") {
        writer.append(
          (call.payloads ?? []).map((payload) => fixture.payload(payload)),
          call.fsync,
        );
      } else writer.checkpoint();
      expect(Buffer.from(writer.records.at(-1)?.hash ?? []).toString("hex")).toBe(call.returnsHashHex);
    }
    const written = [...writers].flatMap(([stream, writer]) => [...inStream(writer.drop().files, stream)]);
    expect(new Map(written)).toStrictEqual(filesIn(fixture.data));
  });
});

const zstd = new Map<string, StoredAs>();
const LARGE = Buffer.alloc(65_536, "a payload of 64 KiB, which compresses well; ");
for (const payload of [LARGE, ...batch(30)]) {
  const bytes = await bindings.compress(Buffer.from(payload), 3);
  const isSmaller = bytes.length < payload.length;
  zstd.set(
    Buffer.from(payload).toString("latin1"),
    isSmaller ? { compression: 2, bytes } : { compression: 0, bytes: payload },
  );
}
const withZstd: Compress = (payload) =>
  zstd.get(Buffer.from(payload).toString("latin1")) ?? { compression: 0, bytes: payload };
const withLz4: Compress = (payload) => {
  const bytes = lz4.compressSync(Buffer.from(payload));
  return bytes.length < payload.length ? { compression: 1, bytes } : { compression: 0, bytes: payload };
};

/** Directories, and the codes of what an audit finds in them: nothing that is damage. */
const DIRECTORIES: readonly [string, KimberliteWriter, readonly string[]][] = [
  ["one record", new KimberliteWriter().append(batch(1), true), []],
  [
    "zstd frames without their size",
    new KimberliteWriter(2 ** 28, withZstd).append([LARGE, ...batch(3)], false).drop(),
    [],
  ],
  [
    "lz4 and rotation",
    new KimberliteWriter(300, withLz4).append([LARGE], true).append(batch(9), true).append([LARGE], true),
    [],
  ],
  [
    "empty payloads",
    new KimberliteWriter()
      .append([text(""), text(""), text("x")], false)
      .append([text("")], true)
      .drop(),
    [],
  ],
  ["64 KiB payloads", new KimberliteWriter(70_000).append([LARGE], true).append([LARGE, LARGE], true), []],
  ["a last segment that is only named", new KimberliteWriter(100).append(batch(2), false), []],
  [
    "rotation and checkpoints",
    new KimberliteWriter(250)
      .append(batch(3), true)
      .checkpoint()
      .append(batch(2), true)
      .checkpoint()
      .append(batch(4), true),
    // A checkpoint as the first record of a segment is indexed twice.
    ["wrong-index"],
  ],
  [
    "a checkpoint that the caller counts in its own way",
    new KimberliteWriter().append(batch(3), true).checkpoint(4).append(batch(1), true),
    [],
  ],
  [
    "a checkpoint as the first record",
    new KimberliteWriter().checkpoint().append(batch(2), true),
    ["wrong-index"],
  ],
  [
    "killed with the index of a segment that is new",
    new KimberliteWriter().append(batch(5), false),
    ["index-lags"],
  ],
  [
    "killed with an index that lags",
    new KimberliteWriter().append(batch(3), false).checkpoint().append(batch(50), false),
    ["index-lags"],
  ],
  [
    "a checkpoint filed at the wrong place after a kill",
    new KimberliteWriter()
      .append(batch(3), false)
      .checkpoint()
      .append(batch(50), false)
      .reopened()
      .checkpoint()
      .append(batch(2), true),
    ["wrong-index", "index-lags"],
  ],
  [
    "a write-ahead file that outlived a rebuild, so that entries are there twice",
    new KimberliteWriter()
      .append(batch(3), true)
      .reopened()
      .append(batch(1), true)
      .checkpoint()
      .append(batch(2), true)
      .reopened()
      .append(batch(1), true),
    [],
  ],
  [
    "killed between an append and the manifest",
    withManifestOf(
      new KimberliteWriter().append(batch(3), true),
      new KimberliteWriter().append(batch(3), true).append(batch(2), true),
    ),
    ["stale-manifest"],
  ],
];

function withManifestOf(older: KimberliteWriter, newer: KimberliteWriter): KimberliteWriter {
  newer.files.set("manifest.json", older.files.get("manifest.json") ?? Buffer.alloc(0));
  return newer;
}

describe.each(DIRECTORIES)("%s", (_, { files, records }, codes) => {
  test("is read by the engine, record for record, and goes on", async () => {
    const disk = new MemoryDisk("/data", inStream(files));
    const storage = await Storage.open("/data", { disk });
    const read = await storage.readRecords(1n, 0n, Number.POSITIVE_INFINITY, { verify: "genesis" });
    expect(read.map(shown)).toStrictEqual(records.map(shown));
    for (const { offset, payload } of records) {
      const [record] = await storage.readRecords(1n, offset, 1);
      expect(record?.offset).toBe(offset);
      expect(Buffer.from(record?.payload ?? []).equals(payload)).toBe(true);
    }
    expect(await storage.status(1n)).toMatchObject({ format: "sentinel", findings: [], lostEnd: undefined });
    const { head, firstOffset } = await storage.appendBatch(1n, [text("and on")]);
    expect(firstOffset).toBe(BigInt(records.length));
    await storage.close();
    const again = await Storage.open("/data", { disk });
    expect((await again.head(1n)).head).toStrictEqual(head);
    expect((await again.readRecords(1n, 0n, Number.POSITIVE_INFINITY)).length).toBe(records.length + 1);
    expect(await again.status(1n)).toMatchObject({ findings: [] });
    await again.close();
    const { clean, streams } = await audit("/data", { disk });
    expect({ clean, records: streams[0]?.records }).toStrictEqual({
      clean: true,
      records: records.length + 1,
    });
  });

  test("is clean to an audit", async () => {
    const disk = new MemoryDisk("/data", inStream(files));
    const { clean, streams } = await audit("/data", { disk });
    expect(streams.flatMap(({ findings }) => findings.map(({ code }) => code))).toStrictEqual(codes);
    const head = records.at(-1)?.hash ?? new Uint8Array(0);
    expect({ clean, ...streams[0] }).toMatchObject({
      clean: true,
      records: records.length,
      head: Buffer.from(head).toString("hex"),
      verifiedFromGenesis: true,
      readersAgree: true,
    });
  });
});

const STEPS = [
  "append",
  "append+sync",
  "batch",
  "checkpoint",
  "reopen",
  "kill",
  "kimberlite appends",
  "kimberlite checkpoints",
] as const;

/** Kimberlite reads the data among these records, from every offset. */
function expectKimberliteToRead(
  files: ReadonlyMap<string, Buffer>,
  records: readonly KimberliteRecord[],
): void {
  for (let from = 0; from <= records.length; from += 1) {
    const wanted = records.slice(from).filter(({ kind }) => kind === "data");
    expect(kimberliteReads(files, BigInt(from)).map(String)).toStrictEqual(
      wanted.map(({ payload }) => Buffer.from(payload).toString()),
    );
  }
}

describe("Kimberlite reads what the engine writes, from every offset, after every step", () => {
  test.prop(
    [fc.array(fc.constantFrom(...STEPS), { minLength: 1, maxLength: 12 }), fc.constantFrom(70, 200, 400)],
    { numRuns: 200 },
  )("and each goes on where the other stopped", async (steps, maxSegmentBytes) => {
    let disk = new MemoryDisk("/data", new Map());
    const options = {
      format: "sentinel",
      maxSegmentBytes,
      indexLogMaxEntries: 2,
      checkpoints: { everyNRecords: 0 },
    } as const;
    let storage = await Storage.open("/data", { ...options, disk });
    const expected: KimberliteRecord[] = [];
    const add = (kind: KimberliteRecord["kind"], payload: Uint8Array): void => {
      const last = expected.at(-1);
      const hash = sentinelHash(last?.hash, kind, payload);
      const offset = BigInt(expected.length);
      expected.push({ offset, kind, payload, prevHash: last?.hash ?? new Uint8Array(32), hash });
    };
    for (const step of steps) {
      if (step === "checkpoint" && expected.length === 0) continue;
      const payloads = batch(step === "batch" ? 3 : 1, expected.length);
      if (step === "checkpoint") {
        add("checkpoint", join(expected.at(-1)?.hash ?? new Uint8Array(32), u64(BigInt(expected.length))));
        await storage.appendCheckpoint(1n);
      } else if (step === "reopen" || step === "kill") {
        if (step === "reopen") await storage.close();
        storage = await Storage.open("/data", { ...options, disk });
      } else if (step === "kimberlite appends" || step === "kimberlite checkpoints") {
        if (expected.length === 0) continue;
        await storage.close();
        // Its own checkpoint at the beginning of a segment is indexed twice, so there it has room in the one
        // that it finds.
        const writer =
          step === "kimberlite appends"
            ? KimberliteWriter.on(filesOf(disk), expected, maxSegmentBytes)
                .append(payloads, true)
                .append(payloads, false)
            : KimberliteWriter.on(filesOf(disk), expected, 1e6)
                .checkpoint()
                .reopened()
                .append(payloads, true)
                .checkpoint();
        expected.push(...writer.records.slice(expected.length));
        expectKimberliteToRead(writer.files, expected);
        disk = new MemoryDisk("/data", inStream(writer.files));
        storage = await Storage.open("/data", { ...options, disk });
        expect(await storage.status(1n)).toMatchObject({ findings: [], lostEnd: undefined });
      } else {
        for (const payload of payloads) add("data", payload);
        await storage.appendBatch(1n, payloads, { fsync: step === "append+sync" });
      }
      if (expected.length === 0) continue;
      const read = await storage.readRecords(1n, 0n, Number.POSITIVE_INFINITY, { verify: "genesis" });
      expect(read.map(shown)).toStrictEqual(expected.map(shown));
      expectKimberliteToRead(filesOf(disk), expected);
    }
    await storage.close();
  });
});

function filesOf(disk: MemoryDisk): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const name of disk.list("/data/1")) {
    const file = disk.open(`/data/1/${name}`, "read");
    const bytes = Buffer.alloc(Number(file.size()));
    void file.read(bytes, 0);
    files.set(name, bytes);
  }
  return files;
}
