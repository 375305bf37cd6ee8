/**
 * SQLite by `better-sqlite3`, in WAL mode: a B-tree. https://github.com/WiseLibs/better-sqlite3
 * @module
 */
import path from "node:path";
import { peerVersion, requirePeer } from "../peers.ts";
import type { Contestant, Log } from "./contestant.ts";

interface Statement {
  run(value: Uint8Array): unknown;
  get(number?: number): unknown;
  pluck(): this;
  iterate(): Iterable<Uint8Array>;
}

interface Database {
  pragma(text: string): unknown;
  exec(text: string): unknown;
  prepare(text: string): Statement;
  transaction(work: (payloads: readonly Uint8Array[]) => void): (payloads: readonly Uint8Array[]) => void;
  close(): void;
}

const Sqlite = requirePeer("better-sqlite3") as new (file: string) => Database;

export const betterSqlite3: Contestant = {
  about: {
    name: "better-sqlite3",
    version: peerVersion("better-sqlite3"),
    use: "WAL; a transaction for a batch; `synchronous` is OFF, or FULL where it syncs",
    hash: "none",
    checksum: "of frames of the WAL, not of the database",
    sync: "fdatasync of the WAL",
    reading: "nothing",
    audits: false,
  },
  open(directory, use): Log {
    const database = new Sqlite(path.join(directory, "log.db"));
    database.pragma("journal_mode = WAL");
    database.pragma(`synchronous = ${use === "append-synced" ? "FULL" : "OFF"}`);
    database.exec("CREATE TABLE IF NOT EXISTS log (number INTEGER PRIMARY KEY, payload BLOB NOT NULL)");
    const insert = database.prepare("INSERT INTO log (payload) VALUES (?)");
    const insertAll = database.transaction((payloads) => {
      for (const payload of payloads) insert.run(payload);
    });
    const all = database.prepare("SELECT payload FROM log ORDER BY number").pluck();
    const one = database.prepare("SELECT payload FROM log WHERE number = ?").pluck();
    const last = database.prepare("SELECT coalesce(max(number), 0) FROM log").pluck();
    return {
      append(payloads) {
        insertAll(payloads);
      },
      read(visit) {
        for (const payload of all.iterate()) visit(payload.length);
      },
      readOne(number) {
        // Rows are numbered from 1.
        const payload = one.get(number + 1);
        if (!(payload instanceof Uint8Array)) throw new Error(`There is no record ${number}.`);
        return payload;
      },
      count: () => Number(last.get()),
      close: () => {
        database.close();
      },
    };
  },
};
