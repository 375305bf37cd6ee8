/**
 * Markdown tables as prettier writes them.
 * @module
 */

/** A table with its columns aligned; the first row is its head. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(3, ...rows.map((cells) => cells[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |\n`;
  const [head = [], ...body] = rows;
  return line(head) + line(widths.map((width) => "-".repeat(width))) + body.map(line).join("");
}
