/**
 * H1, H2: the chain hash itself, and the chain that a log makes of it.
 * @module
 */
import { chainHash as modelHash, type Kind, NO_HASH } from "../../model/hash.ts";
import { append, checkpoint, emptyLog, head as headOf, type ModelLog } from "../../model/log.ts";
import { chainHash } from "../../src/format/formats.ts";
import { MemoryStorage, type Record as StoredRecord } from "../../src/index.ts";
import type { Format } from "../../src/types.ts";
import { type HashInput } from "../invariants/agreement.ts";
import { H1, H2 } from "../invariants/chain.ts";
import { observe } from "../tally.ts";
import { COUNTING, filled, fillsOf, PAYLOAD_SIZES } from "./samples.ts";
import { hexText } from "../records.ts";
import { chooseFrom, itemAt, numberText, perFormat, type Section } from "./section.ts";

const KINDS: readonly Kind[] = ["data", "checkpoint", "tombstone"];
const previousOf = perFormat((format): readonly (Uint8Array | undefined)[] => [
  undefined,
  NO_HASH,
  Buffer.alloc(32, 0xff),
  modelHash(format, "data", Buffer.from("before")),
]);
const payloadsOf = perFormat((format): readonly Buffer[] =>
  [
    Buffer.alloc(0),
    ...PAYLOAD_SIZES.filter((size) => size > 0).flatMap((size) =>
      fillsOf(format).map((fill) => filled(size, fill)),
    ),
    // One byte more than is hashed in one piece.
    filled(2 ** 16 + 1, COUNTING),
  ].filter((payload, i, all) => all.findIndex((other) => other.equals(payload)) === i),
);

const inputsOf = perFormat((format): readonly HashInput[] =>
  KINDS.flatMap((kind) =>
    previousOf(format).flatMap((previous) =>
      payloadsOf(format).map((payload) => ({ kind, previous, payload })),
    ),
  ),
);

const hashed = (format: Format, { kind, previous, payload }: HashInput): Buffer =>
  chainHash(previous, kind, payload, format);

/** A copy of its own memory, at an odd address. */
function copied(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length + 1).subarray(1);
  copy.set(bytes);
  return copy;
}

const inputsText = (format: Format): string =>
  `${KINDS.length} kinds x ${previousOf(format).length} previous hashes x ${payloadsOf(format).length} payloads of up to ${numberText(2 ** 16 + 1)} bytes`;

export const hashesRepeated: Section = {
  name: "hashes repeated",
  invariants: ["H1"],
  covers: ({ format }) => `${inputsText(format)}: hashed twice, from memory of its own, and by the model`,
  first: () => ({ what: `kind: ${KINDS.join(", ")}`, of: KINDS.length }),
  run({ format }, first, choice, counts) {
    const input: HashInput = {
      kind: itemAt(KINDS, first),
      previous:
        previousOf(format)[choice.choose(previousOf(format).length, "previous: none, zeros, 0xff, a hash")],
      payload: chooseFrom(choice, payloadsOf(format), "payload"),
    };
    const { kind, previous, payload } = input;
    const wanted = modelHash(format, kind, payload, previous);
    const copy = previous === undefined ? undefined : copied(previous);
    for (const seen of [hashed(format, input), chainHash(copy, kind, copied(payload), format)]) {
      observe(counts, H1.hash, { input, wanted, hash: seen });
    }
  },
};

const hashesOf = perFormat((format): readonly string[] =>
  inputsOf(format).map((input) => hashed(format, input).toString("hex")),
);

export const hashesApart: Section = {
  name: "hashes apart",
  invariants: ["H2"],
  covers: ({ format }) =>
    `every two of ${inputsOf(format).length} inputs (${inputsText(format)}): their hashes differ`,
  first: () => ({ what: `kind: ${KINDS.join(", ")}`, of: KINDS.length }),
  run({ format }, kind, choice, counts) {
    const [inputs, hashes] = [inputsOf(format), hashesOf(format)];
    const ofKind = inputs.length / KINDS.length;
    const one = kind * ofKind + choice.choose(ofKind, "input");
    const other = choice.choose(one + 1, "input that comes no later");
    observe(counts, H2.apart, {
      inputs: [itemAt(inputs, one), itemAt(inputs, other)],
      isSame: one === other,
      hashes: [itemAt(hashes, one), itemAt(hashes, other)],
    });
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
  async run({ format }, first, choice, counts) {
    const requests = [itemAt(REQUESTS, first)];
    const more = choice.choose(REQUESTS_MAX, "more requests");
    while (requests.length <= more) {
      requests.push(chooseFrom(choice, REQUESTS, `request ${requests.length + 1}: ${REQUESTS.join(", ")}`));
    }
    const storage = new MemoryStorage({ format });
    let log: ModelLog = emptyLog(format);
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
    observe(counts, H2.links, {
      answered: [...records.map(linkText), hexText(head)].join("; "),
      expected: [...log.records.map(linkText), hexText(headOf(log))].join("; "),
    });
  },
};

function linkText({ offset, kind, prevHash }: Pick<StoredRecord, "offset" | "kind" | "prevHash">): string {
  return `${offset} ${kind} ${hexText(prevHash)}`;
}
