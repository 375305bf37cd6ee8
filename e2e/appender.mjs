/**
 * A program that appends until it is killed: `node appender.mjs DIRECTORY ROUND`.
 *
 * Three streams at once, one batch after the other, each synced. Segments and index are so small that hardly
 * a batch goes by without a rotation or a saved index in one of them. Prints `open`, and then for each
 * acknowledged batch `STREAM FIRST_OFFSET ROUND.BATCH.RECORDS`; record `i` of the batch has the payload
 * `ROUND.BATCH.i/RECORDS` and some padding.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { Storage } from "../dist/src/index.js";

const [directory = "", round = ""] = process.argv.slice(2);

const storage = await Storage.open(directory, {
  checkpoints: { everyNRecords: 5 },
  maxSegmentBytes: 600,
  indexLogMaxEntries: 3,
});
process.stdout.write("open\n");

/** @param {bigint} stream */
async function append(stream) {
  for (let batch = 0; ; batch += 1) {
    const records = 1 + ((batch + Number(stream)) % 3);
    const payloads = Array.from({ length: records }, (_, i) =>
      Buffer.from(`${round}.${batch}.${i}/${records}${" ".repeat((batch * 37) % 150)}`),
    );
    const { firstOffset } = await storage.appendBatch(stream, payloads);
    process.stdout.write(`${stream} ${firstOffset} ${round}.${batch}.${records}\n`);
  }
}

await Promise.all([1n, 2n, 3n].map(append));
