/**
 * What an append answers, and what the model says that it must, as texts that can be compared.
 * @module
 */
import { head as modelHead, type ModelLog } from "../model/log.ts";
import { type AppendResult, StorageError } from "../src/index.ts";
import { M1 } from "./invariants/conformance.ts";
import { attempt } from "./tally.ts";

/**
 * What a call came to: its result, or the code of the `StorageError` that it was refused with. @throws
 * Violation for another error
 */
export function outcome(call: () => Promise<AppendResult | string>): Promise<string> {
  return attempt(M1.answer, "a result or a StorageError", async () => {
    try {
      const result = await call();
      if (typeof result === "string") return result;
      const { firstOffset, nextOffset, head } = result;
      return `offsets ${String(firstOffset)} to ${String(nextOffset)}, head ${Buffer.from(head).toString("hex")}`;
    } catch (error) {
      if (error instanceof StorageError) return error.code;
      throw error;
    }
  });
}

/** What an append answers that brings a log of `firstOffset` records to this one. */
export function resultText(firstOffset: number, log: ModelLog): string {
  const head = Buffer.from(modelHead(log)).toString("hex");
  return `offsets ${firstOffset} to ${log.records.length}, head ${head}`;
}
