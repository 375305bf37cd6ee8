/** The codes of findings: each that an audit can report is documented, and no other. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FINDING_CODES } from "./report.ts";

test("docs/AUDITORS.md has a row for every code of a finding, and for nothing else", () => {
  const text = readFileSync(new URL("../docs/AUDITORS.md", import.meta.url), "utf8");
  const section = text.slice(text.indexOf("## What findings mean"), text.indexOf("## When a stream cannot"));
  const rows = [...section.matchAll(/^\| `([a-z-]+)` +\|/gm)].map(([, code]) => code);
  expect(rows.sort()).toStrictEqual([...FINDING_CODES].sort());
});
