/**
 * `kmb repair`: says what it would take to append to damaged streams again, and with `--apply` does it.
 * @module
 */
import { audit } from "../audit/audit.ts";
import { type Change, OverlayDisk } from "../src/disk/overlay-disk.ts";
import { type Repair, repairStream } from "../audit/repair.ts";
import type { AuditFinding, StreamReport } from "../audit/report.ts";
import { visible } from "../audit/text.ts";
import { type Disk, NodeDisk } from "../src/index.ts";
import { timedAudit } from "./audit.ts";
import { Output } from "./output.ts";
import { counted, number } from "./text.ts";

export interface RepairOptions {
  readonly stream?: string;
  readonly plan?: boolean;
  readonly apply?: boolean;
  readonly allowEmpty?: boolean;
  readonly workers: number;
}

const STAYS_DAMAGED = 1;
const OWN_ERROR = 2;

/**
 * Repairs every stream, or plans it. A stream that cannot be repaired is named on standard error, and the
 * others are done.
 * @returns the exit status: 0 there is nothing that stays damaged, 1 there is, 2 a stream cannot be repaired
 */
export async function repair(directory: string, options: RepairOptions): Promise<number> {
  // Once, for all that follows: an overlay knows a file by its path.
  const root = new NodeDisk().resolve(directory);
  const { streams } = await timedAudit(root, options.workers, {
    stream: options.stream,
    allowEmpty: options.allowEmpty,
  });
  const apply = options.apply === true;
  const output = new Output();
  let status = 0;
  for (const report of streams) {
    const { lines, stays, refused } = await repaired(root, report, apply);
    for (const line of lines) output.line(visible(line));
    if (refused !== undefined)
      console.error(visible(`Stream ${report.stream} cannot be repaired: ${refused}`));
    status = Math.max(status, refused !== undefined ? OWN_ERROR : stays ? STAYS_DAMAGED : 0);
  }
  if (streams.length === 0) output.line("There are no streams in this directory.");
  else if (!apply) output.line("Nothing was changed. With --apply it is done.");
  return status;
}

/** What became of a stream. */
interface Repaired {
  readonly lines: readonly string[];
  /** Whether something stays damaged. */
  readonly stays: boolean;
  /** Why it cannot be repaired, if it cannot. */
  readonly refused?: string;
}

/** @throws StorageError `locked`, which no stream would escape; what is a mistake in the code */
async function repaired(root: string, report: StreamReport, apply: boolean): Promise<Repaired> {
  // What is planned is what is done, to a disk that keeps it to itself: that one can say what was changed.
  const overlay = new OverlayDisk(new NodeDisk());
  const disk: Disk = apply ? new NodeDisk() : overlay;
  try {
    const planned = await repairStream(overlay, root, report);
    const changes = await overlay.changes();
    const result = apply ? await repairStream(disk, root, report) : planned;
    const stays = report.findings.some(isDamage) ? await damageLeft(disk, root, report.stream) : [];
    return { lines: [...repairLines(result, stays, changes, apply)], stays: stays.length > 0 };
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (!(error instanceof Error) || typeof code !== "string" || code === "locked") throw error;
    return { lines: [], stays: true, refused: error.message };
  }
}

const isDamage = ({ severity }: AuditFinding): boolean => severity === "damage";

/** What an audit of the repaired stream finds: a repair is not believed either. */
async function damageLeft(disk: Disk, root: string, stream: string): Promise<AuditFinding[]> {
  const { streams } = await audit(root, { disk, stream });
  return streams.flatMap(({ findings }) => findings.filter(isDamage));
}

function* repairLines(
  { stream, cut, counted: had, recovered, nextOffset }: Repair,
  stays: readonly AuditFinding[],
  changes: readonly Change[],
  applied: boolean,
): Generator<string> {
  const would = (done: string, planned: string): string => (applied ? done : planned);
  yield `stream ${stream}`;
  for (const line of recovered) yield `  recovery    ${line}`;
  if (cut !== undefined) {
    yield `  truncated   ${would("Truncated", "Would truncate")} the stream after byte ${cut.position} of ${cut.file}; the rest ${would("is", "would be")} in quarantine, with the index files and the manifest.`;
  }
  if (cut !== undefined || had !== undefined) {
    const count = had === undefined ? "" : `; there had been ${counted(had, "record")}`;
    yield `  lost        what was appended from offset ${String(nextOffset)} on, if it was${count}`;
  }
  for (const { file, position, offset, sentence } of stays) {
    const place = position === undefined ? "" : `, byte ${position}`;
    yield `  stays       ${file}${place}${offset === undefined ? "" : `, offset ${offset}`}: ${sentence}`;
  }
  if (stays.length > 0) yield "              No repair brings that back: restore it from a copy.";
  if (recovered.length === 0 && cut === undefined && stays.length === 0) {
    const files = would(
      "the files of this package are brought up to date",
      "files are to be brought up to date",
    );
    yield changes.length === 0
      ? "  nothing to repair"
      : `  nothing to repair; ${files}, so that it can be appended to`;
  }
  yield `  goes on     at offset ${String(nextOffset)}`;
  yield* changeLines(changes, applied);
}

const DONE: Readonly<Record<Change["does"], string>> = {
  create: "created",
  remove: "removed",
  cut: "cut",
  extend: "extended",
  rewrite: "rewrote",
};

function* changeLines(changes: readonly Change[], applied: boolean): Generator<string> {
  for (const { path, does, before, after } of changes) {
    const sizes =
      before === undefined
        ? `${number(after ?? 0)} bytes`
        : after === undefined
          ? `${number(before)} bytes`
          : `${number(before)} to ${number(after)} bytes`;
    const verb = applied ? DONE[does].padEnd(12) : `would ${does.padEnd(8)}`;
    yield `  ${verb}${path} (${sizes})`;
  }
}
