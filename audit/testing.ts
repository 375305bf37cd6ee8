/** What the tests of this folder have in common. */
import { fc } from "@fast-check/vitest";
import { NoteError } from "./text.ts";

/** The error with which something is refused. Anything else that is thrown goes on, so a bare exception fails the test. */
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
