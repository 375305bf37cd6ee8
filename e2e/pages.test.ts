/**
 * The pages in a browser, as people open them: from a file, without a network. Skipped where there is no
 * Chromium; `.ci/run` installs Debian's.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { AxeResults } from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { DEFECTS } from "../properties/defects/defects.ts";
import { withDefects } from "../properties/defects/run.ts";

/** A browser on a loaded machine takes its time. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

const KMB = fileURLToPath(new URL("../dist/cli/kmb.js", import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => spawnSync(path, ["--version"]).status === 0,
);
const directory = mkdtempSync(join(tmpdir(), "pages-"));
/** Each colour scheme and each width once: neither depends on the other. */
const SCREENS = [
  { colorScheme: "light", width: 1280 },
  { colorScheme: "dark", width: 380 },
] as const;

let browser: Browser | undefined;
afterAll(async () => {
  await browser?.close();
  rmSync(directory, { recursive: true });
});

function kmb(args: readonly string[], defect?: string): string {
  const mistakes = DEFECTS.filter(({ id }) => id === defect);
  const preload = mistakes.length === 0 ? { args: [], env: process.env } : withDefects(mistakes, directory);
  const { stdout, stderr } = spawnSync(process.execPath, [...preload.args, KMB, ...args], {
    cwd: directory,
    encoding: "utf8",
    env: preload.env,
  });
  return stdout + stderr;
}

/** A page that was opened, and all that it complained of or asked the network for. */
async function opened(
  file: string,
  { hash = "", ...screen }: { hash?: string; colorScheme?: "light" | "dark"; width?: number } = {},
): Promise<{ page: Page; complaints: string[] }> {
  const { colorScheme = "light", width = 1280 } = screen;
  browser ??= await chromium.launch({ executablePath: executablePath ?? "", args: ["--no-sandbox"] });
  const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) complaints.push(request.url());
  });
  await page.goto(pathToFileURL(join(directory, file)).href + hash);
  return { page, complaints };
}

/** The serious faults that axe finds. */
async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate<AxeResults>("axe.run()");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

const shown = (page: Page, selector: string): Promise<number> => page.locator(`${selector}:visible`).count();

describe.runIf(executablePath !== undefined)("The assurance report", () => {
  beforeAll(() => {
    kmb([
      "check",
      "--profile",
      "quick",
      "--parts",
      "symbolic-hashes",
      "--symbolic-records",
      "2",
      "--length",
      "1",
      "--json",
      "check.json",
    ]);
    kmb(["report", "check.json", "--out", "report.html"]);
  });

  test.each(SCREENS)("has no serious fault, $colorScheme and $width pixels wide", async (screen) => {
    const { page, complaints } = await opened("report.html", screen);
    expect(await page.locator(".verdict").textContent()).toContain("the run was not complete");
    expect(await faultsOf(page)).toEqual([]);
    expect(complaints).toEqual([]);
    const isTooWide = await page.evaluate<boolean>(
      "document.documentElement.scrollWidth > document.documentElement.clientWidth",
    );
    expect(isTooWide).toBe(false);
    await page.close();
  });

  test("finds words, filters by state, and both stand in the address", async () => {
    const { page, complaints } = await opened("report.html");
    const all = await shown(page, "[data-entry]");
    await page.keyboard.press("/");
    await page.keyboard.type("tombstone");
    const some = await shown(page, "[data-entry]");
    expect(some).toBeGreaterThan(0);
    expect(some).toBeLessThan(all);
    await page.selectOption("#state", "violated");
    expect(await shown(page, "[data-entry]")).toBe(0);
    await page.selectOption("#state", "incomplete");
    await page.fill("#words", "H5");
    const found = page.locator("article[data-entry]:visible");
    expect(await found.evaluateAll((entries) => entries.map(({ id }) => id))).toEqual(["H5"]);
    const address = page.url();
    await page.close();
    const again = await opened("report.html", { hash: new URL(address).hash });
    expect(await shown(again.page, "article[data-entry]")).toBe(1);
    await again.page.getByRole("button", { name: "Clear" }).click();
    await expect.poll(() => shown(again.page, "[data-entry]")).toBe(all);
    expect([...complaints, ...again.complaints]).toEqual([]);
    await again.page.close();
  });

  test("shows an entry whose id is in the address", async () => {
    const { page } = await opened("report.html", { hash: "#D2" });
    const box = await page.locator("#D2").boundingBox();
    expect(box?.y).toBeGreaterThanOrEqual(0);
    expect(box?.y).toBeLessThan(900);
    await page.close();
  });
});

describe.runIf(executablePath !== undefined)("A counterexample, of an engine that does not sync", () => {
  beforeAll(() => {
    const defect = "batch-without-sync";
    kmb(["check", "--profile", "quick", "--parts", "crashes", "--length", "2", "--workers", "1"], defect);
    const [name = ""] = readdirSync(join(directory, "counterexamples"));
    kmb(["replay", join("counterexamples", name), "--html", "replay.html"], defect);
  });

  test.each(SCREENS)("has no serious fault, $colorScheme and $width pixels wide", async (screen) => {
    const { page, complaints } = await opened("replay.html", screen);
    expect(await faultsOf(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("opens where it is violated, and is gone through by buttons, slider and keys", async () => {
    const { page, complaints } = await opened("replay.html");
    const current = page.locator(".steps [aria-current]");
    const place = async (): Promise<number> =>
      Number.parseInt((await page.locator("#place").textContent()) ?? "", 10);
    const last = await place();
    expect(await current.textContent()).toContain("here it is violated");
    expect(await current.textContent()).toContain("VIOLATED");
    await page.getByRole("button", { name: "Back", exact: true }).click();
    await page.keyboard.press("ArrowLeft");
    expect(await place()).toBe(last - 2);
    await page.getByRole("button", { name: "First", exact: true }).click();
    await page.keyboard.press("ArrowRight");
    expect(await place()).toBe(2);
    await page.locator("#step").fill("5");
    expect(await place()).toBe(5);
    expect(new URL(page.url()).hash).toBe("#step-5");
    await page.close();
    expect(complaints).toEqual([]);
  });

  test("shows what is pending, what was lost, and what engine and model said", async () => {
    const { page } = await opened("replay.html", { hash: "#step-1" });
    const met = await page.evaluate<
      string[]
    >(`[...document.querySelectorAll(".steps button")].flatMap((step) => {
      step.click();
      return [...document.querySelectorAll("#disk .sector .fate")].map(({ textContent }) => textContent);
    })`);
    expect(met).toEqual(expect.arrayContaining(["durable", "pending", "lost"]));
    const told = (): Promise<string[]> => page.locator("#disk .both section").allTextContents();
    expect(await told()).toEqual([
      expect.stringContaining("Expected"),
      expect.stringContaining("SeenStorageError"),
    ]);
    await page.keyboard.press("ArrowLeft");
    expect(await told()).toEqual([
      expect.stringMatching(/^The model, at step \d+model has stream 1/),
      expect.stringMatching(/^The engine, at step \d+appended, the stream ends at/),
    ]);
    await page.locator("#disk details").first().locator("summary").click();
    expect(await page.locator("#disk tbody tr").first().textContent()).toContain("offset");
    await page.close();
  });
});
