import { expect, test } from "vitest";
import { hex } from "../../e2e/by-hand.ts";
import { StorageError } from "../error.ts";
import { MAX_OFFSET } from "../limits.ts";
import { chainHash } from "./formats.ts";
import { deserializeRedactedPayload, serializeRedactedPayload } from "./redaction.ts";

const HASH = hex("c9721839dbb9c8bc6cb0f5011e79783137c6b16eafb73cd5cab455a2a1085199");

test("40 bytes: the hash of the last record, and how many there are", () => {
  const payload = serializeRedactedPayload({ hash: HASH, count: 0x0102n });
  expect(Buffer.from(payload)).toStrictEqual(Buffer.concat([HASH, hex("0201000000000000")]));
  const { hash, count } = deserializeRedactedPayload(payload);
  expect([Buffer.from(hash), count]).toStrictEqual([HASH, 0x0102n]);
  payload.fill(0);
  expect(Buffer.from(hash)).toStrictEqual(HASH);
});

test("its chain hash is the one that it says", () => {
  const payload = serializeRedactedPayload({ hash: HASH, count: 2n });
  expect(chainHash(undefined, "redacted", payload)).toStrictEqual(HASH);
  expect(chainHash(new Uint8Array(32), "redacted", payload)).toStrictEqual(HASH);
  expect(() => chainHash(undefined, "redacted", payload.subarray(1))).toThrow(StorageError);
});

test.each([0n, -1n, BigInt(MAX_OFFSET) + 1n])("a count of %s is refused", (count) => {
  expect(() => serializeRedactedPayload({ hash: HASH, count })).toThrow(
    "A redacted record stands for at least one record",
  );
});

test("a hash of another size is refused", () => {
  const hash = new Uint8Array(31);
  expect(() => serializeRedactedPayload({ hash, count: 1n })).toThrow("A chain hash has 32 bytes, not 31.");
});

test.each([0, 39, 41])("a payload of %i bytes is malformed", (bytes) => {
  expect(() => deserializeRedactedPayload(new Uint8Array(bytes))).toThrow(
    `A redacted record's payload has 40 bytes, not ${bytes}.`,
  );
});

test("other types are TypeErrors", () => {
  expect(() => serializeRedactedPayload({ hash: "hash" as never, count: 1n })).toThrow(TypeError);
  expect(() => serializeRedactedPayload({ hash: HASH, count: 1 as never })).toThrow(TypeError);
  expect(() => deserializeRedactedPayload("0".repeat(40) as never)).toThrow(TypeError);
});
