/**
 * The runs of a report: what each covered, how it ended, and its bounds.
 * @module
 */
import { createHash } from "node:crypto";
import { BOUND_NAMES, boundText, PART_NAMES, type PartName } from "../../properties/bounds.ts";
import { workloadsIn } from "../../properties/crashes/survey.ts";
import { PARTS } from "../../properties/parts.ts";
import { differenceText } from "../../properties/pinned/differences.ts";
import type { CheckResult } from "../../properties/result.ts";
import { verdictOn } from "../verdict.ts";
import { replayCommand } from "../violation-lines.ts";
import type { Evidence, Run } from "./evidence.ts";
import { type Html, markup } from "./html.ts";
import { table } from "./table.ts";

/** What was searched, and how it ended. */
export function runsSection({ runs }: Evidence): Html {
  const row = (
    name: string,
    of: (result: CheckResult) => number | bigint | Html,
  ): { cells: (number | bigint | string | Html)[] } => ({
    cells: [name, ...runs.map(({ result }) => of(result))],
  });
  const part = (name: PartName): ReturnType<typeof row> =>
    row(`${name}: ${PARTS[name].cases}`, ({ bounds, cases }) =>
      bounds.parts.includes(name) ? cases[name] : markup`left out`,
    );
  return markup`<section id="runs"><h2>What was searched</h2>
${runs.map(endingOf)}
${table({
  name: "What was searched",
  head: ["", ...runs.map(({ name }) => name)],
  rows: [
    row("workloads: sequences of operations", ({ workloads }) => workloads),
    row("workloads that the bounds name", ({ bounds }) => workloadsIn(bounds)),
    row("crash points", ({ crashPoints }) => crashPoints),
    row("crash states covered", ({ crashStates }) => crashStates),
    row("crash states left unsearched", ({ left }) => left),
    ...PART_NAMES.map(part),
    row("situations that were met", ({ witnesses }) => witnesses.filter(({ met }) => met > 0).length),
    row("situations that must be met", ({ witnesses }) => witnesses.length),
    row("seconds", ({ seconds }) => seconds),
  ],
})}
</section>`;
}

function endingOf({ name, result }: Run): Html {
  const { is, sentence } = verdictOn(result);
  const why = [
    ...result.incompleteBecause,
    ...result.differences.map((difference) => `not as pinned: ${differenceText(difference)}`),
  ];
  return markup`<div class="entry" data-entry data-state="${is}">
    <div class="name">
      <h3>${name}</h3>
      <span class="badge ${is}">${is === "holds" ? "holds, complete" : is}</span>
    </div>
    <p>${sentence}</p>
    ${
      why.length === 0
        ? undefined
        : markup`<ul>
            ${why.map((reason) => markup`<li>${reason}</li>`)}
          </ul>`
    }
    ${result.violations.map(violationOf)}
  </div> `;
}

function violationOf(violation: CheckResult["violations"][number]): Html {
  const { invariant, expected, seen } = violation;
  const replay = replayCommand(violation);
  return markup`<h4><a href="#${invariant}">${invariant}</a> is violated</h4>
    <pre tabindex="0">
expected  ${expected}
seen      ${seen}${replay === undefined ? undefined : `\n\n${replay}`}</pre>`;
}

/** The bounds of each run. */
export function boundsSection({ runs }: Evidence): Html {
  return markup`<section id="bounds"><h2>Bounds</h2>
<p>Within its bounds a complete run is exhaustive, except where an invariant says otherwise.</p>
${table({
  name: "Bounds",
  head: ["bound", ...runs.map(({ name }) => name)],
  rows: BOUND_NAMES.map((bound) => ({
    cells: [
      markup`<code>${bound}</code>`,
      ...runs.map(({ result, changed }) => {
        const mark = changed.includes(bound)
          ? markup` <span class="badge incomplete">not the profile's</span>`
          : undefined;
        return markup`${boundText(result.bounds[bound])}${mark}`;
      }),
    ],
  })),
})}
</section>`;
}

/** What made the results, and the files that they were read from. */
export function environmentSection({ runs, defects, files }: Evidence): Html {
  const rows = [
    ...runs.map(({ name, result }) => ({ name, ...result })),
    ...(defects === undefined ? [] : [{ name: "seeded defects", ...defects }]),
  ];
  return markup`<section id="environment"><h2>Environment</h2>
${table({
  name: "Environment",
  head: ["result", "package", "version with a digest of the code", "Node.js", "commit"],
  rows: rows.map(({ name, version, versions }) => ({
    cells: [
      name,
      versions.package,
      version,
      versions.node,
      markup`<code>${versions.commit ?? "not known"}</code>`,
    ],
  })),
})}
${table({
  name: "Files",
  head: ["file", "SHA-256"],
  rows: files.map(({ name, text }) => ({
    cells: [name, markup`<code>${createHash("sha256").update(text).digest("hex")}</code>`],
  })),
})}
</section>`;
}
