/**
 * One suite over every storage: what a test opens, whichever it is. `Storage` on the file system, `Storage`
 * with limits so small that a batch hardly fits a segment, and `MemoryStorage`; two of them in the format
 * `sentinel`.
 */
import { afterEach } from "vitest";

import type { StorageBackend } from "../src/backend.ts";
import { MemoryStorage, type MemoryStorageOptions } from "../src/memory.ts";
import { Storage, type StorageOptions } from "../src/storage.ts";
import type { CheckpointPolicy, CompressionKind, Format } from "../src/types.ts";
import { HandLog, text } from "./by-hand.ts";
import { temporaryDirectories } from "./testing.ts";

interface Options {
  readonly compression?: CompressionKind;
  readonly checkpoints?: CheckpointPolicy;
}

export interface Implementation {
  readonly name: string;
  /** Its policy for checkpoints, if none is asked for. */
  readonly everyNRecords: number;
  readonly format: Format;
  readonly open: (options?: Options) => Promise<StorageBackend>;
}

const newDirectory = temporaryDirectories();

const EVERY_3: Options = { checkpoints: { everyNRecords: 3 } };
const TINY: StorageOptions = { ...EVERY_3, maxSegmentBytes: 150, indexLogMaxEntries: 2, readChunkBytes: 16 };

export const SENTINEL = { format: "sentinel" } as const;

const inMemory = (options?: MemoryStorageOptions): Promise<StorageBackend> =>
  Promise.resolve(new MemoryStorage(options));

export const IMPLEMENTATIONS: readonly Implementation[] = [
  {
    name: "Storage",
    everyNRecords: 1000,
    format: "plain",
    open: (options) => Storage.open(newDirectory(), options),
  },
  {
    name: "Storage with tiny limits",
    everyNRecords: 3,
    format: "plain",
    open: (options) => Storage.open(newDirectory(), { ...TINY, ...options }),
  },
  {
    name: "Storage with tiny limits, format sentinel",
    everyNRecords: 3,
    format: "sentinel",
    open: (options) => Storage.open(newDirectory(), { ...TINY, ...SENTINEL, ...options }),
  },
  { name: "MemoryStorage", everyNRecords: 1000, format: "plain", open: inMemory },
  {
    name: "MemoryStorage, a checkpoint every 3, format sentinel",
    everyNRecords: 3,
    format: "sentinel",
    open: (options) => inMemory({ ...EVERY_3, ...SENTINEL, ...options }),
  },
];

export const EVENTS: readonly Uint8Array[] = [
  "event1",
  "event2",
  "",
  "event4",
  "an event that is a little longer",
  "event6",
  "e",
].map(text);

/** What tests of one implementation need. */
export interface Bench {
  /** A log made by hand that an empty stream of it is like. */
  readonly newLog: (everyNRecords?: number) => HandLog;
  /** A storage, closed after the test. */
  readonly open: (options?: Options) => Promise<StorageBackend>;
  /** A storage whose stream 1 holds `EVENTS`, each appended by itself, and the log that it must hold. */
  readonly withEvents: (options?: Options) => Promise<{ storage: StorageBackend; log: HandLog }>;
}

/** To be called where tests are declared. */
export function benchFor({ everyNRecords, format, open: create }: Implementation): Bench {
  const opened: StorageBackend[] = [];
  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage.close();
  });
  const newLog = (every = everyNRecords): HandLog => new HandLog(every, format);
  const open = async (options?: Options): Promise<StorageBackend> => {
    const storage = await create(options);
    opened.push(storage);
    return storage;
  };
  return {
    newLog,
    open,
    async withEvents(options) {
      const storage = await open(options);
      const log = newLog(options?.checkpoints?.everyNRecords);
      for (const event of EVENTS) {
        await storage.appendBatch(1n, [event]);
        log.append(event);
      }
      return { storage, log };
    },
  };
}
