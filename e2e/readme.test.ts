import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("The README's example runs as it stands", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const code = /```ts\n([^]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"))?.[1] ?? "";
  expect(code).toContain("/tmp/kimberlite-example");
  const directory = mkdtempSync(join(tmpdir(), "readme-"));
  // In the package's own folder, so that its name resolves to it.
  const script = join(root, "dist", "readme-example.mjs");
  try {
    writeFileSync(script, code.replace("/tmp/kimberlite-example", join(directory, "data")));
    const { stdout, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout).toBe("0n placed\n1n paid\n2n sent\nsent\n");
  } finally {
    rmSync(directory, { recursive: true });
    rmSync(script, { force: true });
  }
});
