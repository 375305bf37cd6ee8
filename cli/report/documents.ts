/**
 * What of a report is not from a run: documents of the package, which its tests hold against the code.
 * @module
 */
import { readFileSync } from "node:fs";
import { marked } from "marked";
import { ACTIONS } from "../../properties/documents/recovery.ts";
import { RECOVERY_CASES } from "../../src/index.ts";
import type { Evidence } from "./evidence.ts";
import { Html, markup } from "./html.ts";
import { table } from "./table.ts";

/** In a checkout, compiled or not, and in an installed package. */
const DOCUMENTS = [new URL("../../docs/", import.meta.url), new URL("../../../docs/", import.meta.url)];

function documentNamed(name: string): Buffer {
  for (const folder of DOCUMENTS) {
    try {
      return readFileSync(new URL(name, folder));
    } catch {
      // It is in the other one.
    }
  }
  throw new Error(`The package lacks its file docs/${name}.`);
}

/** What recovery decides, and how often it did. */
export function recoverySection({ runs }: Evidence): Html {
  return markup`<section id="recovery">
    <h2>What recovery decides</h2>
    <p>Where no record can be read, recovery decides by a table. How often each case was met:</p>
    ${table({
      name: "What recovery decides",
      head: ["case", "name", "what follows", "why", ...runs.map(({ name }) => name)],
      rows: RECOVERY_CASES.map(({ letter, name, action, why }) => ({
        cells: [
          letter,
          name,
          ACTIONS[action].replaceAll("`", ""),
          why,
          ...runs.map(({ result }) => result.witnesses.find(({ id }) => id === `case-${letter}`)?.met ?? 0),
        ],
      })),
    })}
  </section>`;
}

/** Which tampering is revealed: `docs/TAMPERING.md` below its title. */
export function tamperingSection(): Html {
  const [, text = ""] = /^# .*\n\n_[^]*?_\n\n([^]*)$/.exec(documentNamed("TAMPERING.md").toString()) ?? [];
  return markup`<section id="tampering">
    <h2>Which tampering is revealed</h2>
    <p class="quiet">From the documents of this version, which its tests hold against the code; not from these runs.</p>
    ${markdown(text)}
  </section>`;
}

/** How the search grows: the plot of `docs/SCALE.md`. */
export function growthSection(): Html {
  const plot = documentNamed("growth.svg").toString("base64");
  return markup`<section id="growth">
    <h2>Growth</h2>
    <p>
      From the documents of this version, not from these runs: what each further operation in a workload costs, measured in the part
      <code>crashes</code> (docs/SCALE.md).
    </p>
    <p>
      <img
        src="data:image/svg+xml;base64,${plot}"
        alt="A plot with a logarithmic scale: workloads, crash states, recoveries, engine runs and seconds, each growing by a factor with the length of workloads."
      />
    </p>
  </section>`;
}

/** Trusted Markdown, its headings one level further down and its tables like the others. */
function markdown(text: string): Html {
  const parsed = marked.parse(text.replace(/^#/gm, "##"), { async: false });
  const scrolling = parsed
    .replaceAll("<table>", '<div class="scroll" role="region" aria-label="Edits" tabindex="0"><table>')
    .replaceAll("</table>", "</table></div>")
    .replaceAll("<th>", '<th scope="col">')
    .replaceAll("<tr>", "<tr data-entry>");
  return new Html(scrolling.replaceAll("<thead>\n<tr data-entry>", "<thead>\n<tr>"));
}
