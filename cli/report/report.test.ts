/**
 * The assurance report: what it is made of, what it says, and that nothing in a result becomes markup.
 */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { profileOf } from "../../properties/bounds.ts";
import { workloadsIn } from "../../properties/crashes/survey.ts";
import { DEFECTS_SCHEMA, type DefectsResult } from "../../properties/defects-file.ts";
import { INVARIANTS, WITNESSES } from "../../properties/invariants/catalogue.ts";
import { PINNED } from "../../properties/pinned/counts.ts";
import { resultOf, type RunFacts, toJson, violationOf } from "../../properties/result.ts";
import { type Counts, emptyCounts } from "../../properties/tally.ts";
import type { Format } from "../../src/types.ts";
import { assuranceReport } from "./assurance.ts";
import { evidenceIn, type Given, verdictOf } from "./evidence.ts";
import { markup } from "./html.ts";

const VERSION = "1.2.3+4";
const AWKWARD = "</script><b onclick='x()'>&\u001b[31m";
const versions = { package: "1.2.3", node: "20.19.0", commit: "c0ffee" };
const found = { invariant: "D1", check: "recovery", expected: AWKWARD, seen: AWKWARD, choices: [] } as const;

function resultFile(format: Format, facts: Partial<RunFacts> = {}, counts: Partial<Counts> = {}): Given {
  const base = {
    version: VERSION,
    versions,
    profile: "quick",
    bounds: profileOf("quick", format),
    own: true,
  } as const;
  const ended = { all: true, shard: null, stopped: [], violations: [], seconds: 1.5 };
  const pinned = { ...emptyCounts(), ...PINNED[`quick ${format}`], left: 0n, ...counts } as Counts;
  const text = toJson(resultOf(pinned, { ...base, ...ended, ...facts }));
  return { name: `${format}.json`, text };
}

function defectsFile(missed: string | null = null, of = 2): Given {
  const about = {
    kind: "durability",
    sentence: AWKWARD,
    file: "src/a.ts",
    part: "crashes",
    cases: 7,
    choices: 3,
    ms: 5,
  } as const;
  const result: DefectsResult = {
    schema: DEFECTS_SCHEMA,
    version: VERSION,
    versions,
    of,
    defects: [
      { ...about, id: "not-synced", noticedBy: "D1", invariant: "D1", missed },
      { ...about, id: "miscounted", noticedBy: "recoveries", invariant: null, missed: null },
    ],
    seconds: 2,
  };
  return { name: "defects.json", text: toJson(result) };
}

const reportOf = (...files: readonly Given[]): string => assuranceReport(evidenceIn(files, VERSION));
const verdict = (...files: readonly Given[]): string => {
  const { is, sentence } = verdictOf(evidenceIn(files, VERSION));
  return `${is}: ${sentence}`;
};

test("Text is escaped where it is put into markup, and markup is not", () => {
  const { text } =
    markup`<p title="${'"'}">${AWKWARD}${markup`<i>${1}</i>`}${[markup`<u>`, "<"]}${undefined}</p>`;
  expect(text).toBe(
    '<p title="&quot;">&lt;/script&gt;&lt;b onclick=&apos;x()&apos;&gt;&amp;U+001B[31m<i>1</i><u>&lt;</p>',
  );
});

/** A result that somebody has edited. */
const altered = (from: string, to: string): Given => {
  const { text } = resultFile("plain");
  return { name: "a.json", text: text.replace(from, to) };
};

describe("The files", () => {
  test.each<[string, readonly Given[], string]>([
    ["none", [], "A report needs a result of kmb check (--json FILE)"],
    ["defects only", [defectsFile()], "A report needs a result of kmb check (--json FILE)"],
    [
      "two of one profile and format",
      [resultFile("plain"), resultFile("plain")],
      "plain.json is a second result of quick, plain",
    ],
    [
      "two of the defects",
      [defectsFile(), defectsFile()],
      "defects.json is a second result of the seeded defects",
    ],
    [
      "another version",
      [resultFile("plain", { version: "9" })],
      `plain.json is of another version: 9, where this is ${VERSION}`,
    ],
    [
      "a shard",
      [resultFile("plain", { shard: { index: 1, of: 2, memo: true, plan: "", units: 0, searched: 0 } })],
      "plain.json is a shard; kmb merge joins shards to a result",
    ],
    [
      "something else",
      [{ name: "a.json", text: '{"schema":"b"}' }],
      "a.json is neither a result of kmb check nor one of the seeded defects",
    ],
    [
      "null",
      [{ name: "a.json", text: "null" }],
      "a.json is neither a result of kmb check nor one of the seeded defects",
    ],
    ["no JSON", [{ name: "a.json", text: "{" }], "a.json is not JSON"],
    [
      "defects of another version",
      [{ ...defectsFile(), text: defectsFile().text.replace(VERSION, "9") }],
      `defects.json is of another version: 9, where this is ${VERSION}`,
    ],
    [
      "more defects than there are",
      [defectsFile(null, 1)],
      "defects.json is no result of the seeded defects: one is there twice, or more than there are",
    ],
    [
      "a defect that is there twice",
      [{ ...defectsFile(), text: defectsFile().text.replace("miscounted", "not-synced") }],
      "defects.json is no result of the seeded defects: one is there twice, or more than there are",
    ],
    [
      "a result that is called complete with states left",
      [altered('"left": 0', '"left": 5')],
      "a.json is no result of kmb check: it contradicts itself",
    ],
    [
      "a result without the violation that it counts",
      [altered('"violations": 0', '"violations": 1')],
      "a.json is no result of kmb check: it contradicts itself",
    ],
    [
      "defects without a list",
      [{ name: "a.json", text: `{"schema":"${DEFECTS_SCHEMA}","version":"${VERSION}"}` }],
      "a.json is no result of the seeded defects: ",
    ],
  ])("%s: refused with a sentence", (_, files, sentence) => {
    expect(() => evidenceIn(files, VERSION)).toThrow(sentence);
  });
});

describe("The verdict", () => {
  test("says of runs that hold what they covered together", () => {
    expect(verdict(resultFile("plain"), resultFile("sentinel"), defectsFile())).toMatch(
      new RegExp(
        `^holds: All ${INVARIANTS.length} invariants hold in 2 complete runs \\(quick, plain; quick, sentinel\\): [\\d,]+ workloads, [\\d,]+ crash states, [\\d,]+ single faults\\. Of 2 seeded defects 2 were noticed\\.$`,
      ),
    );
  });

  test("does not count what is not about the format of the run", () => {
    const about = INVARIANTS.filter(({ format }) => format !== "plain").length;
    expect(about).toBeLessThan(INVARIANTS.length);
    expect(verdict(resultFile("sentinel"))).toMatch(new RegExp(`^holds: All ${about} invariants hold in `));
    for (const files of [[resultFile("plain")], [resultFile("sentinel"), resultFile("plain")]])
      expect(reportOf(...files)).toMatch(/id="K1" data-entry data-state="holds"/);
    expect(reportOf(resultFile("sentinel"))).toMatch(/id="K1" data-entry data-state="incomplete"/);
  });

  const NO_DEFECTS = "No result of the seeded defects was given.";

  test("is that of the worst run, and says what every run says", () => {
    const stopped = resultFile("plain", { stopped: ["the time was over"] });
    const violated = resultFile("sentinel", { violations: [violationOf(found, undefined)] });
    expect(verdict(resultFile("sentinel"), stopped)).toMatch(
      /^incomplete: .*quick, plain: Nothing is violated, but the run was not complete\. No result/,
    );
    expect(verdict(stopped, violated)).toBe(
      `violated: quick, plain: Nothing is violated, but the run was not complete. quick, sentinel: 1 invariant is violated. ${NO_DEFECTS}`,
    );
  });

  test("is not complete where a seeded defect was not noticed", () => {
    expect(verdict(resultFile("plain"), defectsFile("nothing was violated"))).toMatch(
      /^incomplete: All .* Of 2 seeded defects 1 were noticed\.$/,
    );
  });

  test("says where not all seeded defects were put in", () => {
    expect(verdict(resultFile("plain"), defectsFile(null, 267))).toMatch(
      /Of the 2 that were put in, of 267 seeded defects 2 were noticed\.$/,
    );
  });

  test("does not call a run by its profile alone whose bounds are others", () => {
    const bounds = { ...profileOf("quick"), length: 1, persistence: "prefix" } as const;
    const workloads = workloadsIn(bounds);
    const changed = resultFile("plain", { bounds, own: false }, { workloads });
    expect(verdict(resultFile("plain"), changed)).toContain(
      "(quick, plain; quick, plain, but length 1, persistence prefix)",
    );
    expect(reportOf(changed)).toContain("not the profile's");
  });
});

describe("The page", () => {
  const page = reportOf(
    resultFile("plain", { violations: [violationOf(found, `counterexamples/${AWKWARD}.json`)] }),
    resultFile("sentinel"),
    defectsFile(),
  );

  test("allows the style and the script that it comes with, and nothing else", () => {
    const [, policy = ""] = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(page) ?? [];
    const digest = (element: string): string => {
      const [, text = ""] = new RegExp(`<${element}>([^]*?)</${element}>`).exec(page) ?? [];
      return createHash("sha256").update(text).digest("base64");
    };
    expect(policy.replaceAll("&apos;", "'")).toBe(
      `default-src 'none'; style-src 'sha256-${digest("style")}'; script-src 'sha256-${digest("script")}'; img-src data:; base-uri 'none'; form-action 'none'`,
    );
    expect(page).not.toMatch(/(src|href)="(?!#|data:)/);
  });

  test("has no markup of what an engine said", () => {
    expect(page).not.toContain("<b onclick");
    expect(page).not.toContain("\u001b");
    expect(page.match(/<\/script>/g)).toHaveLength(1);
  });

  test("has every invariant and witness, and links that lead somewhere", () => {
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id } of [...INVARIANTS, ...WITNESSES]) expect(ids).toContain(id);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
  });

  test("says where no result of the seeded defects was given", () => {
    expect(reportOf(resultFile("plain"))).toContain("No result was given");
  });

  test("calls an invariant shown only where every run was complete and no defect of it was missed", () => {
    const stateOf = (id: string, ...files: readonly Given[]): string | undefined =>
      new RegExp(`id="${id}" data-entry data-state="(\\w+)"`).exec(reportOf(...files))?.[1];
    const stopped = resultFile("sentinel", { stopped: ["the time was over"] });
    expect(stateOf("D1", resultFile("plain"), defectsFile())).toBe("holds");
    expect(stateOf("D1", resultFile("plain"), stopped)).toBe("incomplete");
    expect(stateOf("D1", resultFile("plain"), defectsFile("nothing"))).toBe("incomplete");
    expect(stateOf("D2", resultFile("plain"), defectsFile("nothing"))).toBe("holds");
    expect(stateOf("D1", resultFile("plain", { violations: [violationOf(found, undefined)] }))).toBe(
      "violated",
    );
  });

  test("has the tables of tampering with their legend, the cases of recovery, and the plot", () => {
    for (const text of [
      "no anchor, old index files",
      "<strong>revealed</strong>",
      "How often each case was met",
      "data:image/svg+xml;base64,",
    ])
      expect(page).toContain(text);
  });
});
