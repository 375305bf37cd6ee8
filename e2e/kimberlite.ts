/**
 * The data directories that Kimberlite 0.8.0 wrote (`fixtures/kimberlite/`, with a README of their own), and
 * what it says of them.
 * @module
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const DIRECTORY = fileURLToPath(new URL("./fixtures/kimberlite/", import.meta.url));

interface ExpectedPayload {
  readonly hex?: string;
  readonly file?: string;
  readonly len: number;
}

/** A call that was made, and what it returned. */
interface ExpectedCall {
  readonly op: "append_batch" | "create_checkpoint";
  readonly stream: string;
  readonly expectedOffset?: number;
  readonly currentOffset?: number;
  readonly payloads?: readonly ExpectedPayload[];
  readonly fsync: boolean;
  readonly returnsNextOffset: number;
  readonly returnsHashHex: string;
}

export interface ExpectedRecord {
  readonly segment: number;
  readonly bytePosition: number;
  readonly offset: number;
  readonly kind: number;
  readonly compression: number;
  readonly payloadHex?: string;
  readonly payloadSha256?: string;
  readonly payloadLen: number;
  readonly prevHashHex: string;
  readonly recordHashHex: string;
  readonly crc32: number;
  readonly storedLen: number;
  readonly recordLen: number;
}

interface ExpectedStream {
  readonly stream: string;
  readonly records: readonly ExpectedRecord[];
  readonly files: readonly { readonly name: string; readonly size: number; readonly positions?: number[] }[];
  readonly headHashHex: string;
  readonly nextOffset: number;
  readonly readFrom0: { readonly ok: readonly ExpectedPayload[] };
}

export interface Fixture {
  readonly name: string;
  /** Path of the data directory. */
  readonly data: string;
  readonly compression: "none" | "lz4";
  readonly maxSegmentSize: number;
  readonly script: readonly ExpectedCall[];
  readonly streams: readonly ExpectedStream[];
  /** The bytes that a payload in the script or in an answer stands for. */
  payload(expected: ExpectedPayload): Buffer;
}

/** All of them. */
export function fixtures(): Fixture[] {
  const names = readdirSync(DIRECTORY, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return names.map(({ name }) => {
    const path = `${DIRECTORY}${name}`;
    const said = JSON.parse(readFileSync(`${path}/expected.json`, "utf8")) as Omit<Fixture, "name" | "data">;
    return {
      ...said,
      name,
      data: `${path}/data`,
      payload: ({ hex, file, len }) => {
        const bytes = hex === undefined ? readFileSync(`${path}/${file ?? ""}`) : Buffer.from(hex, "hex");
        if (bytes.length !== len) throw new Error(`The payload has ${bytes.length} bytes, not ${len}.`);
        return bytes;
      },
    };
  });
}

const KINDS = ["data", "checkpoint", "tombstone"];

/** What a record shows, as one line; a payload that is only known by its digest as that. */
export function expectedLine({
  offset,
  kind,
  prevHashHex,
  payloadHex,
  payloadSha256,
}: ExpectedRecord): string {
  const digest =
    payloadSha256 ??
    createHash("sha256")
      .update(Buffer.from(payloadHex ?? "", "hex"))
      .digest("hex");
  return `${offset} ${KINDS[kind] ?? ""} after ${prevHashHex}: ${digest}`;
}

/** The same line of a record that was read. */
export function recordLine(record: {
  readonly offset: bigint;
  readonly kind: string;
  readonly prevHash: Uint8Array;
  readonly payload: Uint8Array;
}): string {
  const { offset, kind, prevHash, payload } = record;
  const digest = createHash("sha256").update(payload).digest("hex");
  return `${String(offset)} ${kind} after ${Buffer.from(prevHash).toString("hex")}: ${digest}`;
}
