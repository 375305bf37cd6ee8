/**
 * The invariants of a report: each with its sentence, its predicates as they ran, its counts, and what it
 * caught.
 * @module
 */
import { HARNESSES } from "../../properties/documents/harnesses.ts";
import { INVARIANTS, WITNESSES } from "../../properties/invariants/catalogue.ts";
import type { Check } from "../../properties/invariants/invariant.ts";
import { PLACES } from "../../properties/invariants/places.ts";
import { counted, number } from "../text.ts";
import { code, sourceOf } from "./code.ts";
import type { Evidence } from "./evidence.ts";
import { type Html, markup } from "./html.ts";
import { table } from "./table.ts";

type Entry = (typeof INVARIANTS)[number];

/** All of them. */
export function invariantsSection(evidence: Evidence): Html {
  return markup`<section id="invariants">
    <h2>Invariants</h2>
    ${INVARIANTS.map((invariant) => entryOf(invariant, evidence))}
  </section>`;
}

function entryOf({ id, sentence, why, checkedBy, checks }: Entry, { runs, defects }: Evidence): Html {
  // A run does not list what is not about its format.
  const counts = runs.flatMap(({ name, result }) =>
    result.invariants.filter((one) => one.id === id).map((one) => ({ name, ...one })),
  );
  const isViolated = counts.some(({ violations }) => violations > 0);
  const isChecked = counts.length > 0 && counts.every((one) => one.checks > 0);
  const isShown = isChecked && runs.every(({ result }) => result.complete);
  const of = (defects?.defects ?? []).filter((defect) => defect.invariant === id);
  const caught = of.filter(({ missed }) => missed === null);
  const missed = of.filter((defect) => defect.missed !== null);
  const state = isViolated ? "violated" : isShown && missed.length === 0 ? "holds" : "incomplete";
  const badge =
    state === "incomplete"
      ? WORDS[missed.length > 0 ? "missed" : isChecked ? "stopped" : "unchecked"]
      : state;
  const harnesses = HARNESSES.filter(({ invariant }) => invariant === id);
  const witnesses = WITNESSES.filter(({ of }) => of.includes(id));
  return markup`<article class="entry" id="${id}" data-entry data-state="${state}">
    <div class="name">
      <h3><a href="#${id}">${id}</a> ${sentence}</h3>
      <span class="badge ${state}">${badge}</span>
    </div>
    <p class="quiet">${why}</p>
    <p>${checkedBy}</p>
    <ul>
      ${counts.map((one) => markup`<li>${one.name}: ${counted(one.checks, "check")}, ${number(one.violations)} violated</li>`)}
    </ul>
    <h4>Predicates</h4>
    ${checks.map((check) => predicateOf(id, check))}
    ${listOf(
      "What a run must have met for it to have shown something",
      witnesses.map((witness) => markup`<a href="#${witness.id}">${witness.id}</a>: ${witness.sentence}`),
    )}
    ${listOf(
      `Seeded defects that it caught: ${caught.length}`,
      caught.map((defect) => markup`<a href="#${defect.id}">${defect.id}</a>: ${defect.sentence}`),
    )}
    ${listOf(
      "Seeded defects that it should have caught",
      missed.map((defect) => markup`<a href="#${defect.id}">${defect.id}</a>: ${defect.sentence}`),
    )}
    ${listOf(
      "Kani harnesses of Kimberlite that it replaces",
      harnesses.map(({ name, claims }) => markup`<code>${name}</code>: ${claims}`),
    )}
  </article> `;
}

/** Why an invariant is neither shown nor violated. */
const WORDS = {
  missed: "misses a seeded defect",
  unchecked: "not checked",
  stopped: "not violated, but not all was searched",
} as const;

function predicateOf(id: string, { name, of, parts, holds, statedIn }: Check<never>): Html {
  const place = PLACES[`${id}.${name}`] ?? "";
  return markup`<details>
    <summary><code>${id}.${name}</code> ${of}</summary>
    <p class="quiet">
      In ${parts.join(", ")}.
      ${place}${statedIn === undefined ? undefined : `, stated in ${statedIn.join(", ")}`}
    </p>
    ${code(sourceOf(holds))}
  </details> `;
}

function listOf(title: string, items: readonly Html[]): Html | undefined {
  if (items.length === 0) return undefined;
  return markup`<details>
    <summary>${title}</summary>
    <ul>
      ${items.map((item) => markup`<li>${item}</li>`)}
    </ul>
  </details> `;
}

/** The situations that a run must have met. */
export function witnessesSection({ runs }: Evidence): Html {
  return markup`<section id="witnesses">
    <h2>Situations that were met</h2>
    <p>
      A check that never saw a torn record has shown nothing about torn records. A run that did not meet one
      of these is not complete.
    </p>
    ${table({
      name: "Situations that were met",
      head: ["witness", "what happened", ...runs.map(({ name }) => name)],
      rows: WITNESSES.map(({ id, sentence }) => {
        const met = runs.map(({ result }) => result.witnesses.find((one) => one.id === id)?.met ?? 0);
        const never = markup`<span class="badge incomplete">never met</span>`;
        return {
          id,
          state: met.includes(0) ? ("incomplete" as const) : ("holds" as const),
          cells: [markup`<code>${id}</code>`, sentence, ...met.map((count) => (count === 0 ? never : count))],
        };
      }),
    })}
  </section>`;
}
