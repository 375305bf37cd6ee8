/**
 * What Kimberlite 0.8.0 wrote (`e2e/fixtures/kimberlite/`), read by the model's reader, and the calls that it
 * was written by, made again to the model's log.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fixtures } from "../e2e/kimberlite.ts";
import { append, checkpoint, emptyLog, head, type Last, type ModelLog } from "./log.ts";
import { readRecord, readStream } from "./reader.ts";

const KINDS = ["data", "checkpoint", "tombstone"];
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const segmentsIn = (directory: string): Map<string, Buffer> =>
  new Map(readdirSync(directory).map((name) => [name, readFileSync(`${directory}/${name}`)]));

test("there are five directories to read", () => {
  expect(fixtures().map(({ name }) => name)).toEqual([
    "a_single_uncompressed",
    "b_rotation",
    "c_checkpoints",
    "d_lz4",
    "g_two_streams",
  ]);
});

describe.each(fixtures())("$name", (fixture) => {
  test.each(fixture.streams)(
    "stream $stream: every record, hash, size and the head are as expected",
    (expected) => {
      const files = segmentsIn(`${fixture.data}/${expected.stream}`);
      const { records, end, problem } = readStream(files, "sentinel");
      expect(problem).toBeUndefined();
      expect(
        records.map(({ offset, kind, payload, prevHash, hash }) => ({
          offset: Number(offset),
          kind,
          payload: sha256(payload),
          prevHash: hex(prevHash),
          hash: hex(hash),
        })),
      ).toEqual(
        expected.records.map(({ offset, kind, payloadHex, payloadSha256, prevHashHex, recordHashHex }) => ({
          offset,
          kind: KINDS[kind],
          payload: payloadSha256 ?? sha256(Buffer.from(payloadHex ?? "", "hex")),
          prevHash: prevHashHex,
          hash: recordHashHex,
        })),
      );
      expect(hex(records.at(-1)?.hash ?? Buffer.of())).toBe(expected.headHashHex);
      expect(records.length).toBe(expected.nextOffset);
      expect(end.map(({ size }) => size)).toEqual(
        expected.files.filter(({ name }) => name.endsWith(".log")).map(({ size }) => size),
      );
      // Each by itself, after the one before, where it is said to be.
      let last: Last | undefined;
      for (const { segment, bytePosition, recordLen } of expected.records) {
        const bytes = files.get(`segment_${String(segment).padStart(6, "0")}.log`)?.subarray(bytePosition);
        const found = readRecord("sentinel", bytes ?? Buffer.of(), last);
        if (typeof found === "string") throw new Error(found);
        expect(found.size).toBe(recordLen);
        last = found.record;
      }
    },
  );

  test("the same calls to the model's log return the same hashes and offsets", () => {
    const logs = new Map<string, ModelLog>();
    for (const call of fixture.script) {
      const before = logs.get(call.stream) ?? emptyLog("sentinel");
      const payloads = (call.payloads ?? []).map((payload) => fixture.payload(payload));
      const log =
        call.op === "append_batch" ? append(before, payloads, { everyNRecords: 0 }) : checkpoint(before);
      expect(hex(head(log))).toBe(call.returnsHashHex);
      expect(log.records.length).toBe(call.returnsNextOffset);
      logs.set(call.stream, log);
    }
    expect(logs.size).toBe(fixture.streams.length);
  });
});
