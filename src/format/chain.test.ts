/**
 * The chain hash and the checksum, against literals that python3's hashlib, hmac and zlib printed and against
 * libraries that the engine does not use.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";

import { hashOf, hex, text } from "../../e2e/by-hand.ts";
import { crc32, equalBytes, genesisHash, HASH_BYTES, sameHash } from "./chain.ts";
import { chainHash } from "./formats.ts";
import type { Format, RecordKind } from "../types.ts";

const HASH_0 = hex("29663b9a32ee32c2ca5a645117696ce0888c84b39f8fd91c0ec4ebcd09025df4");
const HASH_1 = hex("c0351898aed9916debcc05905fb10161c329785aaa559dbc85fc1571516b6f6e");
const HASH_CHECKPOINT = hex("c9721839dbb9c8bc6cb0f5011e79783137c6b16eafb73cd5cab455a2a1085199");
const HASH_3 = hex("ac24a4c4c58d9dffeb6c5f35c0c086daa92380bc513d890466611c9fbc6d8a4f");

describe("H2 each prev_hash is the hash of the record before: vectors", () => {
  test("the first record: SHA-256 of its payload alone", () => {
    expect(chainHash(undefined, "data", text("event1"))).toStrictEqual(HASH_0);
    expect(chainHash(undefined, "data", new Uint8Array(0))).toStrictEqual(
      hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    );
  });

  test("a later record: SHA-256 of the hash before and the payload", () => {
    expect(chainHash(HASH_0, "data", text("event2"))).toStrictEqual(HASH_1);
    expect(chainHash(HASH_0, "data", new Uint8Array(0))).toStrictEqual(
      hex("114a4747f4b3b93ab870467475eba31cfc3a0131e15472b74c9225a2b91ade8a"),
    );
  });

  test("a checkpoint, and the record behind it: HMAC-SHA-256, then SHA-256 again", () => {
    const payload = Buffer.concat([HASH_1, hex("0200000000000000")]);
    expect(chainHash(HASH_1, "checkpoint", payload)).toStrictEqual(HASH_CHECKPOINT);
    expect(chainHash(HASH_CHECKPOINT, "data", text("event3"))).toStrictEqual(HASH_3);
  });

  test("a tombstone with a checkpoint's payload: another key, another hash", () => {
    const payload = Buffer.concat([HASH_1, hex("0200000000000000")]);
    expect(chainHash(HASH_1, "tombstone", payload)).toStrictEqual(
      hex("b4d81d3ae78ff2fcd38528e72af3d231e082a1edbd74a9afb1411935b5ee76dd"),
    );
  });

  test.each([
    [65_535, "fe5b05a0a951f32c7323b7c56c1a235d06d7f440f30fc3f164132e3090947e27"],
    [65_536, "6918fd29330e85c5cdc6a81161edb1c8f83872d8af64da7a995c8f0c450da54b"],
    [65_537, "8b438d79fe543a2883ea826c23a5de09d0781a77bb497f7ac42b5fa0401d0423"],
  ])("a payload of %i bytes, around where the engine changes its way", (bytes, expected) => {
    const payload = Uint8Array.from({ length: bytes }, (_, i) => i % 256);
    expect(chainHash(HASH_0, "data", payload)).toStrictEqual(hex(expected));
  });

  const kinds = fc.constantFrom<Exclude<RecordKind, "redacted">>("data", "checkpoint", "tombstone");
  const formats = fc.constantFrom<Format>("plain", "sentinel");
  const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const sizes = fc.oneof(fc.nat(200), fc.nat(200_000));

  test.prop([formats, kinds, fc.option(hashes, { nil: undefined }), sizes, fc.nat(255)], { numRuns: 100 })(
    "any record of either format, of any size",
    (format, kind, previous, bytes, value) => {
      const payload = new Uint8Array(bytes).fill(value);
      expect(chainHash(previous, kind, payload, format)).toStrictEqual(
        Buffer.from(hashOf(previous, kind, payload, format)),
      );
    },
  );
});

describe("H2 each prev_hash is the hash of the record before: vectors of the format sentinel", () => {
  const hash0 = hex("68f4eeaee188f5086f88f98319692ef321b4c5f3d1003a9d1b8c0ced5bf934a4");
  const hash1 = hex("dbffa3cf34f7f57f9a4f263fef75984f55e0ac5ece1ed001cd6f897a653d9235");
  const hash2 = hex("56fbd6982fed8b156bdacfa8052c6044bc2dde2165b8828663d3345907f56dff");
  const point = Buffer.concat([hash1, hex("0200000000000000")]);

  test.each<[string, Uint8Array | undefined, RecordKind, Uint8Array, string]>([
    [
      "the first record: SHA-256 of its kind and payload",
      undefined,
      "data",
      text("event1"),
      hash0.toString("hex"),
    ],
    [
      "a first record without bytes: SHA-256 of its kind",
      undefined,
      "data",
      text(""),
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    ],
    [
      "a first record that is a checkpoint",
      undefined,
      "checkpoint",
      new Uint8Array(40),
      "f350fbd7557ef9d0a8fb9906b5699288f3bf3f68ee9adbddb5d69c0bd39575c0",
    ],
    ["a later record: the hash before comes first", hash0, "data", text("event2"), hash1.toString("hex")],
    [
      "a later record without bytes",
      hash0,
      "data",
      text(""),
      "32937c74baa93ce09cf6b2524794beebc57675568b6706cb3d5cda8dec903626",
    ],
    ["a checkpoint: kind 1", hash1, "checkpoint", point, hash2.toString("hex")],
    [
      "the record behind a checkpoint",
      hash2,
      "data",
      text("event3"),
      "8611b53d0d62a45b6c0c419a25fa111fa3aaf9474a8fb28ed17b1dabeef409b0",
    ],
    [
      "a tombstone with a checkpoint's payload: kind 2, another hash",
      hash1,
      "tombstone",
      point,
      "03ca36738ca3c5075f2c18e0b976899dde62dc4871130b762021ede33bf03c09",
    ],
  ])("%s", (_, previous, kind, payload, expected) => {
    expect(chainHash(previous, kind, payload, "sentinel")).toStrictEqual(hex(expected));
  });

  test.each([
    [65_535, "b1b4a1d8b59558ff131467e25487c156c61e44e681c4132674be52bf3d976172"],
    [65_536, "509b52a2248803ded28f7bda3eabcc504125f7a42339e6d5c0275b6e9966b3ef"],
    [65_537, "92c5269864851674f811c27230ac35a730683ce545d037f787476a30d91dc9ef"],
  ])("a payload of %i bytes, around where the engine changes its way", (bytes, expected) => {
    const payload = Uint8Array.from({ length: bytes }, (_, i) => i % 256);
    expect(chainHash(hash0, "data", payload, "sentinel")).toStrictEqual(hex(expected));
  });
});

test("a hash leaves its arguments as they are and shares no memory with them or with other hashes", () => {
  const previous = Uint8Array.from(HASH_0);
  const payload = text("event2");
  const first = chainHash(previous, "data", payload);
  first.fill(0);
  expect(previous).toStrictEqual(Uint8Array.from(HASH_0));
  expect(payload).toStrictEqual(text("event2"));
  expect(chainHash(previous, "data", payload)).toStrictEqual(HASH_1);
});

test("the genesis hash is 32 zeros, a new array each time", () => {
  expect(HASH_BYTES).toBe(32);
  expect(genesisHash()).toStrictEqual(new Uint8Array(32));
  genesisHash().fill(1);
  expect(genesisHash()).toStrictEqual(new Uint8Array(32));
});

test("CRC-32: the check value of the catalogue, and of nothing", () => {
  expect(crc32(text("123456789"))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array(0))).toBe(0);
});

describe("comparing hashes", () => {
  test("a difference in any one byte is seen", () => {
    for (let i = 0; i < 32; i += 1) {
      const other = Uint8Array.from(HASH_0);
      other[i] = (other[i] ?? 0) ^ 0x80;
      expect(sameHash(HASH_0, other)).toBe(false);
      expect(sameHash(other, HASH_0)).toBe(false);
    }
    expect(sameHash(HASH_0, Uint8Array.from(HASH_0))).toBe(true);
  });

  test("only the range that is asked for counts", () => {
    const a = Uint8Array.of(9, 1, 2, 3, 9);
    const b = Uint8Array.of(1, 2, 3, 8);
    expect(equalBytes(a, 1, b, 0, 3)).toBe(true);
    expect(equalBytes(a, 1, b, 0, 4)).toBe(false);
    expect(equalBytes(a, 0, b, 0, 1)).toBe(false);
    expect(equalBytes(a, 0, b, 0, 0)).toBe(true);
  });
});
