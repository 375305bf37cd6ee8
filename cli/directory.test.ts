/**
 * The commands that look at a data directory, as they are called: what they print, where, and how they end.
 */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { KMB, kmb } from "../e2e/kmb.ts";
import { filesIn, flipped, restore, temporaryDirectories } from "../e2e/testing.ts";
import { Storage } from "../src/index.ts";

const FIXTURES = fileURLToPath(new URL("../e2e/fixtures/kimberlite/", import.meta.url));
const directory = temporaryDirectories();

/** A copy of a directory that Kimberlite wrote. */
function copyOf(fixture: string): string {
  const copy = path.join(directory(), "data");
  fs.cpSync(path.join(FIXTURES, fixture, "data"), copy, { recursive: true });
  return copy;
}

/** Flips a bit of a file. */
function flip(file: string, bit: number): void {
  fs.writeFileSync(file, flipped(fs.readFileSync(file), bit));
}

const times = (data: string): string[] =>
  [...filesIn(data).keys()].map((name) => `${name} ${fs.statSync(path.join(data, name)).mtimeMs}`);

describe("kmb audit", () => {
  test("a clean directory: status 0, and nothing in it is touched", () => {
    const data = copyOf("b_rotation");
    const before = [filesIn(data), times(data)];
    const { status, out, err } = kmb("audit", data);
    expect({ status, err }).toStrictEqual({ status: 0, err: "" });
    expect(out).toContain("records   20 (20 data), next offset 20");
    expect(out).toContain("1,310 in 3 segments");
    expect(out).toContain("head      abc8c3dd8126be32560dd4368b75061dde51bcb79d4fb3d5b741e3d9e3dfe7c7");
    expect(out).toContain("chain     holds from the first record to the last");
    expect(out).toContain("readers   agree");
    expect(out).toMatch(/^clean$/m);
    expect(out.includes("\u001b")).toBe(false);
    expect([filesIn(data), times(data)]).toStrictEqual(before);
  });

  test("a flipped bit: status 1, and the file, the place, the offset and the bit are named", () => {
    const data = copyOf("b_rotation");
    const file = path.join(data, "1/segment_000001.log");
    flip(file, 8 * 125 + 3);
    const json = path.join(directory(), "audit.json");
    const { status, out } = kmb("audit", data, "--json", json);
    expect(status).toBe(1);
    expect(out).toContain(`${file}, bytes 65 to 130, offset 9, 1 record not readable: checksum-mismatch`);
    expect(out).toContain("One bit flipped: bit 3 of byte 125;");
    const report = JSON.parse(fs.readFileSync(json, "utf8")) as Record<string, unknown>;
    expect(Object.keys(report)).toStrictEqual([
      "schema",
      "versions",
      "directory",
      "streams",
      "findings",
      "anchors",
      "clean",
      "seconds",
    ]);
    expect(report).toMatchObject({
      schema: "kimberlite-storage/audit@1",
      clean: false,
      streams: [
        {
          stream: "1",
          format: "sentinel",
          records: 19,
          nextOffset: 20,
          verifiedFromGenesis: false,
          readersAgree: true,
          findings: [
            {
              severity: "damage",
              code: "checksum-mismatch",
              file,
              position: 65,
              end: 130,
              offset: 9,
              records: 1,
            },
          ],
        },
      ],
    });
  });

  test("of many findings damage is printed first, and the rest is counted", () => {
    const data = copyOf("b_rotation");
    for (let i = 10; i < 70; i += 1) fs.writeFileSync(path.join(data, `1/a-note-${i}`), "");
    const notices = kmb("audit", data);
    expect(notices.status).toBe(0);
    expect(notices.out.match(/^ {2}notice {4}/gm)?.length).toBe(50);
    expect(notices.out).toContain("            10 findings more; --json FILE writes all of them");
    expect(notices.out).toMatch(/^clean, 60 notices$/m);
    // What the manifest says is held against the segments last of all.
    const manifest = path.join(data, "1/manifest.json");
    const json = JSON.parse(fs.readFileSync(manifest, "utf8")) as { segments: { size_bytes: number }[] };
    const segments = json.segments.map((one, i) =>
      i === 0 ? { ...one, size_bytes: one.size_bytes - 1 } : one,
    );
    fs.writeFileSync(manifest, JSON.stringify({ ...json, segments }));
    const damaged = kmb("audit", data);
    expect(damaged.status).toBe(1);
    expect(damaged.out.match(/^ {2}(damage|notice) {4}/gm)?.slice(0, 2)).toStrictEqual([
      "  damage    ",
      "  notice    ",
    ]);
    expect(damaged.out).toContain("            11 findings more; --json FILE writes all of them");
    expect(damaged.out).toMatch(/^not clean: 1 damage finding, 0 failed anchors, 60 notices$/m);
  });

  test("of one stream is told that it is, and anchors of others are left out", () => {
    const data = copyOf("g_two_streams");
    const anchors = path.join(directory(), "anchors.txt");
    fs.writeFileSync(anchors, kmb("anchor", data).out);
    fs.rmSync(path.join(data, "21474836522"), { recursive: true });
    const all = kmb("audit", data, "--anchor", anchors);
    expect(all.status).toBe(1);
    expect(all.out).toMatch(/^not clean: 0 damage findings, 1 failed anchor$/m);
    const one = kmb("audit", data, "--anchor", anchors, "--stream", "1");
    expect(one.status).toBe(0);
    expect(one.out).toMatch(/^Only stream 1 was audited\.$/m);
    expect(one.out.match(/^ {2}anchor /gm)?.length).toBe(1);
  });

  test("comes to the same with any number of workers, where there is enough for more than one", async () => {
    const data = path.join(directory(), "data");
    const storage = await Storage.open(data, { maxSegmentBytes: 1 << 19 });
    for (let i = 0; i < 24; i += 1) await storage.appendBatch(1n, [new Uint8Array(1 << 16).fill(i)]);
    await storage.close();
    flip(path.join(data, "1/segment_000001.log"), 100);
    const [one, three] = [1, 3].map((workers) => kmb("audit", data, "--workers", String(workers)));
    expect(one?.status).toBe(1);
    expect(one?.out).toMatch(/ in [3-9] segments;/);
    expect(one).toStrictEqual(three);
  });

  test("works beside a writer, and takes no lock", async () => {
    const data = path.join(directory(), "data");
    const storage = await Storage.open(data);
    for (let i = 0; i < 5; i += 1) {
      await storage.appendBatch(7n, [Buffer.from(`event ${i}`)]);
      const { status, out } = kmb("audit", data);
      expect({ status, records: /records +(\d+)/.exec(out)?.[1] }).toStrictEqual({
        status: 0,
        records: String(i + 1),
      });
    }
    await storage.close();
  });

  test.each([
    [["audit"], "missing required argument"],
    [["audit", "/nowhere/at/all"], "There is no directory /nowhere/at/all."],
    [["audit", path.join(FIXTURES, "README.md")], "README.md is not a directory."],
    [["audit", path.join(FIXTURES, "b_rotation/data"), "--stream", "2"], "There is no stream 2"],
    [["audit", path.join(FIXTURES, "b_rotation/data"), "--stream", "-1"], "unsigned 64-bit integer"],
    [["audit", path.join(FIXTURES, "b_rotation/data"), "--anchor", "/nowhere"], "There is no file /nowhere."],
    [["audit", path.join(FIXTURES, "b_rotation/data"), "--anchor", FIXTURES], "is a directory"],
    [
      ["audit", path.join(FIXTURES, "b_rotation/data"), "--json", "/nowhere/a.json"],
      "/nowhere/a.json could not",
    ],
    [["anchor", path.join(FIXTURES, "b_rotation/data"), "--sign", "/nowhere"], "There is no file /nowhere."],
    [["audit", path.join(FIXTURES, "b_rotation")], "Name one, such as"],
    [["anchor", path.join(FIXTURES, "b_rotation")], "Name one, such as"],
    [["repair", path.join(FIXTURES, "b_rotation"), "--plan"], "Name one, such as"],
    [["dump", path.join(FIXTURES, "b_rotation"), "--stream", "1"], "Name one, such as"],
    [["audit", path.join(FIXTURES, "b_rotation/data/1")], "it looks like a stream"],
    [["dump", path.join(FIXTURES, "b_rotation/data/1"), "--stream", "1"], "it looks like a stream"],
    [["audit", path.join(FIXTURES, "b_rotation/data"), "--anchor", KMB], "line"],
    [["audit", path.join(FIXTURES, "b_rotation/data"), "--key", "no key"], "--key is for the signatures"],
    [["repair", path.join(FIXTURES, "b_rotation/data")], "--plan or --apply"],
    [["repair", path.join(FIXTURES, "b_rotation/data"), "--plan", "--apply"], "cannot be used with"],
    [["dump", path.join(FIXTURES, "b_rotation/data")], "--stream"],
    [["keygen", "a b", "--out", "/tmp/nothing-is-written-here"], "name"],
  ])("ends with 2 and one plain line on wrong usage: %j", (args, sentence) => {
    const { status, err } = kmb(...args);
    expect(status).toBe(2);
    expect(err).toContain(sentence);
    expect(err).not.toMatch(/^ +at /m);
  });
});

describe("--allow-empty", () => {
  test.each([["audit"], ["anchor"], ["repair", "--plan"], ["dump", "--stream", "1"]])(
    "kmb %s: a directory without streams is an error without it, and none with it",
    (command, ...options) => {
      const empty = directory();
      const without = kmb(command, empty, ...options);
      expect({ status: without.status, out: without.out }).toStrictEqual({ status: 2, out: "" });
      expect(without.err).toMatch(/^error: There (are no streams|is no stream 1) in .*: it is empty\.\n$/);
      expect(kmb(command, empty, ...options, "--allow-empty")).toMatchObject({ status: 0 });
    },
  );
});

describe("kmb anchor, kmb keygen and kmb audit --anchor", () => {
  test("an anchor matches, and still does when records are appended; a cut tail and a rewrite do not", async () => {
    const data = path.join(directory(), "data");
    const append = async (...events: string[]): Promise<void> => {
      const storage = await Storage.open(data);
      for (const event of events) await storage.appendBatch(1n, [Buffer.from(event)]);
      await storage.close();
    };
    const anchors = path.join(directory(), "anchors.txt");
    const anchor = (): void => {
      fs.appendFileSync(anchors, kmb("anchor", data, "--origin", "example.com/ledger").out);
    };
    await append("a", "b");
    const older = filesIn(data);
    anchor();
    await append("c");
    anchor();
    await append("d");
    expect(fs.readFileSync(anchors, "utf8")).toMatch(
      /^example\.com\/ledger\/1\n2\n\S{44}\n\nexample\.com\/ledger\/1\n3\n/,
    );
    const clean = kmb("audit", data, "--anchor", anchors);
    expect({ status: clean.status, matches: clean.out.match(/: matches/g)?.length }).toStrictEqual({
      status: 0,
      matches: 2,
    });

    restore(data, older);
    const cut = kmb("audit", data, "--anchor", anchors);
    expect(cut.status).toBe(1);
    expect(cut.out).toMatch(/^not clean: 0 damage findings, 1 failed anchor(, .*)?$/m);
    expect(cut.out).toContain(`at 3 records, line 5 of ${anchors}: cut-tail`);

    await append("other", "and another");
    const rewritten = kmb("audit", data, "--anchor", anchors);
    expect(rewritten.status).toBe(1);
    expect(rewritten.out).toContain(`at 2 records, line 1 of ${anchors}: matches`);
    expect(rewritten.out).toContain(`at 3 records, line 5 of ${anchors}: rewritten`);
    expect(rewritten.out).toContain("It was rewritten after record 2");
  });

  test("a signed anchor is verified with its key, refused with another, and said to be unchecked without", () => {
    const data = copyOf("c_checkpoints");
    const keys = directory();
    const made = ["one", "two"].map((name) =>
      kmb("keygen", `example.com/${name}`, "--out", path.join(keys, name)),
    );
    expect(made.map(({ status }) => status)).toStrictEqual([0, 0]);
    expect(fs.statSync(path.join(keys, "one")).mode & 0o777).toBe(0o600);
    expect(kmb("keygen", "example.com/one", "--out", path.join(keys, "one")).status).toBe(2);
    const [one = "", two = ""] = made.map(({ out }) => out.trim());
    const anchors = path.join(keys, "anchors");
    fs.writeFileSync(anchors, kmb("anchor", data, "--sign", path.join(keys, "one")).out);
    const audited = (...args: string[]): [number | null, boolean][] => {
      const { status, out } = kmb("audit", data, "--anchor", anchors, ...args);
      return ["signature verified", "not signed by a given key", "signature not checked"].map((said) => [
        status,
        out.includes(said),
      ]);
    };
    expect(audited("--key", one).map(([, said]) => said)).toStrictEqual([true, false, false]);
    expect(audited("--key", two).map(([, said]) => said)).toStrictEqual([false, true, false]);
    expect(audited().map(([, said]) => said)).toStrictEqual([false, false, true]);
    expect(
      [audited("--key", one), audited("--key", two), audited()].map(([first]) => first?.[0]),
    ).toStrictEqual([0, 1, 0]);
  });

  test("the public key is printed again from the private one, and nothing is written", () => {
    const file = path.join(directory(), "key");
    const { out } = kmb("keygen", "example.com/notary", "--out", file);
    expect(out).toMatch(/^example\.com\/notary\+[0-9a-f]{8}\+\S+\n$/);
    const before = fs.readFileSync(file);
    expect(kmb("keygen", "--public", file)).toStrictEqual({ status: 0, out, err: "" });
    expect(fs.readFileSync(file).equals(before)).toBe(true);
    fs.writeFileSync(`${file}.pub`, out);
    for (const args of [
      ["--public", `${file}.pub`],
      ["name", "--public", file],
      ["name"],
      ["--out", `${file}.new`],
    ]) {
      const refused = kmb("keygen", ...args);
      expect({ status: refused.status, out: refused.out }).toStrictEqual({ status: 2, out: "" });
      expect(refused.err.trimEnd().split("\n").length).toBe(1);
    }
  });

  test("a stream that is a link to a directory is called that, and no damaged medium", () => {
    const data = copyOf("a_single_uncompressed");
    fs.renameSync(path.join(data, "1"), path.join(data, "elsewhere"));
    fs.symlinkSync("elsewhere", path.join(data, "1"));
    const { status, out } = kmb("audit", data);
    expect(status).toBe(1);
    expect(out).toContain("probable cause: Somebody put a symbolic link here");
    expect(out).not.toContain("medium");
  });

  test("two files of anchors are told apart by their names, in the fork that they show, too", () => {
    const data = copyOf("a_single_uncompressed");
    const [ours, theirs] = ["ours.txt", "theirs.txt"].map((name) => path.join(directory(), name));
    const anchor = kmb("anchor", data, "--origin", "example.com/ledger").out;
    const lines = anchor.split("\n");
    fs.writeFileSync(ours ?? "", anchor);
    fs.writeFileSync(
      theirs ?? "",
      [...lines.slice(0, 2), Buffer.alloc(32, 7).toString("base64"), ""].join("\n"),
    );
    const { status, out } = kmb("audit", data, "--anchor", ours ?? "", "--anchor", theirs ?? "");
    expect(status).toBe(1);
    expect(out).toMatch(
      new RegExp(
        `line 1 of ${ours ?? ""}: matches, not signed\\. .*The anchor in line 1 of ${theirs ?? ""} has`,
      ),
    );
    expect(out).toMatch(
      new RegExp(
        `line 1 of ${theirs ?? ""}: fork, not signed\\. .*The anchor in line 1 of ${ours ?? ""} has`,
      ),
    );
  });

  test("there is no anchor for a damaged stream", () => {
    const data = copyOf("g_two_streams");
    flip(path.join(data, "1/segment_000000.log"), 700);
    const { status, out, err } = kmb("anchor", data);
    expect({ status, lines: out.split("\n").length }).toStrictEqual({ status: 1, lines: 5 });
    expect(out).toMatch(/^kimberlite\/21474836522\n5\n/);
    expect(err).toContain("Stream 1 is damaged, and there is no anchor for it");
  });
});

describe("kmb dump", () => {
  test("--limit reads no further than it shows: a terabyte of hole after a record is not looked at", async () => {
    const data = path.join(directory(), "data");
    const storage = await Storage.open(data);
    await storage.appendBatch(1n, [Buffer.from("the first")]);
    await storage.close();
    fs.truncateSync(path.join(data, "1/segment_000000.log"), 2 ** 40);
    const { status, out } = kmb("dump", data, "--stream", "1", "--limit", "1");
    expect({ status, lines: out.trimEnd().split("\n").length }).toStrictEqual({ status: 0, lines: 1 });
    expect(kmb("dump", data, "--stream", "1", "--limit", "0")).toMatchObject({ status: 0, out: "" });
  });

  test("a payload that is turned into text in pieces is whole", async () => {
    const data = path.join(directory(), "data");
    const payload = Buffer.alloc(200_001, "0123456789abcdef!");
    const storage = await Storage.open(data);
    await storage.appendBatch(1n, [payload]);
    await storage.close();
    const { out } = kmb("dump", data, "--stream", "1");
    expect(JSON.parse(out)).toMatchObject({ offset: 0, payload: payload.toString("hex") });
  });

  test("records as JSON lines, from an offset, so many", () => {
    const { status, out } = kmb(
      "dump",
      path.join(FIXTURES, "a_single_uncompressed/data"),
      "--stream",
      "1",
      "--from",
      "2",
      "--limit",
      "1",
    );
    expect(status).toBe(0);
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toStrictEqual([
      {
        offset: 2,
        kind: "data",
        compression: "none",
        segment: 0,
        position: 130,
        bytes: 65,
        prevHash: "c3264e44ce0fc80546e540a3af36fea37813f8df623b2f278b73e8ae12965c28",
        hash: "fbfbc1b5e8e1f05090b2110dae19121070440a077faa288ae1f8b1d33312e063",
        payload: "6576656e742d32",
      },
    ]);
  });

  test("one record, field by field", () => {
    const { status, out } = kmb(
      "dump",
      path.join(FIXTURES, "c_checkpoints/data"),
      "--stream",
      "1",
      "--record",
      "4",
    );
    expect(status).toBe(0);
    for (const line of [
      /^ +260 +start mark +fe 0f dc ba +0xBADC0FFE, as it must be$/m,
      /^ +264 +offset +04 00 00 00 00 00 00 00 +4$/m,
      /^ +304 +kind +01 +checkpoint$/m,
      /^ +306 +length +28 00 00 00 +40 bytes$/m,
      /^ +350 +crc32 +df 7e 5c b6 +matches$/m,
      /^ +354 +end mark +42 ee ff c0 +0xC0FFEE42, as it must be$/m,
    ]) {
      expect(out).toMatch(line);
    }
  });

  test("shows damage where it is, and ends with 1; with 2 where there is no such record", () => {
    const data = copyOf("a_single_uncompressed");
    flip(path.join(data, "1/segment_000000.log"), 8 * 100);
    const { status, out } = kmb("dump", data, "--stream", "1", "--table");
    expect({ status, lines: out.trim().split("\n").length }).toStrictEqual({ status: 1, lines: 6 });
    expect(out).toMatch(/^damage .*byte 65 to 130, offset 1: /m);
    expect(
      kmb("dump", path.join(FIXTURES, "a_single_uncompressed/data"), "--stream", "1", "--record", "5").status,
    ).toBe(2);
  });
});

describe("kmb repair", () => {
  test("plans what it then does: the end is cut, kept in quarantine, and the stream goes on", async () => {
    const data = copyOf("c_checkpoints");
    const file = path.join(data, "1/segment_000000.log");
    flip(file, 8 * 900);
    const before = filesIn(data);
    const last = before.get("1/segment_000000.log")?.subarray(846) ?? Buffer.alloc(0);

    const plan = kmb("repair", data, "--plan");
    expect(plan.status).toBe(0);
    expect(plan.out).toContain(
      "Would truncate the stream after byte 846 of segment_000000.log; the rest would be in quarantine",
    );
    expect(plan.out).toContain("there had been 13 records");
    expect(filesIn(data)).toStrictEqual(before);
    const planned = [...plan.out.matchAll(/^ {2}would (\w+) +(\S+) /gm)].map(
      ([, does, name]) => `${does ?? ""} ${name ?? ""}`,
    );

    expect(plan.out).toMatch(/^Nothing was changed\. With --apply it is done\.$/m);

    const applied = kmb("repair", data, "--apply");
    expect(applied.status).toBe(0);
    expect(applied.out).toContain(
      "Truncated the stream after byte 846 of segment_000000.log; the rest is in quarantine",
    );
    expect(applied.out).not.toContain("Nothing was changed");
    const after = filesIn(data);
    const done = [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
      const [old, now] = [before.get(name)?.length, after.get(name)?.length];
      if (name === "LOCK") return [];
      const at = path.join(data, name);
      if (old === undefined) return [`create ${at}`];
      if (now === undefined) return [`remove ${at}`];
      return now < old ? [`cut ${at}`] : now > old ? [`extend ${at}`] : [];
    });
    expect(planned.sort()).toStrictEqual(done.sort());
    const kept = [...after].filter(([name]) => name.includes("quarantine/segment_000000.log.846."));
    expect(kept.map(([, bytes]) => bytes.equals(last))).toStrictEqual([true]);

    expect(kmb("audit", data).status).toBe(0);
    const storage = await Storage.open(data);
    expect((await storage.appendBatch(1n, [Buffer.from("and on")])).firstOffset).toBe(12n);
    await storage.close();
    expect(kmb("repair", data, "--apply").out).toMatch(/^ {2}nothing to repair$/m);
  });

  test("says what it changed of a healthy directory of Kimberlite's, and then that there is nothing", () => {
    const data = copyOf("a_single_uncompressed");
    const before = filesIn(data);
    const { status, out } = kmb("repair", data, "--apply");
    expect(status).toBe(0);
    expect(out).toContain("  nothing to repair; the files of this package are brought up to date");
    const after = filesIn(data);
    const [made, rewritten] = [
      [...after.keys()].filter((name) => !before.has(name) && name !== "LOCK"),
      [...before].filter(([name, bytes]) => after.get(name)?.equals(bytes) === false).map(([name]) => name),
    ];
    expect([made.length, rewritten.length].every((count) => count > 0)).toBe(true);
    const said = [...out.matchAll(/^ {2}(created|extended|rewrote|cut|removed) +(\S+) \(/gm)].map(
      ([, , name]) => path.relative(data, name ?? ""),
    );
    expect(said.sort()).toStrictEqual([...made, ...rewritten].sort());
    const again = kmb("repair", data, "--apply");
    expect(again.out).toMatch(/^ {2}nothing to repair$/m);
    expect(again.out).not.toMatch(/^ {2}(created|extended|rewrote|cut|removed) /m);
  });

  /** 12 records in 4 segments, the last of them gone with its index files. */
  async function withoutLastSegment(...streams: readonly bigint[]): Promise<string> {
    const data = path.join(directory(), "data");
    const storage = await Storage.open(data, { maxSegmentBytes: 180 });
    for (const stream of streams)
      for (let i = 0; i < 12; i += 1) await storage.appendBatch(stream, [Buffer.from(`record ${i}`)]);
    await storage.close();
    for (const stream of streams) {
      const names = fs.readdirSync(path.join(data, String(stream)));
      expect(names.filter((name) => name.endsWith(".log")).length).toBe(4);
      for (const name of names.filter((name) => name.startsWith("segment_000003")))
        fs.unlinkSync(path.join(data, String(stream), name));
    }
    return data;
  }

  test.each([
    ["relative", (data: string) => path.relative(process.cwd(), data)],
    ["with dots and a slash at its end", (data: string) => `${data}/../${path.basename(data)}/`],
    [
      "through a symbolic link",
      (data: string): string => {
        const link = path.join(directory(), "link");
        fs.symlinkSync(path.dirname(data), link);
        return path.join(link, path.basename(data));
      },
    ],
  ])("a path %s names the same plan, the same dump and the same audit", async (_, spelled) => {
    const data = await withoutLastSegment(1n, 2n);
    const other = spelled(data);
    const plan = kmb("repair", data, "--plan");
    expect({ status: plan.status, err: plan.err }).toStrictEqual({ status: 0, err: "" });
    expect(plan.out.match(/^stream [12]$/gm)).toStrictEqual(["stream 1", "stream 2"]);
    expect(plan.out.match(/^ {2}would /gm)?.length).toBeGreaterThan(2);
    expect(kmb("repair", other, "--plan")).toStrictEqual(plan);
    for (const args of [
      ["dump", "--stream", "1", "--table"],
      ["dump", "--stream", "1", "--record", "2"],
      ["dump", "--stream", "3"],
      ["audit"],
    ])
      expect(kmb(...args, other)).toStrictEqual(kmb(...args, data));
  });

  test("a stream that cannot be planned does not hide the plans of the others", async () => {
    const data = await withoutLastSegment(1n, 2n);
    fs.writeFileSync(path.join(data, "1/quarantine"), "a file where a directory is needed");
    const { status, out, err } = kmb("repair", data, "--plan");
    expect(status).toBe(2);
    expect(err).toMatch(/^Stream 1 cannot be repaired: /);
    expect(err.trimEnd().split("\n").length).toBe(1);
    expect(out).toContain("stream 2\n");
    expect(out).toContain("Would truncate the stream after byte");
  });

  test("damage in the middle stays, and is said to stay", () => {
    const data = copyOf("a_single_uncompressed");
    flip(path.join(data, "1/segment_000000.log"), 8 * 100);
    const { status, out } = kmb("repair", data, "--plan");
    expect(status).toBe(1);
    expect(out).toMatch(/^ {2}stays +.*byte 65, offset 1: /m);
  });

  test("a directory that is in use is refused", async () => {
    const data = path.join(directory(), "data");
    const storage = await Storage.open(data);
    await storage.appendBatch(1n, [Buffer.from("event")]);
    const { status, err } = kmb("repair", data, "--apply");
    await storage.close();
    expect(status).toBe(2);
    expect(err).toContain("The data directory is open elsewhere");
  });
});
