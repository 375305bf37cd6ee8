import { expect, test } from "vitest";
import { hex } from "../../e2e/by-hand.ts";
import { StorageError } from "../error.ts";
import { MAX_OFFSET } from "../limits.ts";
import { deserializeTombstonePayload, serializeTombstonePayload, type Tombstone } from "./tombstone.ts";

test("16 bytes: the first offset and the count, little-endian", () => {
  const payload = serializeTombstonePayload({ first: 0x0102n, count: 3n });
  expect(Buffer.from(payload)).toStrictEqual(hex("0201000000000000 0300000000000000"));
  expect(deserializeTombstonePayload(payload)).toStrictEqual({ first: 0x0102n, count: 3n });
});

test.each<[string, Tombstone]>([
  ["an offset below 0", { first: -1n, count: 1n }],
  ["no records", { first: 0n, count: 0n }],
  ["fewer than no records", { first: 5n, count: -1n }],
  ["an end that no stream has", { first: BigInt(MAX_OFFSET), count: 1n }],
])("%s is refused", (_, tombstone) => {
  expect(() => serializeTombstonePayload(tombstone)).toThrow(StorageError);
  expect(() => serializeTombstonePayload(tombstone)).toThrow("A tombstone names at least one record");
});

test("the largest that can be", () => {
  const tombstone = { first: 0n, count: BigInt(MAX_OFFSET) };
  expect(deserializeTombstonePayload(serializeTombstonePayload(tombstone))).toStrictEqual(tombstone);
});

test.each([0, 15, 17, 40])("a payload of %i bytes is malformed", (bytes) => {
  expect(() => deserializeTombstonePayload(new Uint8Array(bytes))).toThrow(
    `A tombstone's payload has 16 bytes, not ${bytes}.`,
  );
});

test("other types are TypeErrors", () => {
  expect(() => serializeTombstonePayload({ first: 1 as never, count: 1n })).toThrow(TypeError);
  expect(() => serializeTombstonePayload({ first: 1n, count: 1 as never })).toThrow(TypeError);
  expect(() => deserializeTombstonePayload("0".repeat(16) as never)).toThrow(TypeError);
});
