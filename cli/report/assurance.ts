/**
 * The assurance report: one page for people who did not make the run.
 * @module
 */
import { findEntries } from "./browser.ts";
import { defectsSection } from "./defects.ts";
import { growthSection, recoverySection, tamperingSection } from "./documents.ts";
import { type Evidence, verdictOf } from "./evidence.ts";
import { type Html, markup } from "./html.ts";
import { invariantsSection, witnessesSection } from "./invariants.ts";
import { pageText } from "./page.ts";
import { boundsSection, environmentSection, runsSection } from "./runs.ts";

const SECTIONS: readonly (readonly [string, string, (evidence: Evidence) => Html])[] = [
  ["runs", "What was searched", runsSection],
  ["invariants", "Invariants", invariantsSection],
  ["witnesses", "Situations", witnessesSection],
  ["recovery", "Recovery", recoverySection],
  ["defects", "Seeded defects", defectsSection],
  ["tampering", "Tampering", tamperingSection],
  ["growth", "Growth", growthSection],
  ["bounds", "Bounds", boundsSection],
  ["environment", "Environment", environmentSection],
];

/** The text of the page. */
export function assuranceReport(evidence: Evidence): string {
  const { is, sentence } = verdictOf(evidence);
  const body = markup`<header>
      <h1>Assurance report of kimberlite-storage</h1>
      <p class="verdict ${is}" role="status">${sentence}</p>
      <nav aria-label="Sections">
        <ul>
          ${SECTIONS.map(([id, name]) => markup`<li><a href="#${id}">${name}</a></li>`)}
        </ul>
      </nav>
    </header>
    <search class="find">
      <form>
        <label for="words">Find</label>
        <input id="words" type="search" placeholder="torn, D1, rotation (press /)" />
        <label for="state">Show</label>
        <select id="state">
          <option value="">everything</option>
          <option value="holds">what holds</option>
          <option value="violated">what is violated</option>
          <option value="incomplete">what is not complete</option>
        </select>
        <button type="reset">Clear</button>
        <output id="found" class="quiet"></output>
      </form>
    </search>
    <main>${SECTIONS.map(([, , section]) => section(evidence))}</main> `;
  return pageText({ title: "Assurance report of kimberlite-storage", body, script: findEntries });
}
