/**
 * A page on which a person goes through the run of a counterexample: the steps on one side, and on the other
 * what the disk holds after the one that is chosen.
 * @module
 */
import type { CounterexampleFile } from "../../properties/counterexample.ts";
import { sentenceOf } from "../../properties/invariants/catalogue.ts";
import { plainText } from "../../properties/plain-text.ts";
import { versionsText } from "../../properties/versions.ts";
import { predicateOf } from "../predicate.ts";
import type { Ended, Fate, ReplaySteps, Step } from "../replay-steps.ts";
import { stepThrough } from "./browser.ts";
import { Html, markup } from "./html.ts";
import { pageText } from "./page.ts";

/** What the colours and words of names, sizes and sectors mean. */
const FATES: readonly (readonly [Fate, string])[] = [
  ["durable", "on the medium: it survives every crash, as far as the name of the file does"],
  ["pending", "done and not synced: a power failure may lose it"],
  ["clean", "its sync failed; the kernel shows it and will not write it again"],
  ["undecided", "a crash may have left it or not, and nobody has looked; the bytes are those beneath it"],
  ["lost", "it was written, and what came since (a power failure, a failed sync) left what was there before"],
  ["torn", "the same left a part of it"],
  ["damaged", "it was changed by a fault in stored bytes"],
];

/** The text of the page. */
export function replayPage(
  counterexample: CounterexampleFile,
  { steps, files }: ReplaySteps,
  { violation, ending }: Ended,
): string {
  const { versions, invariant, check, part, bounds, choices } = counterexample;
  const now = violation ?? counterexample;
  const place = predicateOf({ invariant, check: check ?? null });
  const body = markup`<header>
<h1>Counterexample to ${invariant}: ${sentenceOf(invariant)}</h1>
<p class="verdict ${violation === undefined ? "incomplete" : "violated"}">${headline(violation, invariant, ending)}</p>
<pre tabindex="0">expected  ${now.expected}
seen      ${now.seen}</pre>
<details><summary>How it was recorded, and how to read this</summary>
<p>A run of the check is a list of choices: the operations of a workload, the moment of a crash, what the crash left, and so on; <em>less one</em> means that
0 stands for one. The workload runs to its end first. A crash then goes back to its moment, with the disk as it was; an engine is started on what the crash
left, and what it shows is held against the model.</p>
<pre tabindex="0">expected  ${counterexample.expected}
seen      ${counterexample.seen}
predicate ${place === undefined ? "not known" : `${place.file}:${place.line}`}
choices   ${choices.length}
part      ${part}, format ${bounds.format}, durability ${bounds.durability}, compression ${bounds.compression}
by        ${versions === undefined ? "an older version" : versionsText(versions)}</pre>
<ul class="fates">${FATES.map(([fate, says]) => markup`<li><span class="fate ${fate}">${fate}</span> ${says}</li>`)}</ul></details>
</header>
<div class="find"><form aria-label="Steps">
<button type="button" id="first">First</button> <button type="button" id="back">Back</button>
<button type="button" id="forward">Forward</button> <button type="button" id="last">Last</button>
<label for="step">Step</label> <input id="step" type="range" min="1" max="${steps.length}" value="1">
<output id="place" for="step"></output>
<span class="quiet">or the arrow keys</span>
</form></div>
<main class="sides">
<section class="list" aria-label="Steps of the run" tabindex="0"><ol class="steps">${steps.map((step, i) => itemOf(step, i, violation !== undefined && i === steps.length - 1))}</ol></section>
<section id="disk" aria-label="The disk after the step" tabindex="0"></section>
</main>
${new Html(dataOf({ steps: steps.map((step) => step.files), files, violation: violation && { expected: plainText(violation.expected), seen: plainText(violation.seen) } }))}
`;
  return pageText({ title: `Counterexample to ${invariant}`, body, script: stepThrough });
}

function headline(violation: Ended["violation"], recorded: string, ending: string): string {
  if (violation === undefined) return ending;
  const other = violation.invariant === recorded ? "" : `, where ${recorded} was recorded`;
  return `${violation.invariant} is violated${other}.`;
}

/** A step; an element has an id, so that its address can be shared. */
function itemOf({ kind, text }: Step, at: number, isWherePart: boolean): Html {
  const parts = isWherePart ? markup`<span class="badge violated">here it is violated</span> ` : undefined;
  return markup`<li id="step-${at + 1}"><button type="button" class="${kind}">${parts}${text}</button></li>
`;
}

/** Data in a page; none of it can end the element. */
function dataOf(data: unknown): string {
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  return `<script type="application/json" id="data">${json}</script>`;
}
