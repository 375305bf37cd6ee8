/**
 * How this folder says that bytes are no frame that it expands.
 * @module
 */

/** The one error that `expandFrame` throws; its message is a sentence. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** Throws a `Refusal` unless `holds`. */
export function must(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new Refusal(sentence);
}
