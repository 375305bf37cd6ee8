/**
 * The floor: what the work on the bytes costs by itself.
 * @module
 */
import { FLOOR } from "../../../properties/documents/performance.ts";
import { FloorLookup, readFloor } from "../floor-reader.ts";
import { FloorWriter } from "../floor-writer.ts";
import type { Contestant, Log } from "./contestant.ts";

/** What is opened for one use is not there for others. */
const refused = (): never => {
  throw new Error("The floor was not opened for this.");
};

function appending(directory: string, isSynced: boolean): Log {
  const writer = new FloorWriter(directory);
  return {
    append(payloads) {
      writer.append(payloads);
      if (isSynced) writer.sync();
    },
    read: refused,
    readOne: refused,
    count: refused,
    close: () => {
      writer.close();
    },
  };
}

function reading(directory: string): Log {
  const lookup = new FloorLookup(directory);
  return {
    append: refused,
    read: (visit) => {
      readFloor(directory, visit);
    },
    readOne: (number) => lookup.record(number),
    count: () => lookup.count,
    close: () => {
      lookup.close();
    },
  };
}

export const floor: Contestant = {
  about: {
    name: FLOOR,
    version: "",
    use: "bare loops, format `plain`; looks records up where they must be",
    hash: "SHA-256 chain",
    checksum: "CRC-32 of each record",
    sync: "fdatasync of the segment",
    reading: "checksum, hash and link; of one record the checksum",
    audits: true,
  },
  open: (directory, use) =>
    use === "read" ? reading(directory) : appending(directory, use === "append-synced"),
  audit(directory) {
    let records = 0;
    readFloor(directory, () => {
      records += 1;
    });
    return records;
  },
};
