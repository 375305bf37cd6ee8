/**
 * LMDB by `lmdb`: a memory-mapped B+tree. https://github.com/kriszyp/lmdb-js
 * @module
 */
import { peerVersion, requirePeer } from "../peers.ts";
import type { Contestant, Log } from "./contestant.ts";

interface Database {
  put(key: number, value: Uint8Array): Promise<boolean>;
  putSync(key: number, value: Uint8Array): void;
  transactionSync(work: () => void): void;
  get(key: number): Uint8Array | undefined;
  getRange(): Iterable<{ readonly value: Uint8Array }>;
  getKeys(options: { readonly reverse: true; readonly limit: 1 }): Iterable<number>;
  close(): Promise<void>;
  readonly flushed: PromiseLike<unknown>;
}

interface Options {
  readonly path: string;
  readonly keyEncoding: "uint32";
  readonly encoding: "binary";
  readonly noSync: boolean;
}

const { open } = requirePeer("lmdb") as { readonly open: (options: Options) => Database };

export const lmdb: Contestant = {
  about: {
    name: "lmdb",
    version: peerVersion("lmdb"),
    use: "`noSync` and `transactionSync`; synced: `put`, then `await flushed`",
    hash: "none",
    checksum: "none",
    sync: "fsync of its file",
    reading: "nothing",
    audits: false,
  },
  open(directory, use): Log {
    const database = open({
      path: directory,
      keyEncoding: "uint32",
      encoding: "binary",
      noSync: use === "append",
    });
    const count = (): number => {
      for (const last of database.getKeys({ reverse: true, limit: 1 })) return last + 1;
      return 0;
    };
    let next = count();
    return {
      append(payloads) {
        if (use === "append-synced") {
          for (const payload of payloads) void database.put(next++, payload);
          return Promise.resolve(database.flushed);
        }
        database.transactionSync(() => {
          for (const payload of payloads) database.putSync(next++, payload);
        });
        return undefined;
      },
      read(visit) {
        for (const { value } of database.getRange()) visit(value.length);
      },
      readOne(number) {
        const value = database.get(number);
        if (value === undefined) throw new Error(`There is no record ${number}.`);
        return value;
      },
      count,
      close: () => database.close(),
    };
  },
};
