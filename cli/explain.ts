/**
 * `kmb check --explain ID`: what an invariant says and why, where its predicates stand (the one that decides
 * it first), which parts evaluate them, and what a run must have met for them to have shown something.
 * @module
 */
import { INVARIANTS, WITNESSES } from "../properties/invariants/catalogue.ts";
import { PLACES } from "../properties/invariants/places.ts";
import { Output } from "./output.ts";

const WRONG_USAGE = 2;

/** Prints it. @returns the exit status */
export function explain(id: string): number {
  const entry = INVARIANTS.find((invariant) => invariant.id === id);
  if (entry === undefined) {
    const ids = INVARIANTS.map((invariant) => invariant.id).join(", ");
    console.error(`error: there is no invariant "${id}"; there are ${ids}`);
    return WRONG_USAGE;
  }
  const witnesses = WITNESSES.filter(({ of }) => of.includes(id));
  const width = Math.max("stated in".length, ...entry.checks.map(({ name }) => name.length));
  const row = (name: string, text: string): string => `  ${name.padEnd(width)}  ${text}`;
  const lines = [
    `${id}  ${entry.sentence}`,
    "",
    row("why", entry.why),
    row("checked", entry.checkedBy),
    row("parts", [...new Set(entry.checks.flatMap(({ parts }) => parts))].join(", ")),
    ...entry.checks.flatMap(({ name, of, statedIn }) => [
      "",
      row(name, of),
      row("", PLACES[`${id}.${name}`] ?? ""),
      ...(statedIn === undefined ? [] : [row("stated in", statedIn.join(", "))]),
    ]),
    ...(witnesses.length === 0 ? [] : ["", "  A run must have met:"]),
    ...witnesses.map((witness) => `    ${witness.id.padEnd(26)}${witness.sentence}`),
  ];
  const out = new Output();
  for (const line of lines) out.line(line);
  return 0;
}
