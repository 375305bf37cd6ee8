/**
 * A worker thread of `kmb check`: searches the units that it is sent.
 * @module
 */
import type { Bounds } from "../properties/bounds.ts";
import { searchUnit, type Unit } from "../properties/check.ts";
import type { PartResult } from "../properties/part.ts";
import { work } from "./pool.ts";

/** What passes between `kmb check` and its workers. */
export interface CheckWork {
  readonly shared: Bounds;
  readonly job: Unit;
  readonly result: PartResult;
}

work<CheckWork>(searchUnit);
