/**
 * The seeded defects of a report, and what noticed each.
 * @module
 */
import { defectsText, type Evidence, missedIn } from "./evidence.ts";
import { type Html, markup } from "./html.ts";
import { table } from "./table.ts";

/** All of them, those that were missed first; nothing but a word where no result was given. */
export function defectsSection({ defects }: Evidence): Html {
  if (defects === undefined)
    return markup`<section id="defects">
      <h2>Seeded defects</h2>
      <p>
        No result was given, so this report does not say what the checks would catch. In a checkout:
        <code>npm run defects -- --json FILE</code>.
      </p>
    </section>`;
  const missed = missedIn(defects);
  const all = [...missed, ...defects.defects.filter((defect) => defect.missed === null)];
  return markup`<section id="defects">
    <h2>Seeded defects</h2>
    <p>
      ${defectsText(defects)} Each is a mistake that was put into the sources, alone, and something that is named beside
      it had to notice. An invariant is violated, in a part of the check; or a count of the check, which is pinned,
      differs; or an assertion of the checker ends the run; or a mistake in the checker lets another of these mistakes
      pass; or a file of tests fails. The cases are those that the part had tried until then, the choices those that lead
      to the violation.
    </p>
    ${table({
      name: "Seeded defects",
      head: ["defect", "the mistake", "in", "noticed by", "cases", "choices", "ms"],
      rows: all.map((defect) => ({
        id: defect.id,
        state: defect.missed === null ? "holds" : "violated",
        cells: [
          markup`<code>${defect.id}</code>`,
          defect.sentence,
          markup`<code>${defect.file}</code>`,
          noticed(defect),
          defect.cases ?? "",
          defect.choices ?? "",
          defect.ms,
        ],
      })),
    })}
  </section>`;
}

function noticed({
  noticedBy,
  invariant,
  part,
  missed,
}: NonNullable<Evidence["defects"]>["defects"][number]): Html {
  if (missed !== null) return markup`<span class="badge violated">missed</span> ${missed}`;
  const [, passed] = /^misses (.+)$/.exec(noticedBy) ?? [];
  if (passed !== undefined) return markup`it lets pass <a href="#${passed}">${passed}</a>`;
  const by = invariant === null ? markup`${noticedBy}` : markup`<a href="#${invariant}">${invariant}</a>`;
  return markup`${by}${part === null ? undefined : `, by ${part}`}`;
}
