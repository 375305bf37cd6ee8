/**
 * H1, H2: the chain hash itself, and the chain that a log makes of it.
 * @module
 */
import { chainHash as modelHash, type ChainedKind, NO_HASH } from "../../model/hash.ts";
import { append, checkpoint, emptyLog, head as headOf, type ModelLog } from "../../model/log.ts";
import { chainHash } from "../../src/chain.ts";
import { MemoryStorage, type Record as StoredRecord } from "../../src/index.ts";
import { check } from "../tally.ts";
import { FILLS, filled, PAYLOAD_SIZES } from "./samples.ts";
import { chooseFrom, hexText, itemAt, numberText, type Section } from "./section.ts";

interface HashInput {
  readonly kind: ChainedKind;
  readonly previous: Uint8Array | undefined;
  readonly payload: Buffer;
}

const KINDS: readonly ChainedKind[] = ["data", "checkpoint", "tombstone"];
const PREVIOUS: readonly (Uint8Array | undefined)[] = [
  undefined,
  NO_HASH,
  Buffer.alloc(32, 0xff),
  modelHash("data", Buffer.from("before")),
];
const PAYLOADS: readonly Buffer[] = [
  Buffer.alloc(0),
  ...PAYLOAD_SIZES.filter((size) => size > 0).flatMap((size) => FILLS.map((fill) => filled(size, fill))),
  // One byte more than is hashed in one piece.
  filled(2 ** 16 + 1, itemAt(FILLS, 2)),
].filter((payload, i, all) => all.findIndex((other) => other.equals(payload)) === i);

const INPUTS: readonly HashInput[] = KINDS.flatMap((kind) =>
  PREVIOUS.flatMap((previous) => PAYLOADS.map((payload) => ({ kind, previous, payload }))),
);

const inputText = ({ kind, previous, payload }: HashInput): string =>
  `${kind} ${hexText(payload)} behind ${previous === undefined ? "nothing" : hexText(previous)}`;

const hashed = ({ kind, previous, payload }: HashInput): Buffer => chainHash(previous, kind, payload);

/** A copy of its own memory, at an odd address. */
function copied(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length + 1).subarray(1);
  copy.set(bytes);
  return copy;
}

const inputsText = `${KINDS.length} kinds x ${PREVIOUS.length} previous hashes x ${PAYLOADS.length} payloads of up to ${numberText(2 ** 16 + 1)} bytes`;

export const hashesRepeated: Section = {
  name: "hashes repeated",
  invariants: ["H1"],
  covers: () => `${inputsText}: hashed twice, from memory of its own, and by the model`,
  first: () => ({ what: `kind: ${KINDS.join(", ")}`, of: KINDS.length }),
  run(_, first, choice, counts) {
    const input: HashInput = {
      kind: itemAt(KINDS, first),
      previous: PREVIOUS[choice.choose(PREVIOUS.length, "previous: none, zeros, 0xff, a hash")],
      payload: chooseFrom(choice, PAYLOADS, "payload"),
    };
    const { kind, previous, payload } = input;
    const wanted = modelHash(kind, payload, previous);
    const copy = previous === undefined ? undefined : copied(previous);
    for (const seen of [hashed(input), chainHash(copy, kind, copied(payload))]) {
      check(
        counts,
        "H1",
        Buffer.compare(seen, wanted) === 0,
        () => `the hash ${hexText(wanted)} of ${inputText(input)}`,
        () => hexText(seen),
      );
    }
  },
};

let hashes: readonly string[] | undefined;
/** The hashes of `INPUTS`, made when they are first asked for. */
const hashesOfInputs = (): readonly string[] =>
  (hashes ??= INPUTS.map((input) => hashed(input).toString("hex")));

export const hashesApart: Section = {
  name: "hashes apart",
  invariants: ["H2"],
  covers: () => `every two of ${INPUTS.length} inputs (${inputsText}): their hashes differ`,
  first: () => ({ what: `kind: ${KINDS.join(", ")}`, of: KINDS.length }),
  run(_, kind, choice, counts) {
    const ofKind = INPUTS.length / KINDS.length;
    const one = kind * ofKind + choice.choose(ofKind, "input");
    const other = choice.choose(one + 1, "input that comes no later");
    check(
      counts,
      "H2",
      (itemAt(hashesOfInputs(), one) === itemAt(hashesOfInputs(), other)) === (one === other),
      () => `different hashes of ${inputText(itemAt(INPUTS, one))} and ${inputText(itemAt(INPUTS, other))}`,
      () => `${itemAt(hashesOfInputs(), one)} and ${itemAt(hashesOfInputs(), other)}`,
    );
  },
};

const REQUESTS = ["no bytes", "one byte", "two events", "a checkpoint"] as const;
const REQUESTS_MAX = 4;
const STREAM = 1n;
const EVENTS: Readonly<Record<(typeof REQUESTS)[number], readonly Buffer[] | undefined>> = {
  "no bytes": [Buffer.alloc(0)],
  "one byte": [Buffer.of(1)],
  "two events": [Buffer.from("two"), Buffer.from("events")],
  "a checkpoint": undefined,
};

export const chainLinks: Section = {
  name: "chain links",
  invariants: ["H2"],
  covers: () =>
    `every sequence of up to ${REQUESTS_MAX} of ${REQUESTS.length} requests (${REQUESTS.join("; ")}): each record's offset, kind and previous hash, and the head`,
  first: () => ({ what: `request 1: ${REQUESTS.join(", ")}`, of: REQUESTS.length }),
  async run(_, first, choice, counts) {
    const requests = [itemAt(REQUESTS, first)];
    const more = choice.choose(REQUESTS_MAX, "more requests");
    while (requests.length <= more) {
      requests.push(chooseFrom(choice, REQUESTS, `request ${requests.length + 1}: ${REQUESTS.join(", ")}`));
    }
    const storage = new MemoryStorage();
    let log: ModelLog = emptyLog;
    for (const request of requests) {
      const payloads = EVENTS[request];
      if (payloads !== undefined) {
        log = append(log, payloads, { everyNRecords: 0 });
        await storage.appendBatch(STREAM, payloads);
      } else if (log.records.length > 0) {
        log = checkpoint(log);
        await storage.appendCheckpoint(STREAM);
      }
    }
    const records = await storage.readRecords(STREAM, 0n, Number.MAX_SAFE_INTEGER);
    const { head } = await storage.head(STREAM);
    const shown = [...records.map(linkText), hexText(head)].join("; ");
    const wanted = [...log.records.map(linkText), hexText(headOf(log))].join("; ");
    check(
      counts,
      "H2",
      shown === wanted,
      () => wanted,
      () => shown,
    );
  },
};

function linkText({ offset, kind, prevHash }: Pick<StoredRecord, "offset" | "kind" | "prevHash">): string {
  return `${offset} ${kind} ${hexText(prevHash)}`;
}
