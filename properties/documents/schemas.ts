/**
 * The JSON Schemas of the files that the check writes, made from the schemas by which they are read.
 * @module
 */
import * as z from "zod/mini";
import { BOUND_NAMES, BOUND_TABLE } from "../bounds.ts";
import { counterexampleSchema } from "../counterexample.ts";
import { defectsSchema } from "../defects-file.ts";
import { bigCount, resultSchema } from "../result-file.ts";

/** A JSON Schema, as far as it is touched here. */
type Written = z.core.JSONSchema.BaseSchema;

/** The schema of what `kmb check --json` and `kmb merge --json` write. */
export const resultSchemaFile = (): string =>
  schemaFile(resultSchema, "A result of kmb check or kmb merge (--json FILE)");

/** The schema of a counterexample. */
export const counterexampleSchemaFile = (): string =>
  schemaFile(counterexampleSchema, "A counterexample that kmb check wrote, for kmb replay");

/** The schema of what the seeded defects came to. */
export const defectsSchemaFile = (): string =>
  schemaFile(defectsSchema, "What noticed each seeded defect (npm run defects -- --json FILE)");

function schemaFile(schema: z.ZodMiniType, title: string): string {
  const written = z.toJSONSchema(schema, {
    io: "input",
    override: ({ zodSchema, jsonSchema }) => {
      if (!Object.is(zodSchema, bigCount)) return;
      // It is read in two steps: in the file it is a number, with all its digits.
      delete jsonSchema.anyOf;
      Object.assign(jsonSchema, { type: "integer", minimum: 0 });
    },
  });
  describeBounds(written);
  const { $schema, ...rest } = written;
  return `${JSON.stringify({ $schema, title, ...rest }, undefined, 2)}\n`;
}

/** Says of each bound what it bounds, as the help text of its flag does. */
function describeBounds({ properties }: Written): void {
  const bounds = properties?.["bounds"];
  if (typeof bounds !== "object") return;
  for (const name of BOUND_NAMES) {
    const bound = bounds.properties?.[name];
    if (typeof bound === "object") bound.description = BOUND_TABLE[name].help;
  }
}
