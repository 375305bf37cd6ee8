/**
 * The tamper matrix on directories that Kimberlite wrote and on one of this package's: every kind of edit,
 * its checksums and links made right as far as its rule allows, beside the index files and the manifest as
 * they were, and beside forged ones that agree with it.
 */
import { expect, test, vi } from "vitest";
import { kimberliteIndex } from "../e2e/kimberlite-writer.ts";
import { type Fixture, fixtures } from "../e2e/kimberlite.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import { filesIn } from "../e2e/testing.ts";
import { readRecord, readStream } from "../model/reader.ts";
import { Odometer } from "../explore/odometer.ts";
import { tampered, type Tampered } from "../properties/tampering/case.ts";
import { type Edit, editsOf, LAST_SEGMENT_TORN } from "../properties/tampering/edits.ts";
import {
  hintFiles,
  inSegments,
  placed,
  type RawRecord,
  segmentFiles,
  type Wanted,
} from "../properties/tampering/forged-log.ts";
import { type Original, STREAM } from "../properties/tampering/original.ts";
import type { Format } from "../src/index.ts";
import { type AnchorInFile, anchorText, parseAnchors } from "./anchor.ts";
import { audit } from "./audit.ts";
import { isAgainst } from "./report.ts";

/** So many cases of an edit are tried at most, spread over all of them. */
const CASES_MAX = 40;

interface Directory {
  readonly name: string;
  readonly format: Format;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly original: Original;
  readonly anchors: readonly AnchorInFile[];
}

const anchorsOf = (original: Original): readonly AnchorInFile[] => {
  const head = original.at(-1)?.hash ?? new Uint8Array(32);
  return parseAnchors(anchorText({ origin: "example.com", stream: STREAM, count: original.length, head }));
};

function written({ name, data }: Fixture): Directory {
  const prefix = `${String(STREAM)}/`;
  const files = new Map(
    [...filesIn(data)]
      .filter(([path]) => path.startsWith(prefix))
      .map(([path, bytes]) => [path.slice(prefix.length), bytes]),
  );
  const { records, end } = readStream(files, "sentinel");
  let first = 0;
  const original = end.flatMap(({ count }, segment) => {
    const cut = records
      .slice(first, first + count)
      .map((record) => ({ ...record, segment, stored: undefined }));
    first += count;
    return cut;
  });
  return { name, format: "sentinel", files, original, anchors: anchorsOf(original) };
}

/** Three segments with two checkpoints. */
function own(): Directory {
  const original: RawRecord[] = [];
  for (const [i, what] of ["a", "b", undefined, "c", "d", undefined, "e"].entries()) {
    const wanted: Wanted =
      what === undefined ? { kind: "checkpoint" } : { kind: "data", payload: Buffer.from(what) };
    original.push(placed("plain", wanted, original.at(-1), Math.floor(i / 3)));
  }
  const segments = inSegments(original);
  const files = new Map([...hintFiles("plain", segments), ...segmentFiles("plain", segments)]);
  return { name: "this package's", format: "plain", files, original, anchors: anchorsOf(original) };
}

const DIRECTORIES: readonly Directory[] = [
  ...fixtures()
    // The first stream of the one with two is that of the one with a single stream.
    .filter(({ compression, name }) => compression === "none" && name !== "g_two_streams")
    .map(written),
  own(),
];

/** Cases of an edit; some of them, evenly, where there are many. */
function casesOf(edit: Edit, { format, original }: Directory): Tampered[] {
  const all: Tampered[] = [];
  const odometer = new Odometer();
  do {
    odometer.begin();
    const one = tampered(format, original, edit, odometer);
    if (one !== undefined) all.push(one);
  } while (odometer.advance());
  const stride = Math.max(1, all.length / CASES_MAX);
  return Array.from(
    { length: Math.min(all.length, CASES_MAX) },
    (_, i) => all[Math.floor(i * stride)],
  ).filter((one) => one !== undefined);
}

/** Kimberlite's manifest and indexes for these segments, as a forger would make them. */
function kimberliteHints(segments: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const rows: object[] = [];
  let offset = 0;
  for (const [number, [name, bytes]] of [...segments].sort().entries()) {
    const positions: number[] = [];
    let last;
    for (let at = 0; at < bytes.length;) {
      positions.push(at);
      const found = readRecord("sentinel", bytes.subarray(at), last);
      const size = 58 + Buffer.from(bytes).readUInt32LE(Math.min(at + 46, bytes.length - 4));
      if (typeof found !== "string") last = found.record;
      at += size;
    }
    files.set(`${name}.idx`, kimberliteIndex(positions));
    const next = offset + positions.length;
    rows.push({ segment_num: number, first_offset: offset, next_offset: next, size_bytes: bytes.length });
    offset = next;
  }
  if (rows.length === 0) return files;
  files.set(
    "manifest.json",
    Buffer.from(JSON.stringify({ segments: rows, active_segment: rows.length - 1 })),
  );
  return files;
}

async function verdict(
  files: ReadonlyMap<string, Uint8Array>,
  anchors: readonly AnchorInFile[],
): Promise<{ clean: boolean; named: number; agree: boolean }> {
  const paths = [...files].map(([name, bytes]): [string, Uint8Array] => [`${String(STREAM)}/${name}`, bytes]);
  const disk = new MemoryDisk("/data", new Map(paths));
  const report = await audit("/data", { disk, anchors, allowEmpty: true });
  const { clean, streams } = report;
  const against = [
    ...streams.flatMap(({ findings }) => findings.filter(({ severity }) => severity === "damage")),
    ...[report, ...streams].flatMap((part) => part.anchors.filter(isAgainst)),
  ];
  return { clean, named: against.length, agree: streams.every(({ readersAgree }) => readersAgree) };
}

/** In all: far more than any machine takes. */
vi.setConfig({ testTimeout: 1_200_000 });

test.each(DIRECTORIES)("$name as it is: clean, with its anchor and without", async ({ files, anchors }) => {
  expect(await verdict(files, [])).toStrictEqual({ clean: true, named: 0, agree: true });
  expect(await verdict(files, anchors)).toStrictEqual({ clean: true, named: 0, agree: true });
});

/** Those that need a log made for the purpose are left to the check: no payload here imitates anything. */
const EDITS = (["sentinel", "plain"] as const).flatMap((format) =>
  editsOf(format)
    .filter(({ payloads }) => payloads === undefined)
    .map((edit) => ({ format, edit, name: edit.name })),
);

test.each(EDITS)("$format: $name", async ({ format, edit }) => {
  let cases = 0;
  for (const directory of DIRECTORIES.filter((one) => one.format === format)) {
    const { files, original, anchors, name } = directory;
    for (const one of casesOf(edit, directory)) {
      cases += 1;
      const { row, segments, continues, forged } = one;
      // Bytes after the last record that nothing names are what a torn append leaves.
      const isLonger = [...segments].every(([file, bytes]) =>
        Buffer.from(bytes.subarray(0, files.get(file)?.length)).equals(files.get(file) ?? Buffer.alloc(0)),
      );
      const isTorn = format === "plain" && isLonger && edit === LAST_SEGMENT_TORN;
      // The audit has both readers.
      const [seenByNobody, , , seenWithAnchor] = [0, 1, 2, 3].map(
        (i) =>
          isTorn ||
          (row.outcome.model[i] !== "R" && (format === "sentinel" || row.outcome.engine[i] !== "R")),
      );
      const shown = `${name}: ${row.edit}, later records: ${row.after}, ${forged.length} records`;
      const old = [...files].filter(([file]) => !file.endsWith(".log"));
      const asTheyWere = new Map([...old, ...segments]);
      const hints = format === "plain" ? one.rebuilt : kimberliteHints(segments);
      const rebuilt = new Map([...hints, ...segments]);
      // After the anchor anything may have been appended, and the log is still the one that was anchored.
      const isAppended = continues && forged.length > original.length;
      const anchored = await verdict(rebuilt, anchors);
      const clean = isAppended ? seenByNobody : seenWithAnchor;
      expect({
        shown,
        clean: anchored.clean,
        isNamed: anchored.named > 0,
        agree: anchored.agree,
      }).toStrictEqual({
        shown,
        clean,
        isNamed: clean === false,
        agree: true,
      });
      const without = await verdict(rebuilt, []);
      expect({ shown, clean: without.clean, agree: without.agree }).toStrictEqual({
        shown,
        clean: seenByNobody,
        agree: true,
      });
      if (row.edit === "nothing" || isAppended || isLonger) continue;
      expect({ shown, clean: (await verdict(asTheyWere, anchors)).clean }).toStrictEqual({
        shown,
        clean: false,
      });
    }
  }
  expect(cases).toBeGreaterThan(0);
});
