/**
 * What is being run.
 * @module
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the compiled code is; `package.json` is one folder above, in a checkout and installed. */
const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** The folders whose code decides what the check counts. */
const FOLDERS = ["src", "model", "explore", "fault-injection", "properties", "cli"] as const;
/** Seeded defects and tools: not installed with the package, and of no influence without it. */
const NOT_INSTALLED = join("properties", "defects") + sep;
const DIGEST_CHARACTERS = 16;

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

function codeFiles(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((path) => join(folder, path)),
  )
    .filter((path) => path.endsWith(".js") && !path.startsWith(NOT_INSTALLED))
    .sort();
}
