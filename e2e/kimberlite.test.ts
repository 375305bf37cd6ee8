/**
 * Directories that Kimberlite wrote, opened, read and written again by this engine.
 */
import { cpSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Storage } from "../src/index.ts";
import { expectedLine, fixtures, recordLine } from "./kimberlite.ts";
import { filesIn, temporaryDirectories } from "./testing.ts";

const directory = temporaryDirectories();

describe.each(fixtures())("$name", (fixture) => {
  test("every record, head and return value is as Kimberlite says", async () => {
    const path = directory();
    cpSync(fixture.data, path, { recursive: true });
    const storage = await Storage.open(path);
    for (const expected of fixture.streams) {
      const stream = BigInt(expected.stream);
      const records = await storage.readRecords(stream, 0n, Number.POSITIVE_INFINITY, { verify: "genesis" });
      expect(records.map(recordLine)).toStrictEqual(expected.records.map(expectedLine));
      expect(await storage.head(stream)).toStrictEqual({
        nextOffset: BigInt(expected.nextOffset),
        head: new Uint8Array(Buffer.from(expected.headHashHex, "hex")),
      });
      const data = expected.records.filter(({ kind }) => kind === 0);
      expect((await storage.readFrom(stream, 0n, Number.POSITIVE_INFINITY)).length).toBe(data.length);
      for (const { offset } of expected.records) {
        const [record] = await storage.readRecords(stream, BigInt(offset), 1);
        expect(record?.offset).toBe(BigInt(offset));
      }
      expect(await storage.status(stream)).toMatchObject({
        format: "sentinel",
        findings: [],
        lostEnd: undefined,
      });
    }
    await storage.close();
  });

  test("the script writes the same segments again, byte for byte where nothing is compressed", async () => {
    const path = directory();
    const options = {
      format: "sentinel",
      compression: fixture.compression,
      maxSegmentBytes: fixture.maxSegmentSize,
      checkpoints: { everyNRecords: 0 },
    } as const;
    const storage = await Storage.open(path, options);
    for (const call of fixture.script) {
      const expectedOffset = BigInt(call.expectedOffset ?? call.currentOffset ?? 0);
      const result =
        call.op === "append_batch"
          ? await storage.appendBatch(
              BigInt(call.stream),
              (call.payloads ?? []).map((payload) => fixture.payload(payload)),
              { expectedOffset, fsync: call.fsync },
            )
          : await storage.appendCheckpoint(BigInt(call.stream), { expectedOffset, fsync: call.fsync });
      expect(result.nextOffset).toBe(BigInt(call.returnsNextOffset));
      expect(Buffer.from(result.head).toString("hex")).toBe(call.returnsHashHex);
    }
    await storage.close();

    const segments = (files: ReadonlyMap<string, Buffer>): [string, string][] =>
      [...files]
        .filter(([name]) => name.endsWith(".log"))
        .map(([name, bytes]): [string, string] => [name, bytes.toString("hex")])
        .sort();
    if (fixture.compression === "none") {
      expect(segments(filesIn(path))).toStrictEqual(segments(filesIn(fixture.data)));
    }
    const again = await Storage.open(path);
    for (const expected of fixture.streams) {
      const records = await again.readRecords(BigInt(expected.stream), 0n, Number.POSITIVE_INFINITY);
      expect(records.map(recordLine)).toStrictEqual(expected.records.map(expectedLine));
    }
    await again.close();
  });

  test("a sealed segment's index is Kimberlite's to the letter", async () => {
    const path = directory();
    cpSync(fixture.data, path, { recursive: true });
    const storage = await Storage.open(path, { format: "plain", maxSegmentBytes: 1 });
    for (const { stream } of fixture.streams) {
      await storage.appendBatch(BigInt(stream), [Buffer.from("one")]);
    }
    await storage.close();
    for (const { stream, files } of fixture.streams) {
      for (const { name } of files.filter(({ positions }) => positions !== undefined)) {
        expect(readFileSync(`${path}/${stream}/${name}`)).toStrictEqual(
          readFileSync(`${fixture.data}/${stream}/${name}`),
        );
      }
    }
  });
});
