/**
 * What tools for lint do not hold: comments and documents name files that are there, and comments are no
 * wider than code.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Folders of what is made or fetched. */
const MADE = [
  "node_modules",
  "dist",
  "coverage",
  "reports",
  "counterexamples",
  ".git",
  ".stryker-tmp",
  "docs/api",
];

/** All files but those, from the root. */
function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (MADE.includes(path)) return [];
    return entry.isDirectory() ? filesIn(path) : [path];
  });
}

const FILES = filesIn("");
const PATHS: ReadonlySet<string> = new Set(FILES);

/** Files of prose or code that people read. */
const READ = FILES.filter(
  (path) => /\.(ts|mjs|cjs|md|json|sh)$/.test(path) && !/^(e2e\/fixtures\/|package-lock)/.test(path),
);

/** Columns: `printWidth` of `.prettierrc.json`, which leaves comments alone. */
const WIDTH = 110;

/**
 * A name of a file of ours in prose, in a folder or alone: not a module's name in an import, nor the end of
 * an address.
 */
const NAMED = /(?<![\w./@:-])((?:[\w.-]+\/)*[\w-][\w.-]*\.(?:ts|mjs|cjs|md|sh))(?![\w/-])/g;

/** The lines of a file that hold prose: all of a document, the comments of a program. */
function prose(path: string): string[] {
  const lines = readFileSync(join(ROOT, path), "utf8").split("\n");
  return path.endsWith(".md") ? lines : lines.filter((line) => /^\s*(\/?\*|\/\/|#)|\s\/\/ /.test(line));
}

/**
 * Whether a name leads to a file, from the root, from the folder of what names it, or by the end of its path.
 */
function isThere(name: string, from: string): boolean {
  const beside = join(from, "..", name);
  return PATHS.has(name) || PATHS.has(beside) || FILES.some((path) => path.endsWith(`/${name}`));
}

test("Comments and documents name files that are there", () => {
  const dead: string[] = [];
  let named = 0;
  for (const path of READ) {
    for (const line of prose(path)) {
      for (const [, name = ""] of line.matchAll(NAMED)) {
        named += 1;
        if (!isThere(name, path)) dead.push(`${path}: ${name}`);
      }
    }
  }
  expect(named).toBeGreaterThan(100);
  expect(dead).toEqual([]);
});

test("Comments are no wider than code", () => {
  const wide: string[] = [];
  let lines = 0;
  for (const path of READ.filter((name) => /\.(ts|mjs|cjs|js)$/.test(name))) {
    let isCode = false;
    for (const line of prose(path)) {
      lines += 1;
      if (/^\s*\* ```/.test(line)) isCode = !isCode;
      // Neither code nor an address can be broken.
      if (line.length > WIDTH && /^\s*(\/?\*|\/\/)/.test(line) && !isCode && !line.includes("://"))
        wide.push(`${path}: ${line.trim()}`);
    }
  }
  expect(lines).toBeGreaterThan(1000);
  expect(wide).toEqual([]);
});
