/**
 * The counterexample file: small, readable, and enough to run it again.
 * @module
 */
import * as z from "zod/mini";
import { type Bounds, boundsSchema, PART_NAMES, type PartName } from "./bounds.ts";
import { INVARIANTS, type InvariantId } from "./invariants/catalogue.ts";
import type { Chosen } from "../explore/choice.ts";
import type { Counterexample } from "./part.ts";
import { isPlainText, plainText } from "./plain-text.ts";
import { toJson } from "./result.ts";
import { type Versions, versionsSchema } from "./versions.ts";

const COUNTEREXAMPLE_SCHEMA = "kimberlite-storage/counterexample@2";
const SHOWN_CHARACTERS_MAX = 60;

const text = z
  .string({ error: "must be text" })
  .check(z.refine(isPlainText, { error: "must have no control characters" }));
const ids = INVARIANTS.map(({ id }) => id);

/** An object with these fields and no others. */
function fields<T extends z.core.$ZodLooseShape>(shape: T): z.ZodMiniObject<T, z.core.$strict> {
  return z.strictObject(shape, {
    error: `must have the fields ${Object.keys(shape).join(", ")} and no others`,
  });
}

const count = (min: number): z.ZodMiniNumber => {
  const error = `must be a whole number of at least ${min}`;
  return z.int({ error }).check(z.minimum(min, { error }));
};

const choice = fields({ what: text, chosen: count(0), of: count(1) }).check(
  z.refine(({ chosen, of }) => chosen < of, { error: "must have chosen one of those there were" }),
);

/** What `kmb check` writes of a violation. Files without the fields that may be missing are older. */
export const counterexampleSchema: z.ZodMiniType<CounterexampleFile> = fields({
  schema: z.literal(COUNTEREXAMPLE_SCHEMA),
  versions: z.optional(versionsSchema),
  bounds: boundsSchema,
  part: z.enum(PART_NAMES, { error: `must be one of ${PART_NAMES.join(", ")}` }),
  invariant: z.enum(ids, { error: `must be one of ${ids.join(", ")}` }),
  check: z.optional(text),
  expected: text,
  seen: text,
  choices: z.array(choice, { error: "must be a list" }),
});

/** A file that is not a counterexample, or not one that this version can run; the message says why. */
export class CounterexampleError extends Error {
  override readonly name = "CounterexampleError";
  /** Says that the message is all there is to say. */
  readonly code = "counterexample";
}

export interface CounterexampleFile {
  readonly versions?: Versions | undefined;
  readonly bounds: Bounds;
  readonly part: PartName;
  readonly invariant: InvariantId;
  readonly check?: string | undefined;
  readonly expected: string;
  readonly seen: string;
  readonly choices: readonly Chosen[];
}

export function serializeCounterexample(
  bounds: Bounds,
  part: PartName,
  counterexample: Counterexample,
  versions?: Versions,
): string {
  const { invariant, check, choices } = counterexample;
  const [expected, seen] = [plainText(counterexample.expected), plainText(counterexample.seen)];
  const where = { bounds, part, invariant, check };
  return toJson({ schema: COUNTEREXAMPLE_SCHEMA, versions, ...where, expected, seen, choices });
}

/** @throws CounterexampleError */
export function parseCounterexample(text: string): CounterexampleFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new CounterexampleError("This is not JSON.");
  }
  const named = (json as { schema?: unknown } | null)?.schema;
  if (
    typeof named === "string" &&
    named.startsWith("kimberlite-storage/counterexample@") &&
    named !== COUNTEREXAMPLE_SCHEMA
  ) {
    throw new CounterexampleError(
      `This file was written by another version: its schema is ${named.slice(0, SHOWN_CHARACTERS_MAX)}, this version reads ${COUNTEREXAMPLE_SCHEMA}. Run the check again.`,
    );
  }
  if (named !== COUNTEREXAMPLE_SCHEMA) {
    const shown = named === undefined ? "not there" : JSON.stringify(named).slice(0, SHOWN_CHARACTERS_MAX);
    throw new CounterexampleError(`This is no ${COUNTEREXAMPLE_SCHEMA} file: its schema is ${shown}.`);
  }
  const parsed = counterexampleSchema.safeParse(json);
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "it"} ${message}`);
    throw new CounterexampleError(`This counterexample cannot be run: ${issues.join("; ")}.`);
  }
  return parsed.data;
}
