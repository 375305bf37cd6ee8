/** Options: what is misspelt or misplaced is refused by every call that takes any, and nothing is done. */
import { describe, expect, test } from "vitest";

import { benchFor, IMPLEMENTATIONS } from "../e2e/backends.ts";
import { text } from "../e2e/by-hand.ts";
import { failureOf, temporaryDirectories } from "../e2e/testing.ts";
import {
  AppendPipeline,
  chainHash,
  CodecRegistry,
  createCheckpoint,
  decodeRecord,
  deserializeCheckpointPayload,
  type Disk,
  encodeRecord,
  MemoryStorage,
  type Offset,
  shouldCreateCheckpoint,
  Storage,
  type StorageBackend,
  type StorageOptions,
  ZstdCodec,
} from "./index.ts";
import { asOptions } from "./options.ts";

/** What is passed where options belong. */
type Wrong = never;
const EVENT = [text("event1")];

async function expectTypeError(work: () => unknown, message: string | RegExp): Promise<void> {
  const error = await failureOf(work);
  expect(error).toBeInstanceOf(TypeError);
  expect((error as TypeError).message).toMatch(message);
}

/** What stands in the place of options, and what the message says that it is. */
const NO_OBJECTS: readonly [unknown, string][] = [
  [null, "null"],
  [5n, "a bigint"],
  [5, "a number"],
  ["genesis", "a string"],
  [true, "a boolean"],
  [[], "an array"],
  [new Map(), "another object"],
  [new Uint8Array(3), "another object"],
  [() => undefined, "a function"],
];

describe.each(IMPLEMENTATIONS)("$name", (implementation) => {
  const { open } = benchFor(implementation);

  type Call = (storage: StorageBackend, options: Wrong) => unknown;
  const calls: readonly [string, string, Call][] = [
    ["appendBatch", "fsnyc", (storage, options) => storage.appendBatch(1n, EVENT, options)],
    ["appendCheckpoint", "expectedoffset", (storage, options) => storage.appendCheckpoint(1n, options)],
    ["readFrom", "revese", (storage, options) => storage.readFrom(1n, 0n, 10, options)],
    ["readRecords", "limits", (storage, options) => storage.readRecords(1n, 0n, 10, options)],
    ["iterate", "form", (storage, options) => storage.iterate(1n, options).next()],
    ["follow", "verfiy", (storage, options) => storage.follow(1n, 0n, options).next()],
    [
      "AppendPipeline.append",
      "sync",
      (storage, options) => new AppendPipeline(storage, 1n).append(EVENT, options),
    ],
  ];

  test.each(calls)(
    "%s refuses an option that it does not have, and names the one that was meant",
    async (name, option, call) => {
      const storage = await open();
      await expectTypeError(
        () => call(storage, { [option]: undefined } as Wrong),
        new RegExp(`^${name} has no option "${option}". Did you mean "[a-zO]+"\\?$`),
      );
      await expectTypeError(
        () => call(storage, { fsync: true, nothingLikeIt: 1 } as Wrong),
        `${name} has no option "`,
      );
      expect((await storage.head(1n)).nextOffset).toBe(0n);
      expect(await storage.streams()).toStrictEqual([]);
    },
  );

  test.each(calls)("%s refuses what is no object of options", async (name, _, call) => {
    const storage = await open();
    for (const [wrong, said] of NO_OBJECTS) {
      await expectTypeError(
        () => call(storage, wrong as Wrong),
        new RegExp(`^${name} takes .*, not ${said}\\.$`),
      );
    }
    expect((await storage.head(1n)).nextOffset).toBe(0n);
  });

  test("a pipeline places its batches itself: `expectedOffset` is none of its options", async () => {
    const pipeline = new AppendPipeline(await open(), 1n);
    await expectTypeError(
      () => pipeline.append(EVENT, { expectedOffset: 0n } as Wrong),
      'AppendPipeline.append has no option "expectedOffset". It has fsync.',
    );
    // It was a batch like any other: none is stored without those before it.
    await expectTypeError(() => pipeline.append(EVENT), "expectedOffset");
    await expectTypeError(() => pipeline.drain(), "expectedOffset");
  });

  test.each<[string, unknown, string]>([
    ["to", 5, "An offset is a bigint, not a number."],
    ["to", null, "An offset is a bigint, not null."],
    ["limit", 5n, "limit is a number, not a bigint."],
    ["limit", null, "limit is a number, not null."],
    ["reverse", "yes", "reverse is a boolean, not a string."],
    ["verify", "everything", 'verify is "checkpoint" or "record" or "genesis", not "everything".'],
    ["verify", null, 'verify is "checkpoint" or "record" or "genesis", not null.'],
    ["signal", new AbortController(), "signal is an AbortSignal, not another object."],
    ["signal", null, "signal is an AbortSignal, not null."],
    ["signal", { aborted: false }, "signal is an AbortSignal, not another object."],
    [
      "signal",
      { aborted: false, addEventListener: () => undefined },
      "signal is an AbortSignal, not another object.",
    ],
  ])("`%s` that is %s is refused", async (name, wrong, message) => {
    const storage = await open();
    const options = { [name]: wrong } as Wrong;
    await expectTypeError(() => storage.readFrom(1n, 0n, 10, options), message);
    await expectTypeError(() => storage.readRecords(1n, 0n, 10, options), message);
    await expectTypeError(() => storage.iterate(1n, options).next(), message);
  });

  test("numbers that cannot be are refused, and the error says of which stream", async () => {
    const storage = await open();
    for (const options of [{ to: -1n }, { limit: -1 }, { limit: 1.5 }, { limit: Number.NaN }]) {
      for (const work of [
        () => storage.readFrom(7n, 0n, 10, options),
        () => storage.readRecords(7n, 0n, 10, options),
        () => storage.iterate(7n, options).next(),
      ]) {
        expect(await failureOf(work)).toMatchObject({ code: "out-of-range", stream: 7n });
      }
    }
    for (const work of [
      () => storage.follow(7n, -1n).next(),
      () => storage.readFrom(7n, -1n, 10),
      () => storage.readFrom(7n, 0n, -1),
      () => storage.iterate(7n, { from: -1n }).next(),
    ]) {
      expect(await failureOf(work)).toMatchObject({ code: "out-of-range", stream: 7n });
    }
  });

  test("an error of a call that names a stream says which", async () => {
    const storage = await open();
    expect(await failureOf(() => storage.appendBatch(7n, []))).toMatchObject({
      code: "empty-batch",
      stream: 7n,
      message: "A batch needs at least one event. [stream 7]",
    });
    expect(await failureOf(() => storage.appendCheckpoint(8n))).toMatchObject({
      code: "empty-stream",
      stream: 8n,
    });
    await storage.close();
    const closed = { code: "closed", stream: 9n };
    expect(await failureOf(() => storage.head(9n))).toMatchObject(closed);
    expect(await failureOf(() => storage.iterate(9n).next())).toMatchObject(closed);
    expect(await failureOf(() => storage.follow(9n).next())).toMatchObject(closed);
    expect(await failureOf(() => storage.release(9n))).toMatchObject(closed);
    expect(await failureOf(() => storage.streams())).toMatchObject({ code: "closed", stream: undefined });
  });
});

describe("what is opened or made", () => {
  const newDirectory = temporaryDirectories();
  const makers: readonly [string, string, string, (options: Wrong) => unknown][] = [
    ["Storage.open", "maxSegmentByte", "maxSegmentBytes", (options) => Storage.open(newDirectory(), options)],
    ["MemoryStorage", "checkpoint", "checkpoints", (options) => new MemoryStorage(options)],
    ["ZstdCodec", "LEVEL", "level", (options) => new ZstdCodec(options)],
  ];

  test.each(makers)("%s refuses an option `%s`, and names `%s`", async (name, option, meant, make) => {
    await expectTypeError(
      () => make({ [option]: 100 } as Wrong),
      `${name} has no option "${option}". Did you mean "${meant}"?`,
    );
    for (const [wrong, said] of NO_OBJECTS) {
      await expectTypeError(() => make(wrong as Wrong), new RegExp(`^${name} takes .*, not ${said}\\.$`));
    }
  });

  test.each<[string, unknown, string]>([
    ["checkpoints", 100, "checkpoints takes its options as an object with everyNRecords, not a number."],
    ["checkpoints", null, "checkpoints takes its options as an object with everyNRecords, not null."],
    ["checkpoints", { every: 100 }, 'checkpoints has no option "every". It has everyNRecords.'],
    ["checkpoints", { everyNRecords: null }, "checkpoints.everyNRecords is a number, not null."],
    ["compression", 1, "compression is a string, not a number."],
    ["compression", null, "compression is a string, not null."],
    ["codecs", [], "codecs is a CodecRegistry, not an array."],
    ["codecs", null, "codecs is a CodecRegistry, not null."],
    ["format", "Sentinel", 'format is "plain" or "sentinel", not "Sentinel".'],
  ])("`%s` that is %s is refused by every storage", async (name, wrong, message) => {
    const options = { [name]: wrong } as Wrong;
    await expectTypeError(() => Storage.open(newDirectory(), options), message);
    await expectTypeError(() => new MemoryStorage(options), message);
  });

  test.each<[keyof StorageOptions, unknown, string]>([
    ["disk", {}, "disk is a Disk, such as NodeDisk, not another object."],
    [
      "disk",
      { open: () => undefined, list: () => [] },
      "disk is a Disk, such as NodeDisk, not another object.",
    ],
    ["disk", null, "disk is a Disk, such as NodeDisk, not null."],
    ["durability", null, 'durability is "standard" or "strict", not null.'],
    ["maxSegmentBytes", null, "maxSegmentBytes is a number, not null."],
    ["maxSegmentBytes", 5n, "maxSegmentBytes is a number, not a bigint."],
    ["readChunkBytes", "1", "readChunkBytes is a number, not a string."],
  ])("`%s` that is %s is refused by Storage", async (name, wrong, message) => {
    await expectTypeError(() => Storage.open(newDirectory(), { [name]: wrong }), message);
  });

  test("a path that is none is refused", async () => {
    for (const path of [undefined, null, 1, {}, Buffer.from("/tmp")]) {
      await expectTypeError(
        () => Storage.open(path as Wrong),
        "The path of the data directory is a string, not ",
      );
    }
  });

  test("a codec with `acceptsUndeclaredSize` that is no boolean is refused", async () => {
    await expectTypeError(
      () => new ZstdCodec({ acceptsUndeclaredSize: 1 as Wrong }),
      "is a boolean, not a number",
    );
  });

  test("a registry takes codecs alone", async () => {
    for (const [wrong] of NO_OBJECTS.filter(
      ([value]) => typeof value !== "string" && !Array.isArray(value),
    )) {
      if (wrong instanceof Map || wrong instanceof Uint8Array) continue;
      await expectTypeError(
        () => new CodecRegistry(wrong as Wrong),
        "CodecRegistry takes an array of codecs, not ",
      );
    }
    const none = (bytes: Uint8Array): Uint8Array => bytes;
    const gzip = { kind: "gzip", compress: none, decompress: none };
    for (const wrong of [null, 5n, {}, { kind: "zstd", compress: none }, gzip]) {
      await expectTypeError(() => new CodecRegistry([wrong as Wrong]), "A codec is an object with a kind");
      await expectTypeError(() => {
        new CodecRegistry().register(wrong as Wrong);
      }, "A codec is an object with a kind");
    }
  });

  test("a pipeline takes a storage and a stream", async () => {
    for (const wrong of [undefined, null, {}, 5n]) {
      await expectTypeError(
        () => new AppendPipeline(wrong as Wrong, 1n),
        "AppendPipeline takes a storage, such as ",
      );
    }
    const storage = new MemoryStorage();
    await expectTypeError(
      () => new AppendPipeline(storage, 1 as Wrong),
      "A stream id is a bigint, not a number.",
    );
    expect(await failureOf(() => new AppendPipeline(storage, -1n))).toMatchObject({ code: "out-of-range" });
  });

  test("an object from elsewhere, or without a prototype, will do; options that are `undefined` are left out", async () => {
    const disk: Disk | undefined = undefined;
    const options = Object.assign(Object.create(null) as object, { disk, maxSegmentBytes: undefined });
    await (await Storage.open(newDirectory(), options)).close();
  });
});

describe("functions over records and checkpoints", () => {
  const hash = new Uint8Array(32);
  const record = {
    offset: 0n as Offset,
    prevHash: hash,
    kind: "data",
    compression: "none",
    payload: hash,
  } as const;
  const policy = { everyNRecords: 3 };

  test.each<[string, () => unknown, string]>([
    [
      "encodeRecord, offset",
      () => encodeRecord({ ...record, offset: 0 as Wrong }),
      "offset is a bigint, not a number",
    ],
    [
      "encodeRecord, hash",
      () => encodeRecord({ ...record, prevHash: "" as Wrong }),
      "prevHash is a Uint8Array, not a string",
    ],
    [
      "encodeRecord, payload",
      () => encodeRecord({ ...record, payload: "" as Wrong }),
      "payload is a Uint8Array, not a string",
    ],
    [
      "encodeRecord, format",
      () => encodeRecord(record, "Plain" as Wrong),
      'format is "plain" or "sentinel", not "Plain"',
    ],
    ["decodeRecord", () => decodeRecord("" as Wrong), "What is decoded is a Uint8Array, not a string"],
    [
      "decodeRecord, format",
      () => decodeRecord(hash, null as Wrong),
      'format is "plain" or "sentinel", not null',
    ],
    [
      "chainHash, previous",
      () => chainHash("" as Wrong, "data", hash),
      "previous is a Uint8Array, not a string",
    ],
    [
      "chainHash, payload",
      () => chainHash(undefined, "data", "" as Wrong),
      "payload is a Uint8Array, not a string",
    ],
    [
      "chainHash, kind",
      () => chainHash(undefined, "event" as Wrong, hash),
      'kind is "data" or "checkpoint" or',
    ],
    [
      "chainHash, format",
      () => chainHash(undefined, "data", hash, "kmb" as Wrong),
      'format is "plain" or "sentinel"',
    ],
    [
      "shouldCreateCheckpoint, policy",
      () => shouldCreateCheckpoint(3 as Wrong, record.offset),
      "policy.everyNRecords is a number",
    ],
    [
      "shouldCreateCheckpoint, no policy",
      () => shouldCreateCheckpoint(null as Wrong, record.offset),
      "is a number, not undefined",
    ],
    [
      "shouldCreateCheckpoint, offset",
      () => shouldCreateCheckpoint(policy, 2 as Wrong),
      "An offset is a bigint, not a number",
    ],
    [
      "createCheckpoint, count",
      () => createCheckpoint(hash, 5 as Wrong),
      "recordCount is a bigint, not a number",
    ],
    [
      "createCheckpoint, hash",
      () => createCheckpoint("" as Wrong, 5n),
      "chainHash is a Uint8Array, not a string",
    ],
    [
      "deserializeCheckpointPayload",
      () => deserializeCheckpointPayload([] as Wrong),
      "A payload is a Uint8Array, not an array",
    ],
  ])("%s: a wrong type is refused", async (_, work, message) => {
    await expectTypeError(work, message);
  });

  test("values that cannot be are refused", async () => {
    expect(await failureOf(() => encodeRecord({ ...record, compression: "gzip" as Wrong }))).toMatchObject({
      code: "malformed",
      offset: 0n,
    });
    for (const everyNRecords of [0.5, -1]) {
      const work = (): unknown => shouldCreateCheckpoint({ everyNRecords }, record.offset);
      expect(await failureOf(work)).toMatchObject({ code: "out-of-range" });
    }
    expect(shouldCreateCheckpoint(policy, 2n as Offset)).toBe(true);
    expect(shouldCreateCheckpoint({ everyNRecords: 0 }, 2n as Offset)).toBe(false);
  });
});

describe("an unknown name", () => {
  const hintFor = (name: string): string => {
    try {
      asOptions<{ fsync?: 1; expectedOffset?: 1; to?: 1 }>(
        "x",
        { [name]: 1 },
        { fsync: true, expectedOffset: true, to: true },
      );
    } catch (error) {
      return (error as TypeError).message;
    }
    return "accepted";
  };

  test.each([
    ["fsnyc", 'x has no option "fsnyc". Did you mean "fsync"?'],
    ["FSYNC", 'x has no option "FSYNC". Did you mean "fsync"?'],
    ["expectedOfset", 'x has no option "expectedOfset". Did you mean "expectedOffset"?'],
    ["too", 'x has no option "too". Did you mean "to"?'],
    ["ab", 'x has no option "ab". It has fsync, expectedOffset and to.'],
    ["", 'x has no option "". It has fsync, expectedOffset and to.'],
    ["__proto", 'x has no option "__proto". It has fsync, expectedOffset and to.'],
    ["toString", 'x has no option "toString". It has fsync, expectedOffset and to.'],
    ["\u001b[2J", 'x has no option "\\u001b[2J". It has fsync, expectedOffset and to.'],
    ["a".repeat(1_000_000), `x has no option "${"a".repeat(40)}". It has fsync, expectedOffset and to.`],
  ])("%.20s", (name, message) => {
    expect(hintFor(name)).toBe(message);
  });

  test("known ones are taken", () => {
    expect(hintFor("fsync")).toBe("accepted");
  });
});
