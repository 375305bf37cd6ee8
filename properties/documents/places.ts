/**
 * Where the predicates of the invariants stand: found in the source text, and written to a module, so that a
 * built package can say it too.
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { INVARIANTS } from "../invariants/catalogue.ts";

/** From the top of the repository, where `npm run docs` and the tests run. */
const FOLDER = "properties/invariants";

interface Line {
  readonly place: string;
  readonly text: string;
}

function sourceLines(): Line[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .flatMap((name) =>
      readFileSync(`${FOLDER}/${name}`, "utf8")
        .split("\n")
        .map((text, i) => ({ place: `${FOLDER}/${name}:${i + 1}`, text })),
    );
}

/** The lines of an exported constant. */
function declarationOf(name: string, lines: readonly Line[]): readonly Line[] {
  const from = lines.findIndex(({ text }) => text.startsWith(`export const ${name}:`));
  if (from === -1) throw new Error(`There is no ${name} in ${FOLDER}.`);
  const length = lines
    .slice(from + 1)
    .findIndex(({ text }) => /^(export|const|function|interface) /.test(text));
  return lines.slice(from, length === -1 ? undefined : from + 1 + length);
}

/** The first predicate after the line on which something begins. */
function predicateAfter(lines: readonly Line[], begins: RegExp, what: string): string {
  const from = lines.findIndex(({ text }) => begins.test(text));
  const found = from === -1 ? undefined : lines.slice(from).find(({ text }) => /^\s+holds[:(]/.test(text));
  if (found === undefined) throw new Error(`There is no predicate of ${what} in ${FOLDER}.`);
  return found.place;
}

/** The file and the line of the predicate of each check, by invariant and name, such as `D1.recovery`. */
export function findPlaces(): ReadonlyMap<string, string> {
  const lines = sourceLines();
  const places = new Map<string, string>();
  for (const { id, checks } of INVARIANTS) {
    const entry = declarationOf(id, lines);
    const own = entry.slice(entry.findIndex(({ text }) => /^\s+checks: \{/.test(text)));
    // A group of checks that invariants share is spread into each of them.
    const groups = own.flatMap(({ text }) => /^\s+\.\.\.(\w+),/.exec(text)?.[1] ?? []);
    const named = [own, ...groups.map((group) => declarationOf(group, lines))].flat();
    for (const { name } of checks) {
      const begins = new RegExp(`(^\\s+|\\{ )${name}: `);
      const what = `${id}.${name}`;
      const line = named.find(({ text }) => begins.test(text));
      // A predicate that invariants share is made by a function of this name.
      const shared = /: (\w+)\(/.exec(line?.text ?? "")?.[1];
      places.set(
        what,
        shared === undefined
          ? predicateAfter(named, begins, what)
          : predicateAfter(lines, new RegExp(`const ${shared} = `), what),
      );
    }
  }
  return places;
}

/** The module that holds them. */
export function placesModule(): string {
  const rows = [...findPlaces()].map(([name, place]) => `  "${name}": "${place}",\n`);
  return `/**
 * Where the predicate of each check stands. Written by \`npm run docs\`; a test holds it against the source.
 * @module
 */
export const PLACES: Readonly<Record<string, string>> = {
${rows.join("")}};
`;
}
