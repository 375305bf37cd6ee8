/**
 * Source text with its words in classes, which the style colours.
 * @module
 */
import highlight from "highlight.js/lib/core";
import javascript from "highlight.js/lib/languages/javascript";
import { plainText } from "../../properties/plain-text.ts";
import { Html, markup } from "./html.ts";

highlight.registerLanguage("javascript", javascript);

/** A block of JavaScript. */
export function code(source: string): Html {
  const { value } = highlight.highlight(plainText(source), { language: "javascript" });
  return markup`<pre tabindex="0"><code>${new Html(value)}</code></pre>`;
}

/** A function's source, its lines moved to the left as far as they go. */
export function sourceOf(of: (...given: never[]) => unknown): string {
  const [first = "", ...others] = of.toString().split("\n");
  const indents = others.filter((line) => line.trim() !== "").map((line) => line.search(/\S/));
  const least = Math.min(...indents);
  return [first, ...others.map((line) => line.slice(least))].join("\n");
}
