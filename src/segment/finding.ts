/**
 * What recovery reports.
 * @module
 */
import { StorageError } from "../error.ts";
import type { RecoveryAction } from "./recovery.ts";
import type { StreamContext } from "./stream-context.ts";

/** Something that recovery found and that users may want to know. */
export interface Finding {
  /**
   * Name of the case of the recovery table, or `missing segment`, `size differs`, `unnamed redaction`,
   * `damaged hint`.
   */
  readonly what: string;
  /** What recovery did about it. */
  readonly action: RecoveryAction;
  /** Says where it is. */
  readonly error: StorageError;
  /** Path of the bytes that were set aside. */
  readonly quarantine?: string;
}

/**
 * The finding for an index or a manifest that is missing or unreadable. They are replaced atomically, so no
 * crash leaves one unreadable: it is a fault, although no answer depends on it.
 */
export function damagedHint(context: StreamContext, name: string, sentence: string): Finding {
  const error = new StorageError("damaged-hint", sentence, {
    stream: context.stream,
    file: `${context.path}/${name}`,
  });
  return { what: "damaged hint", action: "keep", error };
}
