/**
 * What a result was made by: whoever reads it can fetch the same code, and run it again.
 * @module
 */
import * as z from "zod/mini";

/** What ran. */
export interface Versions {
  /** The package's version. */
  readonly package: string;
  /** Node's version, without a letter before it. */
  readonly node: string;
  /** The commit of the code; `null` where there is none, as where the package was installed. */
  readonly commit: string | null;
}

/** In words. */
export function versionsText({ package: version, node, commit }: Versions): string {
  return `${version} on Node.js ${node}, commit ${commit ?? "not known"}`;
}

const named = z.string().check(z.regex(/^[\w.+, -]+$/, { error: "must be versions" }));
const commit = z.string().check(z.regex(/^[0-9a-f]+$/, { error: "must be the name of a commit" }));

/** For versions that come from a file: they are printed, so they are nothing else. */
export const versionsSchema: z.ZodMiniType<Versions> = z.strictObject({
  package: named,
  node: named,
  commit: z.nullable(commit),
});

/** Of results that are joined: what all have in common, and otherwise each version of Node, or no commit. */
export function commonVersions(all: readonly [Versions, ...Versions[]]): Versions {
  const [first] = all;
  const nodes = [...new Set(all.map(({ node }) => node))].sort();
  const isCommon = all.every(({ commit }) => commit === first.commit);
  return { package: first.package, node: nodes.join(", "), commit: isCommon ? first.commit : null };
}
