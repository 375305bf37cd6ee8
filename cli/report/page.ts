/**
 * A page in one file that needs nothing else: no network, no server. Its policy allows the style and the
 * script that it comes with, and no others.
 * @module
 */
import { createHash } from "node:crypto";
import { Html, markup } from "./html.ts";
import { STYLE } from "./style.ts";

/** What differs from page to page. */
export interface Page {
  readonly title: string;
  readonly body: Html;
  /** Runs when the page is there. It is sent as text, so it refers to nothing outside itself. */
  readonly script: () => void;
}

/** The text of the file. */
export function pageText({ title, body, script }: Page): string {
  const program = `(${script.toString()})();`;
  const policy = [
    "default-src 'none'",
    `style-src '${digestOf(STYLE)}'`,
    `script-src '${digestOf(program)}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const page = markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        ${inside("style", STYLE)}
      </head>
      <body>
        ${body}
        ${inside("script", program)}
      </body>
    </html>
`;
  return page.text;
}

/** Text in an element, to the letter: a digest of it is in the policy. */
function inside(element: "style" | "script", text: string): Html {
  return new Html(`<${element}>${text}</${element}>`);
}

function digestOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
