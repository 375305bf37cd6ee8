/**
 * The documents that are written by code, so that what they say is what the code does.
 * @module
 */
import { kaniDocument } from "./kani-document.ts";
import { tamperingPage } from "./tampering/table.ts";

export interface Document {
  /** From the top of the repository. */
  readonly path: string;
  readonly render: () => string | Promise<string>;
}

export const DOCUMENTS: readonly Document[] = [
  { path: "docs/TAMPERING.md", render: tamperingPage },
  { path: "docs/KANI.md", render: kaniDocument },
];
