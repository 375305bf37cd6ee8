/**
 * What a failed call to the disk means, and what a user can do about it.
 *
 * Promises: for every code that usually has a cause other than the disk, the sentence names the cause and the
 * remedy; the other codes are the disk's. Specification: POSIX.1-2024,
 * https://pubs.opengroup.org/onlinepubs/9799919799/functions/V2_chap02.html, section 2.3
 * @module
 */

interface Meaning {
  readonly codes: readonly string[];
  readonly what: string;
  readonly remedy: string;
}

const MEANINGS: readonly Meaning[] = [
  {
    codes: ["ENOENT"],
    what: "A file or directory is not there",
    remedy:
      "Create the directory that the data directory is to be in, or correct the path; if it was there before, see that nothing else changes the data directory.",
  },
  {
    codes: ["ENOTDIR"],
    what: "Part of the path is a file, not a directory",
    remedy: "Correct the path, or move the file away.",
  },
  {
    codes: ["EISDIR"],
    what: "There is a directory where a file should be",
    remedy: "Correct the path, or move the directory away.",
  },
  {
    codes: ["EEXIST"],
    what: "There is a file where a directory should be",
    remedy: "Correct the path, or move the file away.",
  },
  {
    codes: ["ELOOP"],
    what: "There is a symbolic link where the data directory must hold the thing itself, or links go round in a circle",
    remedy:
      "Links are not followed there, because what is written would land wherever they lead: move what the link leads to into its place, or remove the link.",
  },
  {
    codes: ["ENXIO"],
    what: "There is a FIFO, a socket or a device where a regular file should be",
    remedy: "Move it away.",
  },
  {
    codes: ["ENAMETOOLONG"],
    what: "The path is too long",
    remedy: "Shorten it.",
  },
  {
    codes: ["EACCES", "EPERM"],
    what: "This process is not allowed to do that",
    remedy:
      "Give its user the right to read and write the data directory and all in it, or open it as another user.",
  },
  {
    codes: ["EROFS"],
    what: "The file system is read-only",
    remedy: "Mount it for writing, or open the storage with { readOnly: true }.",
  },
  {
    codes: ["ENOSPC", "EDQUOT"],
    what: "No space is left on the file system, or none that this user may take",
    remedy: "Free some; if the stream refuses appends after that, close the storage and open it again.",
  },
  {
    codes: ["EFBIG"],
    what: "A file would be larger than the file system or the process's limit allows",
    remedy: "Raise the limit (ulimit -f), or set maxSegmentBytes lower, then open the storage again.",
  },
  {
    codes: ["EMFILE", "ENFILE"],
    what: "Too many files are open in this process or on this machine",
    remedy:
      "Raise the limit (ulimit -n), or set maxOpenStreams lower, and try again; if the stream refuses appends after that, close the storage and open it again.",
  },
  {
    codes: ["ENOLCK"],
    what: "No locks are available",
    remedy: "Try again, or keep the data directory on a file system that supports locks.",
  },
];

/**
 * The sentence for a failed call.
 *
 * @param doing what it was to do, as in "writing a file"
 * @param code the POSIX name, or whatever else the call failed with
 */
export function ioSentence(doing: string, code: string): string {
  const found = MEANINGS.find(({ codes }) => codes.includes(code));
  if (found !== undefined) return `${found.what} (${code} while ${doing}). ${found.remedy}`;
  return `The disk failed while ${doing}: ${code}. Check the disk, then open the storage again.`;
}
