import { expect, test } from "vitest";
import { SimulatedDisk } from "../fault-injection/simulated-disk.ts";
import { encodeRecord, type Offset } from "../src/index.ts";
import { ReplaySteps, type ShownFile } from "./replay-steps.ts";

const SETTING = { sectorBytes: 4, tornSectors: true, persistence: "posix", stepsMax: 1000 } as const;

/** What a crash leaves: the sectors in the order in which they are asked for. */
const kept = (...answers: readonly number[]): { choose(of: number): number } => {
  const left = [...answers];
  return { choose: () => left.shift() ?? 0 };
};

function diskWith(bytes: Uint8Array): SimulatedDisk {
  const disk = new SimulatedDisk({ ...SETTING, choice: kept() });
  const file = disk.open("/a.log", "create");
  disk.syncDirectory("/");
  file.write(bytes, 0);
  file.sync();
  return disk;
}

/** The sectors of the only file after the last step. */
function last({ steps, files }: ReplaySteps): ShownFile | undefined {
  return files[steps.at(-1)?.files[0] ?? -1];
}
const fates = (steps: ReplaySteps): string[] =>
  (last(steps)?.sectors ?? []).map(({ fate, bytes }) => `${fate} ${Buffer.from(bytes, "hex").toString()}`);

test("A step has the files as they are after it, and a state that stays is kept once", () => {
  const steps = new ReplaySteps("plain");
  const disk = diskWith(Buffer.from("abcd"));
  steps.line("-- append", disk);
  steps.line("write /a.log [0..4)", disk);
  disk.open("/a.log", "update").write(Buffer.from("ABCD"), 0);
  steps.line("size of /a.log", disk);
  steps.choice("what is left: 0");
  steps.end("the end");
  expect(steps.steps.map(({ kind, text, files }) => [kind, text, files])).toEqual([
    ["phase", "-- append", [0]],
    ["call", "write /a.log [0..4)", [1]],
    ["call", "size of /a.log", [1]],
    ["choice", "what is left: 0", [1]],
    ["end", "the end", [1]],
  ]);
  expect(steps.files.map(({ sectors }) => sectors[0]?.fate)).toEqual(["durable", "pending"]);
});

/** A power failure leaves a part of a write; a process that reads the file then is shown what is there. */
function afterPowerFailure(
  before: string,
  written: string,
  at: number,
  answers: readonly number[],
): ReplaySteps {
  const steps = new ReplaySteps("plain");
  const disk = diskWith(Buffer.from(before));
  disk.open("/a.log", "update").write(Buffer.from(written), at);
  const crashed = disk.fork(kept(...answers));
  crashed.crash();
  steps.line("-- power failure before sync /a.log; recovery", disk, crashed);
  steps.line("read /a.log", crashed);
  const file = crashed.open("/a.log", "read");
  file.read(new Uint8Array(file.size()), 0);
  steps.line("close /a.log", crashed);
  return steps;
}

test.each([
  { what: "nothing of a sector", write: "ABCD", answers: [1], after: ["lost abcd"] },
  { what: "a part of a sector", write: "ABCD", answers: [3], after: ["torn ABcd"] },
  { what: "all of a sector", write: "ABCD", answers: [0], after: ["durable ABCD"] },
  { what: "nothing of what is like it", write: "abCD", answers: [1], after: ["lost abcd"] },
  { what: "a part of what is like it", write: "abCD", answers: [4], after: ["torn abCd"] },
  { what: "enough of what is like it", write: "Abcd", answers: [2], after: ["durable Abcd"] },
])("After a power failure that left $what, it is $after", ({ write, answers, after }) => {
  expect(fates(afterPowerFailure("abcd", write, 0, answers))).toEqual(after);
});

test("What a power failure cut off is lost, and shown as it was, until the file is changed on purpose", () => {
  const steps = afterPowerFailure("abcd", "efgh", 4, [1]);
  expect(fates(steps)).toEqual(["durable abcd", "lost efgh"]);
  const disk = diskWith(Buffer.from("Abcd"));
  steps.line("write /a.log [0..1)", disk);
  steps.end("the end");
  expect(fates(steps)).toEqual(["durable Abcd"]);
});

test.each([
  { what: "survived", answer: 0, after: ["durable ABCD"] },
  { what: "was lost", answer: 1, after: ["lost abcd"] },
])(
  "What a second power failure still leaves undecided, and $what, is held against what was before the first",
  ({ answer, after }) => {
    const steps = new ReplaySteps("plain");
    const disk = diskWith(Buffer.from("abcd"));
    disk.open("/a.log", "update").write(Buffer.from("ABCD"), 0);
    const first = disk.fork(kept());
    first.crash();
    steps.line("-- power failure before sync /a.log; recovery", disk, first);
    const second = first.fork(kept(answer));
    second.crash();
    steps.line("-- power failure before sync directory /; recovery", first, second);
    steps.line("read /a.log", second);
    second.open("/a.log", "read").read(new Uint8Array(4), 0);
    steps.end("the end");
    expect(fates(steps)).toEqual(after);
  },
);

test("A file whose name a power failure lost is still shown", () => {
  const steps = new ReplaySteps("plain");
  const disk = new SimulatedDisk({ ...SETTING, choice: kept() });
  disk.open("/a.log", "create").write(Buffer.from("abcd"), 0);
  const crashed = disk.fork(kept(1));
  crashed.crash();
  steps.line("-- power failure after the end; recovery", disk, crashed);
  steps.line("list /", crashed);
  crashed.list("/");
  steps.end("the end");
  expect(last(steps)).toMatchObject({ path: "/a.log", name: "lost", size: "it is gone" });
});

test.each([
  { what: "changed", bytes: "`bcdefgh", after: ["damaged `bcd", "durable efgh"] },
  { what: "cut off", bytes: "abcd", after: ["durable abcd", "damaged efgh"] },
  { what: "missing", bytes: undefined, after: ["damaged abcd", "damaged efgh"] },
])("Bytes that a fault left $what are damaged", ({ bytes, after }) => {
  const steps = new ReplaySteps("plain");
  const disk = diskWith(Buffer.from("abcdefgh"));
  const damaged = disk.fork(kept());
  steps.line("-- a fault; the index files as they are", disk, damaged);
  damaged.store("/a.log", bytes === undefined ? undefined : Buffer.from(bytes));
  steps.end("the end");
  expect(fates(steps)).toEqual(after);
});

test("Records are told field by field, as far as there are records", () => {
  const record = {
    offset: 0n as Offset,
    prevHash: new Uint8Array(32),
    kind: "data",
    compression: "none",
  } as const;
  const bytes = Buffer.concat([
    encodeRecord({ ...record, payload: Buffer.from("ab") }),
    Buffer.from("no record"),
  ]);
  const steps = new ReplaySteps("plain");
  steps.line("-- append", diskWith(bytes));
  steps.end("the end");
  const fields = last(steps)?.fields.map(({ at, end, name }) => `${at}..${end} ${name}`);
  expect(fields).toEqual([
    "0..8 offset",
    "8..40 prev_hash",
    "40..44 length",
    "44..46 payload",
    "46..50 crc32",
    "50..58 offset",
    "58..59 prev_hash",
  ]);
});

test("What engine and model say is told apart from calls", () => {
  const steps = new ReplaySteps("plain");
  for (const line of [
    "   model has stream 1: []",
    "   shows []",
    "   refused: because",
    "   appended, the stream ends at 1",
    "list /data",
  ])
    steps.line(line);
  steps.end("VIOLATED \u001b[31m");
  expect(steps.steps.map(({ kind }) => kind)).toEqual(["model", "engine", "engine", "engine", "call", "end"]);
  expect(steps.steps.at(-1)?.text).toBe("VIOLATED U+001B[31m");
});
