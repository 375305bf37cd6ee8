/**
 * HTML as values: text is escaped where it is put in, so that nothing an engine under test said becomes
 * markup.
 * @module
 */
import { escapeUTF8 } from "entities";
import { plainText } from "../../properties/plain-text.ts";

/** Markup; whoever makes one by hand says that it is. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What can be put into markup: text, numbers, markup, and lists of these. Nothing stands for nothing. */
type Content = string | number | bigint | undefined | Html | readonly Content[];

/**
 * Markup with text put in.
 *
 * @example
 * ```ts
 * markup`<p>${"a < b"}</p>`.text; // <p>a &lt; b</p>
 * ```
 */
export function markup(pieces: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return new Html(pieces.map((piece, i) => piece + textOf(contents[i])).join(""));
}

function textOf(content: Content): string {
  if (content === undefined) return "";
  if (content instanceof Html) return content.text;
  if (typeof content === "object") return content.map(textOf).join("");
  return escapeUTF8(plainText(String(content)));
}
