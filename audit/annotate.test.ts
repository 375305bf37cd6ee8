/**
 * The bytes of a record, field by field: all of them, each once, with what they say; also of bytes that are
 * no record.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { encoded, join, text, u64 } from "../e2e/by-hand.ts";
import { sentinelBytes } from "../e2e/kimberlite-writer.ts";
import { flipped } from "../e2e/testing.ts";
import { formatNamed } from "../src/format/formats.ts";
import { fieldsOf } from "./annotate.ts";

const PREVIOUS = new Uint8Array(32).fill(0xab);
const PLAIN = encoded({ offset: 258n, prevHash: PREVIOUS, kind: "checkpoint", payload: text("payload") });
const SENTINEL = sentinelBytes({
  offset: 258n,
  prevHash: PREVIOUS,
  kind: "checkpoint",
  payload: text("payload"),
});

const lines = (name: "plain" | "sentinel", bytes: Buffer): string[] =>
  fieldsOf(formatNamed(name), bytes).map(
    (field) => `${field.at} ${field.name} ${field.bytes.toString("hex")}: ${field.says}`,
  );

const PREVIOUS_HEX = "ab".repeat(32);
const PAYLOAD_HEX = "7061796c6f6164";

describe("whole records", () => {
  test("plain", () => {
    expect(lines("plain", PLAIN)).toStrictEqual([
      "0 offset 0201000000000000: 258",
      `8 prev_hash ${PREVIOUS_HEX}: chain hash of the record before`,
      "40 length 07000010: 7 bytes, kind checkpoint, compression none",
      `44 payload ${PAYLOAD_HEX}: `,
      `51 crc32 ${PLAIN.subarray(51).toString("hex")}: matches`,
    ]);
  });

  test("redacted, with what it stands for", () => {
    const payload = join(new Uint8Array(32).fill(0xcd), u64(3n));
    const redacted = encoded({ offset: 258n, prevHash: PREVIOUS, kind: "redacted", payload });
    expect(lines("plain", redacted).slice(2)).toStrictEqual([
      "40 length 28000030: 40 bytes, kind redacted, compression none",
      `44 hash ${"cd".repeat(32)}: chain hash of the last record that it stands for`,
      "76 count 0300000000000000: stands for 3 erased; the next offset is 261",
      `84 crc32 ${redacted.subarray(84).toString("hex")}: matches`,
    ]);
    const short = encoded({ offset: 258n, prevHash: PREVIOUS, kind: "redacted", payload: text("x") });
    expect(lines("plain", short)[3]).toBe("44 payload 78: ");
  });

  test("sentinel", () => {
    expect(lines("sentinel", SENTINEL)).toStrictEqual([
      "0 start mark fe0fdcba: 0xBADC0FFE, as it must be",
      "4 offset 0201000000000000: 258",
      `12 prev_hash ${PREVIOUS_HEX}: chain hash of the record before`,
      "44 kind 01: checkpoint",
      "45 compression 00: none",
      "46 length 07000000: 7 bytes",
      `50 payload ${PAYLOAD_HEX}: `,
      `57 crc32 ${SENTINEL.subarray(57, 61).toString("hex")}: matches`,
      "61 end mark 42eeffc0: 0xC0FFEE42, as it must be",
    ]);
  });

  test("the first of a stream, without a payload, and one that is compressed", () => {
    const zeros = new Uint8Array(32);
    const first = encoded({ offset: 0n, prevHash: zeros, kind: "data", payload: text("") });
    expect(lines("plain", first).slice(1, 4)).toStrictEqual([
      `8 prev_hash ${"00".repeat(32)}: none: the first record of a stream`,
      "40 length 00000000: 0 bytes, kind data, compression none",
      `44 crc32 ${first.subarray(44).toString("hex")}: matches`,
    ]);
    const stored = { compression: 1, bytes: text("payload") };
    const compressed = sentinelBytes(
      { offset: 0n, prevHash: zeros, kind: "data", payload: text("") },
      stored,
    );
    expect(lines("sentinel", compressed).slice(4, 7)).toStrictEqual([
      "45 compression 01: lz4",
      "46 length 07000000: 7 bytes",
      `50 payload ${PAYLOAD_HEX}: compressed with lz4`,
    ]);
  });
});

describe("what is no record", () => {
  test.each([
    ["a wrong start mark", 3, /^0 start mark fe0fdc[0-9a-f]{2}: 0x[0-9A-F]+, not the mark$/],
    ["a wrong end mark", 64, /^61 end mark 42eeff[0-9a-f]{2}: 0x[0-9A-F]+, not the mark$/],
    ["a wrong payload", 50, /^57 crc32 [0-9a-f]{8}: does not match the bytes before it$/],
    ["a kind that is not assigned", 44, /^44 kind 81: not assigned$/],
    ["a compression that is not assigned", 45, /^45 compression 80: not assigned$/],
  ])("%s is said", (_, byte, line) => {
    const found = lines("sentinel", Buffer.from(flipped(SENTINEL, byte * 8 + 7)));
    expect(
      found.some((one) => line.test(one)),
      found.join("\n"),
    ).toBe(true);
  });

  test("codes that are not assigned in plain", () => {
    const odd = encoded({ offset: 0n, prevHash: PREVIOUS, kind: "data", compression: 3, payload: text("") });
    expect(lines("plain", odd)[2]).toBe("40 length 000000c0: 0 bytes, kind data, compression not assigned");
  });

  test.prop([fc.constantFrom("plain" as const, "sentinel" as const), fc.uint8Array({ maxLength: 120 })])(
    "any bytes: the fields are theirs, in order, without a gap as far as they go",
    (name, content) => {
      const bytes = Buffer.from(content);
      const fields = fieldsOf(formatNamed(name), bytes);
      let end = 0;
      for (const field of fields) {
        expect(field.at).toBe(end);
        end += field.bytes.length;
      }
      expect(Buffer.concat(fields.map((field) => field.bytes)).equals(bytes.subarray(0, end))).toBe(true);
      const header = name === "plain" ? 44 : 50;
      expect(end).toBeGreaterThanOrEqual(Math.min(bytes.length, header));
    },
  );

  test.each([
    ["plain", PLAIN, 51],
    ["sentinel", SENTINEL, 57],
  ] as const)(
    "a %s record that is cut anywhere: its fields are as they were, and the last may end early",
    (name, whole, crcAt) => {
      const complete = lines(name, whole);
      for (let size = 1; size < crcAt; size += 1) {
        const found = lines(name, whole.subarray(0, size));
        const cut = found.at(-1)?.endsWith(": the bytes end here") === true ? 1 : 0;
        expect(found.slice(0, found.length - cut)).toStrictEqual(complete.slice(0, found.length - cut));
        expect(cut, `${size}: ${found.at(-1) ?? ""}`).toBe(
          complete.some((line) => line.startsWith(`${size} `)) ? 0 : 1,
        );
      }
    },
  );
});
