/**
 * LevelDB by `classic-level`: a log-structured merge tree. https://github.com/Level/classic-level
 * @module
 */
import { peerVersion, requirePeer } from "../peers.ts";
import type { Contestant, Log } from "./contestant.ts";

interface Batch {
  put(key: Uint8Array, value: Uint8Array): this;
  write(options: { readonly sync: boolean }): Promise<void>;
}

interface Values {
  nextv(size: number): Promise<Uint8Array[]>;
  close(): Promise<void>;
}

interface Database {
  open(): Promise<void>;
  put(key: Uint8Array, value: Uint8Array, options: { readonly sync: boolean }): Promise<void>;
  batch(): Batch;
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  values(): Values;
  keys(options: { readonly reverse: true; readonly limit: 1 }): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

interface Encodings {
  readonly keyEncoding: "buffer";
  readonly valueEncoding: "buffer";
}

const { ClassicLevel } = requirePeer("classic-level") as {
  ClassicLevel: new (location: string, options: Encodings) => Database;
};

const KEY_BYTES = 8;
/** How many values are asked for at a time. */
const VALUES = 1000;

/** Numbers in the order of their bytes. */
function keyOf(number: number): Buffer {
  const key = Buffer.alloc(KEY_BYTES);
  key.writeBigUInt64BE(BigInt(number));
  return key;
}

export const classicLevel: Contestant = {
  about: {
    name: "classic-level",
    version: peerVersion("classic-level"),
    use: "`put`, for several records a chained `batch`; reads by `nextv`",
    hash: "none",
    checksum: "CRC-32C of blocks",
    sync: "`sync: true`: fdatasync of its log",
    reading: "nothing by default",
    audits: false,
  },
  async open(directory, use): Promise<Log> {
    const database = new ClassicLevel(directory, { keyEncoding: "buffer", valueEncoding: "buffer" });
    await database.open();
    const options = { sync: use === "append-synced" };
    const count = async (): Promise<number> => {
      for await (const last of database.keys({ reverse: true, limit: 1 }))
        return Number(last.readBigUInt64BE()) + 1;
      return 0;
    };
    let next = await count();
    return {
      append(payloads) {
        const [payload] = payloads;
        if (payload !== undefined && payloads.length === 1)
          return database.put(keyOf(next++), payload, options);
        const batch = database.batch();
        for (const one of payloads) batch.put(keyOf(next++), one);
        return batch.write(options);
      },
      async read(visit) {
        const values = database.values();
        for (let some = await values.nextv(VALUES); some.length > 0; some = await values.nextv(VALUES))
          for (const value of some) visit(value.length);
        await values.close();
      },
      async readOne(number) {
        const value = await database.get(keyOf(number));
        if (value === undefined) throw new Error(`There is no record ${number}.`);
        return value;
      },
      count,
      close: () => database.close(),
    };
  },
};
