/**
 * Compression of payloads: the codecs, and the registry that finds one by its kind.
 *
 * ```
 * none   the payload
 * lz4    [expanded size:u32][one LZ4 block]      little-endian
 * zstd   one Zstandard frame that declares its content size
 * ```
 * Promises: `decompress(compress(x))` is `x`. Stored bytes are checked before they are expanded: nothing is
 * that claims more than `MAX_PAYLOAD_BYTES`, or more than its format can yield from so many bytes, and the
 * memory spent on the rest is a small multiple of the claim. For any bytes the answer is a payload or a
 * `StorageError`.
 *
 * Does not promise: the same compressed bytes from another version of a library (never compare or hash them),
 * nor to notice an altered payload that still expands to the declared size. The record's CRC and hash chain
 * do that.
 *
 * The bytes given to a codec must not be changed before it has answered: zstd works on them in another
 * thread.
 *
 * Specification: docs/FORMAT.md, section 2; LZ4 block
 * (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md); RFC 8878
 * (https://www.rfc-editor.org/rfc/rfc8878).
 * @module
 */
import bindings from "@mongodb-js/zstd/bindings.js";
import lz4 from "lz4-napi";

import { StorageError, type StorageErrorCode } from "../error.ts";
import { MAX_PAYLOAD_BYTES } from "../limits.ts";
import { asBytes, asCount, asFlag, asOptions, type OptionNames, typeOf } from "../options.ts";
import type { Answer, CompressionKind } from "../types.ts";
import { checkContent, checkedFrame, declareContentSize } from "./zstd-frame.ts";

const LZ4_SIZE_BYTES = 4;
/**
 * No byte of an LZ4 block yields more: a length byte of 255 stands for 255 bytes, every other byte for fewer.
 */
const LZ4_YIELD_MAX = 255;

const KINDS: readonly unknown[] = ["none", "lz4", "zstd"] satisfies CompressionKind[];

const ZSTD_LEVEL_DEFAULT = 3;
const ZSTD_LEVEL_MAX = 22;

/**
 * One way of compressing payloads. The arrays that it returns share no memory with those that it was given,
 * unless it says so.
 *
 * @example
 * ```ts
 * // Counts what is compressed.
 * class CountingCodec implements Codec {
 *   readonly kind = "lz4" as const;
 *   readonly #codec = new Lz4Codec();
 *   payloads = 0;
 *
 *   compress(payload: Uint8Array): Uint8Array {
 *     this.payloads += 1;
 *     return this.#codec.compress(payload);
 *   }
 *
 *   decompress(stored: Uint8Array): Uint8Array {
 *     return this.#codec.decompress(stored);
 *   }
 * }
 * const codec = new CountingCodec();
 * const counted = new MemoryStorage({ compression: "lz4", codecs: new CodecRegistry([new NoneCodec(), codec]) });
 * await counted.appendBatch(1n, [event]);
 * codec.payloads; // 1
 * ```
 */
export interface Codec {
  /** Which code in a record's length field stands for it. */
  readonly kind: CompressionKind;
  /**
   * Compresses a payload.
   *
   * @param payload of at most `MAX_PAYLOAD_BYTES`
   * @returns the bytes to store
   */
  compress(payload: Uint8Array): Answer<Uint8Array>;
  /**
   * Expands what was stored.
   *
   * @param stored what `compress` returned, or any other bytes
   * @returns the payload
   * @throws StorageError `undecodable-payload`, `payload-limit` if there cannot be a payload, before memory
   *   is spent on it
   */
  decompress(stored: Uint8Array): Answer<Uint8Array>;
}

/**
 * Stores payloads as they are. It returns the array that it was given, not a copy.
 *
 * @example
 * ```ts
 * new NoneCodec().compress(payload) === payload; // true
 * ```
 */
export class NoneCodec implements Codec {
  readonly kind = "none" as const;

  /** @throws StorageError `payload-too-large` above `MAX_PAYLOAD_BYTES`. O(1). */
  compress(payload: Uint8Array): Uint8Array {
    return withinLimit(payload);
  }

  /** @throws StorageError `payload-limit` above `MAX_PAYLOAD_BYTES`. O(1). */
  decompress(stored: Uint8Array): Uint8Array {
    const { length } = bytesOf(stored);
    if (length > MAX_PAYLOAD_BYTES) {
      throw refused("none", "payload-limit", `it has ${length} bytes, and the limit is ${MAX_PAYLOAD_BYTES}`);
    }
    return stored;
  }
}

/**
 * LZ4, synchronously, in this thread: `[expanded size:u32][one block]`, the layout of Rust's
 * `lz4_flex::compress_prepend_size`.
 *
 * @example
 * ```ts
 * const codec = new Lz4Codec();
 * codec.decompress(Uint8Array.of(5, 0, 0, 0, 0x50, 104, 101, 108, 108, 111)); // "hello": a token, five literals
 * ```
 */
export class Lz4Codec implements Codec {
  readonly kind = "lz4" as const;

  /**
   * Time linear in the payload.
   *
   * @throws StorageError `payload-too-large` above `MAX_PAYLOAD_BYTES`.
   * @throws StorageError `undecodable-payload` if the library fails.
   */
  compress(payload: Uint8Array): Uint8Array {
    const buffer = asBuffer(withinLimit(payload));
    try {
      return plain(lz4.compressSync(buffer));
    } catch (cause) {
      throw unwritable("lz4", cause);
    }
  }

  /**
   * Allocates what the size prefix says, once that is at most `MAX_PAYLOAD_BYTES` and at most 255 times the
   * block.
   *
   * @throws StorageError `payload-limit` if the prefix says more.
   * @throws StorageError `undecodable-payload` if there is no prefix, the block is not one, or it expands to
   *   another size.
   */
  decompress(stored: Uint8Array): Uint8Array {
    const buffer = asBuffer(bytesOf(stored));
    if (buffer.length < LZ4_SIZE_BYTES) {
      throw refused(
        "lz4",
        "undecodable-payload",
        `it has ${buffer.length} bytes, fewer than its size prefix`,
      );
    }
    const claimed = buffer.readUInt32LE(0);
    if (claimed > MAX_PAYLOAD_BYTES) {
      throw refused(
        "lz4",
        "payload-limit",
        `it claims ${claimed} bytes, and the limit is ${MAX_PAYLOAD_BYTES}`,
      );
    }
    const most = (buffer.length - LZ4_SIZE_BYTES) * LZ4_YIELD_MAX;
    if (claimed > most) {
      throw refused("lz4", "payload-limit", `it claims ${claimed} bytes, and its block can yield ${most}`);
    }
    let payload: Uint8Array;
    try {
      payload = plain(lz4.uncompressSync(buffer));
    } catch (cause) {
      throw refused("lz4", "undecodable-payload", "its block is damaged", cause);
    }
    return ofLength(payload, claimed, "lz4");
  }
}

/** How a `ZstdCodec` works. */
export interface ZstdOptions {
  /**
   * 1 (fast) to 22 (small). Default: 3. From 12 on the encoder spends tens of milliseconds on the smallest
   * payload, because it prepares for a large one.
   */
  readonly level?: number | undefined;
  /**
   * Whether to expand frames that do not declare their content size. Kimberlite writes such frames
   * (`zstd::encode_all`), this package never does, and FORMAT.md allows them only in streams of the format
   * `sentinel`, where they are expanded in any case. Default: false. The limit of such a frame is the most
   * that its blocks can yield.
   */
  readonly acceptsUndeclaredSize?: boolean | undefined;
}

const ZSTD_OPTIONS: OptionNames<ZstdOptions> = { level: true, acceptsUndeclaredSize: true };

/**
 * Zstandard, in another thread: one frame that declares its content size.
 *
 * @example
 * ```ts
 * const codec = new ZstdCodec({ level: 9 });
 * await codec.decompress(await codec.compress(payload)); // payload
 * ```
 */
export class ZstdCodec implements Codec {
  readonly kind = "zstd" as const;
  /** From 1 (fast) to 22 (small). */
  readonly level: number;
  /** Whether frames that do not declare their content size are expanded. */
  readonly acceptsUndeclaredSize: boolean;

  /**
   * @param options the level, and which frames are expanded
   * @throws StorageError `out-of-range` for a level that is not a whole number from 1 to 22.
   * @throws TypeError for an unknown option, or one of another type.
   */
  constructor(options?: ZstdOptions) {
    const { level, acceptsUndeclaredSize } = asOptions("ZstdCodec", options, ZSTD_OPTIONS);
    this.level = level === undefined ? ZSTD_LEVEL_DEFAULT : asCount("level", level, 1, ZSTD_LEVEL_MAX);
    this.acceptsUndeclaredSize = asFlag("acceptsUndeclaredSize", acceptsUndeclaredSize, false);
  }

  /**
   * The headers of the frame have passed the same checks that `decompress` makes.
   *
   * @throws StorageError `payload-too-large` above `MAX_PAYLOAD_BYTES`.
   * @throws StorageError `undecodable-payload` if the library made a frame that could not be read back, or
   *   none.
   */
  async compress(payload: Uint8Array): Promise<Uint8Array> {
    const { length } = withinLimit(payload);
    try {
      // The library streams and leaves the content size out of the header, so it is put there afterwards.
      const encoded = plain(await bindings.compress(asBuffer(payload), this.level));
      const frame = declareContentSize(encoded, length);
      const { contentBytes } = checkedFrame(frame, false);
      if (contentBytes !== length)
        throw new Error(`It declares ${String(contentBytes)}, not ${length} bytes.`);
      return frame;
    } catch (cause) {
      throw unwritable("zstd", cause);
    }
  }

  /**
   * Allocates what the frame declares (the library's growing buffer may take as much again for a moment),
   * once the walk over its headers has shown that it is at most `MAX_PAYLOAD_BYTES` and at most what its
   * blocks can yield.
   *
   * @throws StorageError `payload-limit` if it declares or yields more.
   * @throws StorageError `undecodable-payload` if it is not one frame, needs a dictionary or a window beyond
   * 2^27 bytes, declares no size, is damaged inside, or expands to another size.
   */
  async decompress(stored: Uint8Array): Promise<Uint8Array> {
    const outline = checkedFrame(bytesOf(stored), this.acceptsUndeclaredSize);
    checkContent(stored, outline);
    const { contentBytes } = outline;
    let payload: Uint8Array;
    try {
      payload = plain(await bindings.decompress(asBuffer(stored)));
    } catch (cause) {
      throw refused("zstd", "undecodable-payload", "its content is damaged", cause);
    }
    if (contentBytes !== undefined) return ofLength(payload, contentBytes, "zstd");
    if (payload.length > MAX_PAYLOAD_BYTES) {
      throw refused(
        "zstd",
        "payload-limit",
        `it has ${payload.length} bytes, and the limit is ${MAX_PAYLOAD_BYTES}`,
      );
    }
    return payload;
  }
}

/**
 * The codecs that a storage uses, by kind.
 *
 * @example
 * ```ts
 * const registry = new CodecRegistry();
 * registry.register(new ZstdCodec({ level: 9 }));
 * const payload = await registry.get(record.compression).decompress(record.payload);
 * ```
 */
export class CodecRegistry {
  readonly #codecs = new Map<CompressionKind, Codec>();

  /**
   * @param codecs default: all three of this package; of two of the same kind the later one counts
   * @throws TypeError if it is not an iterable of codecs
   */
  constructor(codecs: Iterable<Codec> = [new NoneCodec(), new Lz4Codec(), new ZstdCodec()]) {
    if (typeof (Object(codecs) as Partial<Iterable<Codec>>)[Symbol.iterator] !== "function") {
      throw new TypeError(`CodecRegistry takes an array of codecs, not ${typeOf(codecs)}.`);
    }
    for (const codec of codecs) this.register(codec);
  }

  /**
   * The codec of a kind.
   *
   * @param kind of the compression
   * @returns the codec
   * @throws StorageError `unknown-codec` if none is registered
   */
  get(kind: CompressionKind): Codec {
    const codec = this.#codecs.get(kind);
    if (codec === undefined) {
      throw new StorageError(
        "unknown-codec",
        `No codec for the compression "${kind}" is registered; register one.`,
      );
    }
    return codec;
  }

  /**
   * The codecs that are registered.
   *
   * @returns one for each kind, in a new array
   */
  all(): Codec[] {
    return [...this.#codecs.values()];
  }

  /**
   * Adds a codec, which replaces one of the same kind.
   *
   * @param codec to be added
   * @throws TypeError if it is not a codec
   */
  register(codec: Codec): void {
    const { kind, compress, decompress } = Object(codec) as Partial<Codec>;
    if (!KINDS.includes(kind) || typeof compress !== "function" || typeof decompress !== "function") {
      throw new TypeError(
        'A codec is an object with a kind, "none", "lz4" or "zstd", and the functions compress and decompress.',
      );
    }
    this.#codecs.set(codec.kind, codec);
  }
}

/**
 * The same codecs, except that this package's zstd expands frames that do not declare their content size.
 *
 * @param registry is not changed
 * @returns a new registry
 */
export function withUndeclaredSizes(registry: CodecRegistry): CodecRegistry {
  return new CodecRegistry(
    registry
      .all()
      .map((codec) =>
        codec instanceof ZstdCodec
          ? new ZstdCodec({ level: codec.level, acceptsUndeclaredSize: true })
          : codec,
      ),
  );
}

/** A payload as it is to be stored. */
export interface CompressedPayload {
  readonly compression: CompressionKind;
  readonly bytes: Uint8Array;
}

/**
 * What to store for a payload: the codec's result if it is smaller, otherwise the payload itself (the same
 * array, not a copy), uncompressed. So what is stored is never larger than the payload.
 *
 * @param codec to compress with
 * @param payload of at most `MAX_PAYLOAD_BYTES`
 * @returns what to store; not a promise if the codec's answer is not
 * @throws StorageError as `codec.compress`
 *
 * @example
 * ```ts
 * const { compression, bytes } = await compressed(registry.get("zstd"), payload);
 * ```
 */
export function compressed(codec: Codec, payload: Uint8Array): Answer<CompressedPayload> {
  const smaller = (bytes: Uint8Array): CompressedPayload =>
    bytes.length < payload.length
      ? { compression: codec.kind, bytes }
      : { compression: "none", bytes: payload };
  const result = codec.compress(payload);
  return result instanceof Promise ? result.then(smaller) : smaller(result);
}

function refused(
  codec: CompressionKind,
  code: StorageErrorCode,
  what: string,
  cause?: unknown,
): StorageError {
  const sentence = `The ${codec} payload cannot be expanded: ${what}. Restore the record from a copy.`;
  return new StorageError(code, sentence, {}, cause);
}

function unwritable(codec: CompressionKind, cause: unknown): StorageError {
  const sentence = `The ${codec} library made nothing that could be read back; nothing was stored. Use another codec.`;
  return new StorageError("undecodable-payload", sentence, {}, cause);
}

function bytesOf(value: Uint8Array): Uint8Array {
  // For callers without types: otherwise one codec, and only one, would compress a string as its UTF-8 bytes.
  return asBytes("A payload", value);
}

function withinLimit(payload: Uint8Array): Uint8Array {
  const { length } = bytesOf(payload);
  if (length > MAX_PAYLOAD_BYTES) {
    const sentence = `The payload has ${length} bytes, and the limit is ${MAX_PAYLOAD_BYTES}; split it.`;
    throw new StorageError("payload-too-large", sentence);
  }
  return payload;
}

function ofLength(payload: Uint8Array, bytes: number, codec: CompressionKind): Uint8Array {
  if (payload.length === bytes) return payload;
  throw refused(codec, "undecodable-payload", `it claims ${bytes} bytes and expands to ${payload.length}`);
}

/** The same memory as a Buffer, which the libraries need; of a view exactly the part that it shows. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The same memory as a plain Uint8Array: a Buffer's `slice` would share memory where a copy is expected. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
