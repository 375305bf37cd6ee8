/**
 * This package's engine, with the options that it has by default.
 * @module
 */
import { audit } from "../../../audit/audit.ts";
import { packageVersion } from "../../../properties/code-version.ts";
import { type Format, Storage } from "../../../src/index.ts";
import type { Contestant, Log } from "./contestant.ts";

const STREAM = 1n;

/** The engine with streams of a format. */
export const engine = (format: Format): Contestant => ({
  about: {
    name: format,
    version: packageVersion(),
    use: `this engine, format \`${format}\`, a checkpoint every 1000 records; reads by \`iterate\` and \`readRecords\``,
    hash: "SHA-256 chain",
    checksum: "CRC-32 of each record",
    sync: "fdatasync of the segment",
    reading: "checksum, hash and link, from a checkpoint on",
    audits: true,
  },
  async open(directory, use): Promise<Log> {
    const storage = await Storage.open(directory, { format });
    const options = { fsync: use === "append-synced" };
    return {
      append: (payloads) => storage.appendBatch(STREAM, payloads, options),
      async read(visit) {
        for await (const { payload } of storage.iterate(STREAM)) visit(payload.length);
      },
      async readOne(number) {
        const [record] = await storage.readRecords(STREAM, BigInt(number), Infinity, { limit: 1 });
        if (record === undefined) throw new Error(`There is no record ${number}.`);
        return record.payload;
      },
      count: async () => Number((await storage.head(STREAM)).nextOffset),
      close: () => storage.close(),
    };
  },
  async audit(directory) {
    const { clean, streams } = await audit(directory);
    if (!clean) throw new Error("The audit found something.");
    return streams.reduce((sum, { records }) => sum + records, 0);
  },
});
