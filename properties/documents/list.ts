/**
 * The documents that are written by code, so that what they say is what the code does.
 * @module
 */
import { tamperingPage } from "../tampering/table.ts";
import { defectsPage } from "./defects.ts";
import { scalePage } from "./growth.ts";
import { invariantsPage } from "./invariants.ts";
import { kaniDocument } from "./kani.ts";
import { performancePage } from "./performance-page.ts";
import { placesModule } from "./places.ts";
import { recoveryPage } from "./recovery.ts";
import { counterexampleSchemaFile, defectsSchemaFile, resultSchemaFile } from "./schemas.ts";

export interface Document {
  /** From the top of the repository. */
  readonly path: string;
  readonly render: () => string | Promise<string>;
}

export const DOCUMENTS: readonly Document[] = [
  { path: "properties/invariants/places.ts", render: placesModule },
  { path: "docs/INVARIANTS.md", render: invariantsPage },
  { path: "docs/RECOVERY.md", render: recoveryPage },
  { path: "docs/TAMPERING.md", render: tamperingPage },
  { path: "docs/KANI.md", render: kaniDocument },
  { path: "docs/DEFECTS.md", render: defectsPage },
  { path: "docs/SCALE.md", render: scalePage },
  { path: "docs/PERFORMANCE.md", render: performancePage },
  { path: "docs/schema/check.schema.json", render: resultSchemaFile },
  { path: "docs/schema/counterexample.schema.json", render: counterexampleSchemaFile },
  { path: "docs/schema/defects.schema.json", render: defectsSchemaFile },
];
