/**
 * A result of the check in the Static Analysis Results Interchange Format, SARIF 2.1.0: each invariant is a
 * rule, each violation a result at the line of the predicate that does not hold.
 *
 * Promises: a fingerprint that stays when lines move. Specification:
 * https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 * @module
 */
import { INVARIANTS } from "../properties/invariants/catalogue.ts";
import { plainText } from "../properties/plain-text.ts";
import type { CheckResult } from "../properties/result.ts";
import { predicateOf } from "./predicate.ts";
import { violationText } from "./violation-lines.ts";

const SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json";

type Violation = CheckResult["violations"][number];

/** The text of the file. */
export function sarifOf(result: CheckResult): string {
  const { version, versions, profile, bounds, complete, incompleteBecause, violations } = result;
  const log = {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: { name: "kmb check", version, semanticVersion: versions.package, rules: rules() },
        },
        automationDetails: { id: `kmb check/${profile}/${bounds.format}/` },
        invocations: [
          {
            executionSuccessful: complete || violations.length > 0,
            toolExecutionNotifications: incompleteBecause.map((text) => ({
              level: violations.length > 0 ? "note" : "error",
              message: { text },
            })),
          },
        ],
        results: violations.map(resultOf),
        columnKind: "utf16CodeUnits",
        properties: { node: versions.node, commit: versions.commit },
      },
    ],
  };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}

function rules(): object[] {
  return INVARIANTS.map(({ id, sentence, why, checkedBy, checks }) => {
    const explain = `npx kmb check --explain ${id}`;
    return {
      id,
      shortDescription: { text: sentence },
      fullDescription: { text: why },
      help: {
        text: `${checkedBy} More: ${explain}`,
        markdown: `${checkedBy}\n\n\`${explain}\` shows its predicates, and what a run must have met.`,
      },
      defaultConfiguration: { level: "error" },
      properties: { tags: [...new Set(checks.flatMap(({ parts }) => parts))] },
    };
  });
}

function resultOf(violation: Violation): object {
  const { invariant, check, counterexample } = violation;
  const rule = INVARIANTS.findIndex(({ id }) => id === invariant);
  const place = predicateOf(violation);
  return {
    ruleId: invariant,
    ...(rule < 0 ? {} : { ruleIndex: rule }),
    level: "error",
    message: { text: violationText(violation) },
    locations:
      place === undefined
        ? []
        : [
            {
              physicalLocation: {
                artifactLocation: { uri: place.file, uriBaseId: "%SRCROOT%" },
                region: { startLine: place.line },
              },
            },
          ],
    partialFingerprints: { "kmbPredicate/v1": check === null ? invariant : `${invariant}.${check}` },
    ...(counterexample === null
      ? {}
      : {
          attachments: [
            {
              description: { text: "The counterexample, for kmb replay" },
              artifactLocation: { uri: encodeURI(plainText(counterexample)) },
            },
          ],
        }),
  };
}
