/**
 * A result of the check as JUnit's XML, in the form that Jenkins and others read: a test case for each
 * invariant, each witness, and the run itself.
 *
 * Promises: there is a failure where an invariant is violated, and an error where the run is not complete, so
 * a report without either is of a run that ended with 0. What was not checked or not met is skipped. How long
 * an invariant took is not known, so the run has all the time.
 * @module
 */
import { escapeUTF8 } from "entities";
import { INVARIANTS, WITNESSES } from "../properties/invariants/catalogue.ts";
import { plainText } from "../properties/plain-text.ts";
import type { CheckResult } from "../properties/result.ts";
import { violationText, violationTextWithReplay } from "./violation-lines.ts";

/** When and where a run was. */
export interface Occasion {
  readonly started: Date;
  readonly host: string;
}

interface Case {
  readonly name: string;
  readonly group: string;
  readonly seconds: number;
  /** What is in the element; nothing if the test passed. */
  readonly ended?: { readonly as: "failure" | "error" | "skipped"; readonly xml: string };
}

/** The text of the file. */
export function junitOf(result: CheckResult, occasion: Occasion): string {
  const suites = [
    { name: "invariants", cases: invariantCases(result) },
    { name: "witnesses", cases: witnessCases(result) },
    { name: "run", cases: [runCase(result)] },
  ];
  const xml = suites.map(({ name, cases }, id) => suiteXml(result, occasion, { name, id, cases }));
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${xml.join("")}</testsuites>\n`;
}

/** Text as it may stand in an element or an attribute; plain first, for XML has no control characters. */
const escaped = (text: string | number): string => escapeUTF8(plainText(String(text)));

function attributes(given: Readonly<Record<string, string | number>>): string {
  return Object.entries(given)
    .map(([name, value]) => ` ${name}="${escaped(value)}"`)
    .join("");
}

function suiteXml(
  { version, versions, profile, bounds }: CheckResult,
  { started, host }: Occasion,
  { name, id, cases }: { readonly name: string; readonly id: number; readonly cases: readonly Case[] },
): string {
  const ended = (as: string): number => cases.filter((each) => each.ended?.as === as).length;
  const about = {
    package: "kmb check",
    id,
    name,
    // Without a fraction and a zone, which the schema has no room for; it is UTC.
    timestamp: started.toISOString().slice(0, 19),
    hostname: host === "" ? "localhost" : host,
    tests: cases.length,
    failures: ended("failure"),
    errors: ended("error"),
    skipped: ended("skipped"),
    time: cases.reduce((sum, { seconds }) => sum + seconds, 0),
  };
  const properties = Object.entries({
    version,
    node: versions.node,
    commit: versions.commit ?? "",
    profile,
    format: bounds.format,
  });
  return `  <testsuite${attributes(about)}>
    <properties>
${properties.map(([key, value]) => `      <property${attributes({ name: key, value })}/>\n`).join("")}    </properties>
${cases.map(caseXml).join("")}    <system-out></system-out>
    <system-err></system-err>
  </testsuite>
`;
}

function caseXml({ name, group, seconds, ended }: Case): string {
  const about = attributes({ name, classname: group, time: seconds });
  return ended === undefined
    ? `    <testcase${about}/>\n`
    : `    <testcase${about}>${ended.xml}</testcase>\n`;
}

const SKIPPED: NonNullable<Case["ended"]> = { as: "skipped", xml: "<skipped/>" };

function invariantCases({ invariants, violations }: CheckResult): Case[] {
  return INVARIANTS.map(({ id, sentence, checks }) => {
    const violated = violations.filter(({ invariant }) => invariant === id);
    const counted = invariants.find((each) => each.id === id)?.checks ?? 0;
    const [first] = violated;
    const about = {
      name: `${id}: ${sentence}`,
      group: [...new Set(checks.flatMap(({ parts }) => parts))].join(", "),
      seconds: 0,
    };
    if (first !== undefined) {
      const text = violated.map(violationTextWithReplay);
      const said = attributes({ type: id, message: violationText(first).replaceAll(/\s+/g, " ") });
      const xml = `<failure${said}>${escaped(text.join("\n\n"))}</failure>`;
      return { ...about, ended: { as: "failure", xml } };
    }
    return counted === 0 ? { ...about, ended: SKIPPED } : about;
  });
}

function witnessCases({ witnesses }: CheckResult): Case[] {
  return WITNESSES.map(({ id, sentence }) => {
    const about = { name: `${id}: ${sentence}`, group: "witnesses", seconds: 0 };
    const isMet = witnesses.some((each) => each.id === id && each.met > 0);
    return isMet ? about : { ...about, ended: SKIPPED };
  });
}

/** Whether the run was complete; a violation is told where it belongs. */
function runCase({ complete, incompleteBecause, violations, seconds }: CheckResult): Case {
  const about = { name: "complete", group: "run", seconds };
  if (complete) return about;
  if (violations.length > 0) return { ...about, ended: SKIPPED };
  const said = attributes({ type: "incomplete", message: incompleteBecause.join("; ") });
  return { ...about, ended: { as: "error", xml: `<error${said}/>` } };
}
