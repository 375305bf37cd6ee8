/**
 * The counterexample file: small, readable, and enough to run it again.
 * @module
 */
import * as z from "zod/mini";
import { type Bounds, boundsSchema, PART_NAMES, type PartName } from "./bounds.ts";
import type { Chosen } from "./choices.ts";
import type { Counterexample } from "./part.ts";
import { toJson } from "./result.ts";

const COUNTEREXAMPLE_SCHEMA = "kimberlite-storage/counterexample@2";

const schema = z.object({
  schema: z.literal(COUNTEREXAMPLE_SCHEMA),
  bounds: boundsSchema,
  part: z.enum(PART_NAMES),
  invariant: z.string(),
  expected: z.string(),
  seen: z.string(),
  choices: z.array(z.object({ what: z.string(), chosen: z.int(), of: z.int() })),
});

export interface CounterexampleFile {
  readonly bounds: Bounds;
  readonly part: PartName;
  readonly invariant: string;
  readonly expected: string;
  readonly seen: string;
  readonly choices: readonly Chosen[];
}

export function serializeCounterexample(
  bounds: Bounds,
  part: PartName,
  counterexample: Counterexample,
): string {
  return toJson({ schema: COUNTEREXAMPLE_SCHEMA, bounds, part, ...counterexample });
}

/** @throws Error that says what is wrong with the file */
export function parseCounterexample(text: string): CounterexampleFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error("This is not JSON.");
  }
  const named = (json as { schema?: unknown } | null)?.schema;
  if (
    typeof named === "string" &&
    named.startsWith("kimberlite-storage/counterexample@") &&
    named !== COUNTEREXAMPLE_SCHEMA
  ) {
    throw new Error(
      `This file was written by another version: its schema is ${named}, this version reads ${COUNTEREXAMPLE_SCHEMA}. Run the check again.`,
    );
  }
  if (named !== COUNTEREXAMPLE_SCHEMA) {
    throw new Error(`This is no ${COUNTEREXAMPLE_SCHEMA} file: its schema is ${JSON.stringify(named)}.`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  return parsed.data;
}
