/**
 * Z2 of zstd: frames that declare, or hold, more than they may, and in format `sentinel` those that declare
 * nothing.
 * @module
 */
import type { Format } from "../../src/types.ts";
import { checkDecompression, type DecompressionResult, u } from "./claimed-sizes.ts";
import { PAYLOAD_BYTES_MAX as LIMIT } from "./layout.ts";
import { chooseFrom, itemAt, numberText, type Section } from "./section.ts";

const MAGIC = u(4, 0xfd2fb528);
/** Behind the magic number and the flags. */
const WINDOW_AT = MAGIC.length + 1;
const BLOCK_MAX = 128 * 1024;

/** Sizes that a frame may declare: in 0, 1, 2, 4 or 8 bytes. */
const DECLARED: readonly (number | undefined)[] = [
  undefined,
  0,
  1,
  100,
  255,
  256,
  65_791,
  65_792,
  BLOCK_MAX,
  LIMIT - 1,
  LIMIT,
  LIMIT + 1,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  2 ** 63,
];

/**
 * Content as it is stored: raw, one byte repeated in blocks as large as may be, or compressed blocks that are
 * none.
 */
interface Content {
  readonly name: string;
  /**
   * How many bytes it stands for; none where it is damaged, and a reader cannot know that from its headers.
   */
  readonly yields: number | undefined;
  readonly blocks: Buffer;
}

const blockHeader = (isLast: boolean, type: number, size: number): Buffer =>
  u(3, Number(isLast) + type * 2 + size * 8);

function repeated(yields: number): Buffer {
  const blocks: Buffer[] = [];
  for (let left = yields; left > BLOCK_MAX; left -= BLOCK_MAX)
    blocks.push(blockHeader(false, 1, BLOCK_MAX), u(1, 7));
  blocks.push(
    blockHeader(true, 1, yields - Math.max(0, Math.ceil(yields / BLOCK_MAX) - 1) * BLOCK_MAX),
    u(1, 7),
  );
  return Buffer.concat(blocks);
}

/** Blocks that claim to be compressed and hold zeros: at most 128 KiB each, together more than the limit. */
const DAMAGED_BLOCKS = Math.ceil(LIMIT / BLOCK_MAX) + 1;
const DAMAGED = Buffer.concat([blockHeader(false, 2, 3), Buffer.alloc(3)]);
const damaged = Buffer.concat([
  Buffer.alloc((DAMAGED_BLOCKS - 1) * DAMAGED.length, DAMAGED),
  blockHeader(true, 2, 3),
  Buffer.alloc(3),
]);

const CONTENTS: readonly Content[] = [
  { name: "nothing", yields: 0, blocks: blockHeader(true, 0, 0) },
  { name: "100 raw", yields: 100, blocks: Buffer.concat([blockHeader(true, 0, 100), Buffer.alloc(100, 7)]) },
  ...[1, 256, 65_792, BLOCK_MAX, LIMIT, LIMIT + 1, 2 ** 31].map((yields) => ({
    name: `${yields} repeated`,
    yields,
    blocks: repeated(yields),
  })),
  { name: `${DAMAGED_BLOCKS} damaged blocks`, yields: undefined, blocks: damaged },
];

/**
 * The contents that are put behind a declared size: not the largest that is allowed, which takes as much
 * memory as may be.
 */
const contentsFor = (format: Format, declared: number | undefined): readonly Content[] =>
  CONTENTS.filter(
    (content) => content.yields !== LIMIT || zstdAnswer(format, declared, content, "none") !== LIMIT,
  );

/** What stands behind the frame or is wrong with it. */
const FLAWS = [
  "none",
  "a byte behind",
  "the frame twice",
  "its last byte missing",
  "a dictionary",
  "the reserved bit",
] as const;

function zstdFrame(declared: number | undefined, { blocks }: Content, flaw: (typeof FLAWS)[number]): Buffer {
  const flags = (flaw === "a dictionary" ? 1 : 0) | (flaw === "the reserved bit" ? 8 : 0);
  const dictionary = flaw === "a dictionary" ? u(1, 5) : Buffer.alloc(0);
  const window = u(1, 0x58); // 2 MiB
  const header = (size: 0 | 1 | 2 | 3, field: Buffer): Buffer =>
    Buffer.concat([MAGIC, u(1, flags | (size << 6)), window, dictionary, field]);
  const eight = (value: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  // With a window there is no 1-byte size; a 2-byte one counts from 256.
  const start =
    declared === undefined
      ? header(0, Buffer.alloc(0))
      : declared >= 256 && declared < 65_792
        ? header(1, u(2, declared - 256))
        : declared < 2 ** 32
          ? header(2, u(4, declared))
          : header(3, eight(declared));
  const frame = Buffer.concat([start, blocks]);
  if (flaw === "a byte behind") return Buffer.concat([frame, u(1, 0)]);
  if (flaw === "the frame twice") return Buffer.concat([frame, frame]);
  return flaw === "its last byte missing" ? frame.subarray(0, -1) : frame;
}

function zstdAnswer(
  format: Format,
  declared: number | undefined,
  { yields }: Content,
  flaw: (typeof FLAWS)[number],
): DecompressionResult {
  if (flaw !== "none") return "undecodable-payload";
  const most = yields ?? DAMAGED_BLOCKS * BLOCK_MAX;
  if (declared === undefined) {
    if (format === "plain") return "undecodable-payload";
    return most > LIMIT ? "payload-limit" : (yields ?? "undecodable-payload");
  }
  if (declared > LIMIT || declared > most || (yields ?? 0) > LIMIT) return "payload-limit";
  return declared === yields ? yields : "undecodable-payload";
}

export const zstdClaims: Section = {
  name: "zstd claims",
  invariants: ["Z2"],
  covers: () =>
    `zstd: ${DECLARED.length} declared sizes from none to 2^63 x ${CONTENTS.length} contents of 0 to ${numberText(2 ** 31)} bytes ` +
    `(${CONTENTS.map(({ name }) => name).join("; ")}) x ${FLAWS.length} frames (${FLAWS.join("; ")})`,
  first: () => ({ what: "declared size", of: DECLARED.length }),
  run({ format }, first, choice, counts) {
    const declared = DECLARED[first];
    const contents = contentsFor(format, declared);
    const content = chooseFrom(choice, contents, `content: ${contents.map(({ name }) => name).join(", ")}`);
    const flaw = chooseFrom(choice, FLAWS, `flaw: ${FLAWS.join(", ")}`);
    return checkDecompression(
      counts,
      format,
      "zstd",
      zstdFrame(declared, content, flaw),
      zstdAnswer(format, declared, content, flaw),
    );
  },
};

/** RFC 8878, section 3.1.1.1.2: the window that a byte stands for. */
const windowOf = (code: number): number => 2 ** (10 + (code >> 3)) * (1 + (code % 8) / 8);

/** The window that a frame says it needs: every value of its byte. */
export const zstdWindows: Section = {
  name: "zstd windows",
  invariants: ["Z2"],
  covers: ({ format }) =>
    "zstd: all 256 windows from 1 KiB to 3.75 TiB, of a frame of no bytes, and of one of 100" +
    (format === "plain" ? "" : "; with the size declared, and without"),
  first: () => ({ what: "window", of: 256 }),
  run({ format }, code, choice, counts) {
    const yields = chooseFrom(choice, [0, 100], "content: 0, 100");
    const declares = choice.choose(format === "plain" ? 1 : 2, "size: declared, undeclared") === 0;
    const content = itemAt(CONTENTS, yields === 0 ? 0 : 1);
    const frame = zstdFrame(declares ? yields : undefined, content, "none");
    frame[WINDOW_AT] = code;
    // FORMAT.md allows 2^27 bytes.
    return checkDecompression(
      counts,
      format,
      "zstd",
      frame,
      windowOf(code) > 2 ** 27 ? "undecodable-payload" : yields,
    );
  },
};

/**
 * Bytes of a window: the smallest, one that is no power of two, the last that is smaller than a block may be,
 * that size itself, and 2 MiB.
 */
const WINDOWS = [0x00, 0x01, 0x37, 0x38, 0x58];

export const zstdUndeclared: Section = {
  name: "zstd undeclared",
  invariants: ["Z2"],
  formats: ["sentinel"],
  covers: () =>
    `zstd without a declared size: windows of ${WINDOWS.map((code) => numberText(windowOf(code))).join("; ")} bytes ` +
    `x damaged compressed blocks and one byte repeated that could yield the limit of ${numberText(LIMIT)} bytes together, and 1 more`,
  first: () => ({ what: `window: ${WINDOWS.map(windowOf).join(", ")}`, of: WINDOWS.length }),
  run({ format }, first, choice, counts) {
    const code = itemAt(WINDOWS, first);
    const more = choice.choose(2, "bytes beyond the limit");
    const blockMax = Math.min(windowOf(code), BLOCK_MAX);
    const whole = Math.floor(LIMIT / blockMax);
    const blocks = Buffer.concat([
      Buffer.alloc(whole * DAMAGED.length, DAMAGED),
      repeated(LIMIT + more - whole * blockMax),
    ]);
    const frame = zstdFrame(undefined, { name: "", yields: undefined, blocks }, "none");
    frame[WINDOW_AT] = code;
    return checkDecompression(
      counts,
      format,
      "zstd",
      frame,
      more === 0 ? "undecodable-payload" : "payload-limit",
    );
  },
};
