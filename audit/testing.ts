/** What the tests of this folder have in common. */
import { fc } from "@fast-check/vitest";
import type { Disk } from "../src/index.ts";
import { audit } from "./audit.ts";
import type { StreamReport } from "./report.ts";
import { NoteError } from "./text.ts";

/** What an audit of the data directory `/data` says of stream 1. */
export async function audited(disk: Disk): Promise<StreamReport> {
  const { streams } = await audit("/data", { disk });
  const [stream] = streams;
  if (stream === undefined) throw new Error("There is no stream.");
  return stream;
}

/** The findings of a stream, each in a line: `damage wrong-offset segment_000001.log at 0, due 3`. */
export function linesOf({ stream, findings }: StreamReport): string[] {
  return findings.map(({ severity, code, file, position, end, offset }) => {
    const at = position === undefined ? "" : ` at ${position}`;
    const to = end === undefined || end === position ? "" : ` to ${end}`;
    const due = offset === undefined ? "" : `, due ${offset}`;
    return `${severity} ${code} ${file.replace(`/data/${stream}/`, "")}${at}${to}${due}`;
  });
}

/**
 * The error with which something is refused. Anything else that is thrown goes on, so a bare exception fails
 * the test.
 */
export function refusal(call: () => unknown): NoteError {
  try {
    call();
  } catch (error) {
    if (error instanceof NoteError) return error;
    throw error;
  }
  throw new Error("It was not refused.");
}

/** All byte strings that differ from that of a text in one bit, from the first byte on. */
export function* flipsOf(text: string): Generator<Buffer> {
  const bytes = Buffer.from(text);
  for (const [at, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[at] = byte ^ (1 << bit);
      yield flipped;
    }
  }
}

/** A text with a few of its characters replaced, removed or added. */
export function mutated(text: string): fc.Arbitrary<string> {
  const added = fc.oneof(
    fc.string({ unit: "binary", maxLength: 2 }),
    fc.constantFrom("\n", "0", "/", "+", "— ", "=", "\r\n"),
  );
  return fc
    .array(fc.tuple(fc.nat(text.length), fc.nat(3), added), { maxLength: 4 })
    .map((edits) =>
      edits.reduce((left, [at, removed, more]) => left.slice(0, at) + more + left.slice(at + removed), text),
    );
}
