import { createHash, createHmac } from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";
import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { chainHash, crc32, NO_HASH } from "./hash.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = fc.uint8Array({ maxLength: 300 });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });

test("a stream's first hash is SHA-256 of its payload", () => {
  expect(hex(chainHash("data", Buffer.from("event1")))).toBe(
    "29663b9a32ee32c2ca5a645117696ce0888c84b39f8fd91c0ec4ebcd09025df4",
  );
});

property.prop([hash, bytes])(
  "a data record's hash is SHA-256 of the hash before and the payload",
  (before, payload) => {
    const expected = createHash("sha256").update(before).update(payload).digest("hex");
    expect(hex(chainHash("data", payload, before))).toBe(expected);
  },
);

property.prop([fc.constantFrom("checkpoint", "tombstone"), hash, bytes])(
  "a checkpoint's or tombstone's hash is HMAC-SHA-256 of the same under a key that names the kind",
  (kind, before, payload) => {
    const expected = createHmac("sha256", `kimberlite/${kind}`).update(before).update(payload).digest("hex");
    expect(hex(chainHash(kind, payload, before))).toBe(expected);
  },
);

test("where there is no record before, 32 zero bytes stand for its hash", () => {
  expect(hex(NO_HASH)).toBe("00".repeat(32));
});

test("the CRC of the digits 1 to 9 is the check value 0xCBF43926", () => {
  expect(crc32(Buffer.from("123456789"))).toBe(0xcbf43926);
});

property.prop([bytes])("the CRC is zlib's", (input) => {
  expect(crc32(input)).toBe(zlibCrc32(input));
});
