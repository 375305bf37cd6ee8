/**
 * Telling what cannot be read from what went wrong otherwise: a file that the disk refuses is something that
 * an audit has found, and no reason to leave the others unread.
 * @module
 */
import { StorageError } from "../src/index.ts";
import type { AuditFinding } from "./report.ts";

/** What is said of the process or the machine, and of no file in particular. */
const OURS: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EROFS"]);

/** What the disk said against reading something, if it was that an error is about. */
export function refusalOf(
  error: unknown,
): { readonly why: string; readonly file: string | undefined } | undefined {
  const file = error instanceof StorageError ? error.file : undefined;
  const cause = error instanceof StorageError && error.code === "io" ? error.cause : error;
  if (!(cause instanceof Error)) return undefined;
  const { code } = cause as { code?: unknown };
  if (typeof code !== "string" || !/^E[A-Z\d]+$/.test(code) || OURS.has(code)) return undefined;
  return { why: cause.message, file };
}

/** The finding for a file or directory that cannot be read. */
export function unreadable(
  file: string,
  why: string,
  severity: AuditFinding["severity"] = "damage",
): AuditFinding {
  return {
    severity,
    code: "unreadable-file",
    file,
    sentence: `The operating system cannot read this: ${why}.`,
    cause: why.startsWith("ELOOP")
      ? "Somebody put a symbolic link here, and links are followed only to read files. If it leads to the stream's directory, audit that one."
      : "The medium is damaged, somebody put something else in its place, or you lack the permission to read it. If the medium is damaged, copy what can be read and audit the copy.",
  };
}
