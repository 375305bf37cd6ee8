import { createHash, createHmac } from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";
import { fc, test as property } from "@fast-check/vitest";
import { expect, test } from "vitest";
import { chainHash, crc32, NO_HASH } from "./hash.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = fc.uint8Array({ maxLength: 300 });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });

test("plain: a stream's first hash is SHA-256 of its payload", () => {
  expect(hex(chainHash("plain", "data", Buffer.from("event1")))).toBe(
    "29663b9a32ee32c2ca5a645117696ce0888c84b39f8fd91c0ec4ebcd09025df4",
  );
});

// Computed with Python's hashlib.
test.each([
  {
    kind: "data",
    payload: "event1",
    hash: "68f4eeaee188f5086f88f98319692ef321b4c5f3d1003a9d1b8c0ced5bf934a4",
  },
  { kind: "data", payload: "", hash: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
  {
    kind: "checkpoint",
    payload: "\0".repeat(40),
    hash: "f350fbd7557ef9d0a8fb9906b5699288f3bf3f68ee9adbddb5d69c0bd39575c0",
  },
  {
    kind: "tombstone",
    payload: "gone",
    hash: "ea4867a406c67779eef9f4fbdf1b07212b292c427c675dfcffcd84f1d88808f2",
  },
] as const)("sentinel: a stream's first hash, if it is a $kind, is $hash", ({ kind, payload, hash }) => {
  expect(hex(chainHash("sentinel", kind, Buffer.from(payload)))).toBe(hash);
});

property.prop([hash, bytes])(
  "plain: a data record's hash is SHA-256 of the hash before and the payload",
  (before, payload) => {
    const expected = createHash("sha256").update(before).update(payload).digest("hex");
    expect(hex(chainHash("plain", "data", payload, before))).toBe(expected);
  },
);

property.prop([fc.constantFrom("checkpoint", "tombstone"), hash, bytes])(
  "plain: a checkpoint's or tombstone's hash is HMAC-SHA-256 of the same under a key that names the kind",
  (kind, before, payload) => {
    const expected = createHmac("sha256", `kimberlite/${kind}`).update(before).update(payload).digest("hex");
    expect(hex(chainHash("plain", kind, payload, before))).toBe(expected);
  },
);

property.prop([fc.constantFrom("data", "checkpoint", "tombstone"), hash, bytes])(
  "sentinel: a record's hash is SHA-256 of the hash before, its kind's code and the payload",
  (kind, before, payload) => {
    const code = { data: 0, checkpoint: 1, tombstone: 2 }[kind];
    const expected = createHash("sha256").update(before).update(Uint8Array.of(code)).update(payload);
    expect(hex(chainHash("sentinel", kind, payload, before))).toBe(expected.digest("hex"));
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
