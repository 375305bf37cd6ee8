/**
 * What is being run.
 * @module
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Versions } from "./versions.ts";

/** Where the compiled code is; `package.json` is one folder above, in a checkout and installed. */
const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** The folders whose code decides what the check counts. */
const FOLDERS = ["src", "model", "explore", "fault-injection", "properties", "cli"] as const;
/** Seeded defects and tools: not installed with the package, and of no influence without it. */
const NOT_INSTALLED = join("properties", "defects") + sep;
const DIGEST_CHARACTERS = 16;
const COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/;

interface Package {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

function packageJson(): Package {
  return JSON.parse(readFileSync(join(ROOT, "..", "package.json"), "utf8")) as Package;
}

/** The package's version. */
export const packageVersion = (): string => packageJson().version;

/**
 * The package's version with a digest of the code and of the versions of its dependencies, such as
 * `1.2.3+9f86d081884c7d65`: counts of runs that have the same may be added. The same version in two states of
 * a checkout has two of them.
 */
export function codeVersion(): string {
  const { version, dependencies } = packageJson();
  const hash = createHash("sha256").update(JSON.stringify(dependencies));
  for (const path of codeFiles())
    hash.update(`\n${path.replaceAll(sep, "/")}\n`).update(readFileSync(join(ROOT, path)));
  return `${version}+${hash.digest("hex").slice(0, DIGEST_CHARACTERS)}`;
}

/** What runs: for results, so that whoever reads one can run the same again. */
export function versions(): Versions {
  return {
    package: packageVersion(),
    node: process.versions.node,
    commit: commitOf(ROOT, process.env["GITHUB_SHA"]),
  };
}

/**
 * The commit that a folder is a checkout of, or else the one that CI says it runs for.
 * @param said what CI says; anything but a commit's name is none
 */
export function commitOf(folder: string, said: string | undefined): string | null {
  try {
    return execFileSync("git", ["rev-parse", "--verify", "HEAD"], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    // There is no git, or no checkout, or git does not trust its owner.
    return said !== undefined && COMMIT.test(said) ? said : null;
  }
}

function codeFiles(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((path) => join(folder, path)),
  )
    .filter((path) => path.endsWith(".js") && !path.startsWith(NOT_INSTALLED))
    .sort();
}
