/**
 * The streams of a data directory; and where there are none, what the directory looks like instead, so that a
 * wrong path does not pass for a clean directory.
 *
 * Time and memory: linear in the names in the directory. Of what lies below it a bounded number is looked at.
 * @module
 */
import { join } from "node:path";
import type { Disk } from "../src/index.ts";
import { LOCK_NAME, MANIFEST_NAME } from "../src/disk/names.ts";
import { MAX_STREAM_ID } from "../src/limits.ts";
import type { AuditFinding } from "./report.ts";

const STREAM_NAME = /^(0|[1-9]\d{0,19})$/;
/** What is set aside is called as the file that it is from, then its first byte there, and a hash. */
const SET_ASIDE = /^(segment_\d{6,15}\.log|manifest(-\d{6,15})?\.json).*\.\d+\.[0-9a-f]{16}$/;
/** So much of what lies below a directory is looked at, and so much is named. */
const LOOKED_AT_MAX = 100;
const NAMED_MAX = 3;

/** Where streams were to be audited there are none, so nothing can be said of any record. */
export class NoStreams extends Error {}

/**
 * The names in a data directory.
 *
 * @throws NoStreams if there is no such directory; what else the disk throws as it is
 */
export async function namesIn(disk: Disk, root: string): Promise<readonly string[]> {
  try {
    return await disk.list(await disk.resolve(root));
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "ENOENT") throw new NoStreams(`There is no directory ${root}.`);
    if (code === "ENOTDIR") throw new NoStreams(`${root} is not a directory.`);
    throw error;
  }
}

/** The numbers of the streams among the names in a data directory, ascending. */
export function streamsAmong(names: readonly string[]): string[] {
  return names.filter(isStream).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
}

/** A finding for everything in a data directory that is no stream. */
export function strayFindings(root: string, names: readonly string[]): AuditFinding[] {
  return names
    .filter((name) => !isStream(name) && name !== LOCK_NAME)
    .map((name) => ({
      severity: "notice" as const,
      code: "unknown-file",
      file: `${root}/${name}`,
      sentence: "This is not a stream; it was not read.",
      cause:
        "Somebody put it here: a stream's directory is named by the stream's number, without leading zeros.",
    }));
}

/**
 * The error that says that there are no streams, or not the one that was asked for, and what the directory
 * looks like.
 */
export async function noStreams(
  disk: Disk,
  root: string,
  names: readonly string[],
  only?: string,
): Promise<NoStreams> {
  const what = only === undefined ? "no streams" : `no stream ${only}`;
  return new NoStreams(
    `There ${only === undefined ? "are" : "is"} ${what} in ${root}: ${await looksLike(disk, root, names)}`,
  );
}

const isStream = (name: string): boolean => STREAM_NAME.test(name) && BigInt(name) <= MAX_STREAM_ID;

/** Whether a stream's directory has a file of that name, and another one hardly. */
const isOfStream = (name: string): boolean => /^segment_\d{6,15}\.log/.test(name) || name === MANIFEST_NAME;

async function looksLike(disk: Disk, root: string, names: readonly string[]): Promise<string> {
  if (names.some((name) => SET_ASIDE.test(name)))
    return `it looks like a stream's quarantine. Name the data directory, ${join(root, "../..")}.`;
  if (names.some(isOfStream))
    return `it looks like a stream. Name the data directory that it is in, ${join(root, "..")}.`;
  const streams: string[] = [];
  for (const name of streamsAmong(names).slice(0, LOOKED_AT_MAX))
    if (await isLikeStream(disk, `${root}/${name}`)) streams.push(name);
  if (streams.length > 0) return `there are others, such as ${some(streams)}.`;
  const directories: string[] = [];
  for (const name of names.slice(0, LOOKED_AT_MAX))
    if (await isLikeDataDirectory(disk, `${root}/${name}`)) directories.push(join(root, name));
  if (directories.length > 0)
    return `it looks as if data directories were in it. Name one, such as ${some(directories)}.`;
  if (names.length === 0) return "it is empty.";
  if (names.every((name) => name === LOCK_NAME)) return "nothing was ever appended to it.";
  return `it holds nothing of this format, only names such as ${some(names)}.`;
}

const some = (names: readonly string[]): string => names.slice(0, NAMED_MAX).join(", ");

const isLikeStream = async (disk: Disk, path: string): Promise<boolean> =>
  (await namesBelow(disk, path)).some(isOfStream);

async function isLikeDataDirectory(disk: Disk, path: string): Promise<boolean> {
  for (const name of streamsAmong(await namesBelow(disk, path)).slice(0, LOOKED_AT_MAX))
    if (await isLikeStream(disk, `${path}/${name}`)) return true;
  return false;
}

/** The names in a directory; none in what is no directory, or cannot be listed. */
async function namesBelow(disk: Disk, path: string): Promise<readonly string[]> {
  try {
    return await disk.list(path);
  } catch {
    return [];
  }
}
