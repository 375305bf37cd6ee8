/**
 * Text that does nothing to a terminal. What a counterexample quotes may hold anything: a message of
 * `JSON.parse` repeats the byte that it stumbled over.
 * @module
 */

const ACTS_ON_A_TERMINAL = /[^\P{C}\n\t]|[\p{Zl}\p{Zp}]/gu;

/**
 * The text with every character that a terminal acts upon or does not show named by its code point; lines and
 * tabs stay.
 */
export function plainText(text: string): string {
  return text.replaceAll(
    ACTS_ON_A_TERMINAL,
    (character) => `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`,
  );
}

/** Whether a text is already plain. */
export const isPlainText = (text: string): boolean => plainText(text) === text;
