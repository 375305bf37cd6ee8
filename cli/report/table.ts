/**
 * Tables that can be scrolled by keyboard where they are wider than the page.
 * @module
 */
import { number } from "../text.ts";
import { type Html, markup } from "./html.ts";

type Cell = string | number | bigint | Html | undefined;

export interface Table {
  /** What the table is, for those who cannot see it. */
  readonly name: string;
  readonly head: readonly Cell[];
  readonly rows: readonly Row[];
}

interface Row {
  readonly cells: readonly Cell[];
  readonly id?: string;
  /** What a filter goes by. */
  readonly state?: "holds" | "incomplete" | "violated";
}

/** The table; numbers are set to the right. Its rows are what a search finds. */
export function table({ name, head, rows }: Table): Html {
  return markup`<div class="scroll" role="region" aria-label="${name}" tabindex="0">
    <table>
      <thead>
        <tr>
          ${head.map((cell) => markup`<th scope="col">${cell}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(rowOf)}
      </tbody>
    </table>
  </div>`;
}

function rowOf({ cells, id, state }: Row): Html {
  const named = id === undefined ? markup`` : markup` id="${id}"`;
  const stated = state === undefined ? markup`` : markup` data-state="${state}"`;
  return markup`<tr data-entry${named}${stated}>
    ${cells.map(cellOf)}
  </tr> `;
}

function cellOf(cell: Cell): Html {
  const isNumber = typeof cell === "number" || typeof cell === "bigint";
  return isNumber ? markup`<td class="number">${number(cell)}</td>` : markup`<td>${cell}</td>`;
}
