/**
 * Text for terminals: numbers, colours only where somebody sees them, bytes that may be anything.
 * @module
 */
import { isatty } from "node:tty";
import { styleText } from "node:util";

/** A number as a person reads it. */
export const number = (value: number | bigint): string => value.toLocaleString("en-US");

/** `one` for 1, else `many`, with the number before it. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${number(value)} ${value === 1 ? one : many}`;

/** Bytes as ASCII; what is not printable, and may be an escape sequence, is a point. */
export const printable = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString("latin1")
    .replaceAll(/[^ -~]/g, ".");

/** The first characters of a text, and a sign that there were more. */
export const atMost = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length)}...` : text;

/**
 * The text in a colour, if standard output is a terminal and nobody asked for none (https://no-color.org).
 */
export function coloured(colour: "red" | "green" | "yellow", text: string): string {
  const wanted = isatty(1) && (process.env["NO_COLOR"] ?? "") === "";
  return wanted ? styleText(colour, text) : text;
}
