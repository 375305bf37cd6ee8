/** Directories without streams: none passes for a clean one, and what it looks like is said. */
import { describe, expect, test } from "vitest";
import { HandLog, text } from "../e2e/by-hand.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { audit } from "./audit.ts";
import { NoStreams } from "./directory.ts";

const SEGMENT = new HandLog().append(text("an event")).bytes();

const disk = new MemoryDisk(
  "/data",
  new Map([
    ["good/1/segment_000000.log", SEGMENT],
    ["good/1/quarantine/segment_000000.log.56.0123456789abcdef", text("set aside")],
    ["good/LOCK", text("")],
    ["also good/7/segment_000000.log.idx.wal", text("")],
    ["opened/LOCK", text("")],
    ["years/2023/events.csv", text("1,2")],
    ["years/2024/events.csv", text("3,4")],
    ["other/README.md", text("# Nothing")],
    ["other/sources/1.ts", text("1;")],
  ]),
);
disk.makeDirectory("/data/empty");
disk.makeDirectory("/data/hollow");
disk.makeDirectory("/data/hollow/3");

const seen = (path: string, options: { stream?: string } = {}): Promise<unknown> =>
  audit(path, { disk, ...options });

describe("an audit of what holds no streams is refused, and says what it looks like", () => {
  test.each([
    [
      "/data",
      "There are no streams in /data: it looks as if data directories were in it. Name one, such as /data/good, /data/also good.",
    ],
    [
      "/data/good/1",
      "There are no streams in /data/good/1: it looks like a stream. Name the data directory that it is in, /data/good.",
    ],
    [
      "/data/good/1/",
      "There are no streams in /data/good/1: it looks like a stream. Name the data directory that it is in, /data/good.",
    ],
    [
      "/data/good/1/quarantine",
      "There are no streams in /data/good/1/quarantine: it looks like a stream's quarantine. Name the data directory, /data/good.",
    ],
    ["/data/empty", "There are no streams in /data/empty: it is empty."],
    [
      "/data/hollow",
      "There are no streams in /data/hollow: it holds nothing of this format, only names such as 3.",
    ],
    ["/data/opened", "There are no streams in /data/opened: nothing was ever appended to it."],
    [
      "/data/years",
      "There are no streams in /data/years: it holds nothing of this format, only names such as 2023, 2024.",
    ],
    [
      "/data/other",
      "There are no streams in /data/other: it holds nothing of this format, only names such as README.md, sources.",
    ],
    ["/data/nothing", "There is no directory /data/nothing."],
  ])("%s", async (path, sentence) => {
    await expect(seen(path)).rejects.toThrow(new NoStreams(sentence));
  });

  test("a quarantine in which there is only a page of the manifest", async () => {
    const name = "1/quarantine/manifest-000002.json.0.0123456789abcdef";
    const aside = new MemoryDisk("/data", new Map([[name, text("set aside")]]));
    await expect(audit("/data/1/quarantine", { disk: aside })).rejects.toThrow(
      new NoStreams(
        "There are no streams in /data/1/quarantine: it looks like a stream's quarantine. Name the data directory, /data.",
      ),
    );
  });

  test("a stream that is not there, where others are", async () => {
    await expect(seen("/data/good", { stream: "2" })).rejects.toThrow(
      new NoStreams("There is no stream 2 in /data/good: there are others, such as 1."),
    );
  });

  test("a stream of which no file is there", async () => {
    await expect(seen("/data/hollow", { stream: "3" })).rejects.toThrow(NoStreams);
  });

  test("unless whoever asks means it", async () => {
    for (const path of ["/data/empty", "/data/opened", "/data/other", "/data/good/1"]) {
      const { clean, streams } = await audit(path, { disk, allowEmpty: true });
      expect({ clean, streams }).toStrictEqual({ clean: true, streams: [] });
    }
    const { clean } = await audit("/data/good", { disk, stream: "2", allowEmpty: true });
    expect(clean).toBe(true);
    await expect(audit("/data/nothing", { disk, allowEmpty: true })).rejects.toThrow(NoStreams);
  });
});

test("streams are audited in the order of their numbers; what is none is told, but the lock, and not where one stream was asked for", async () => {
  const names = ["10", "LOCK", "9", "007", "18446744073709551616", "notes"];
  const several = new MemoryDisk("/data", new Map());
  for (const name of names) {
    if (name === "LOCK") void several.open("/data/LOCK", "create");
    else several.makeDirectory(`/data/${name}`);
  }
  const { streams, findings, clean } = await audit("/data", { disk: several, allowEmpty: true });
  expect(streams.map(({ stream }) => stream)).toStrictEqual(["9", "10"]);
  expect(findings.map(({ severity, code, file }) => `${severity} ${code} ${file}`)).toStrictEqual(
    ["007", "18446744073709551616", "notes"].map((name) => `notice unknown-file /data/${name}`),
  );
  expect(clean).toBe(true);
  const one = await audit("/data", { disk: several, allowEmpty: true, stream: "9" });
  expect(one.streams.map(({ stream }) => stream)).toStrictEqual(["9"]);
  expect(one.findings).toStrictEqual([]);
});

describe("a stream of which no file is there", () => {
  test("beside others is a notice", async () => {
    const beside = new MemoryDisk("/data", new Map([["1/segment_000000.log", SEGMENT]]));
    beside.makeDirectory("/data/2");
    const { clean, streams } = await audit("/data", { disk: beside });
    expect(streams.map(({ stream, findings }) => [stream, findings.map(({ code }) => code)])).toStrictEqual([
      ["1", ["missing-index", "damaged-manifest"]],
      ["2", ["empty-directory"]],
    ]);
    expect(clean).toBe(false);
  });
});
