/**
 * `kmb repair`: says what it would take to append to damaged streams again, and with `--apply` does it.
 * @module
 */
import { audit } from "../audit/audit.ts";
import { OverlayDisk } from "../src/overlay-disk.ts";
import { type Repair, repairStream } from "../audit/repair.ts";
import type { Finding } from "../audit/report.ts";
import { visible } from "../audit/text.ts";
import { type Disk, NodeDisk } from "../src/index.ts";
import { timedAudit } from "./audit.ts";
import { Output } from "./output.ts";
import { number } from "./text.ts";

export interface RepairOptions {
  readonly stream?: string;
  readonly plan?: boolean;
  readonly apply?: boolean;
  readonly allowEmpty?: boolean;
  readonly workers: number;
}

/** @returns the exit status: 0 there is nothing that stays damaged, 1 there is */
export async function repair(directory: string, options: RepairOptions): Promise<number> {
  const root = directory.length > 1 && directory.endsWith("/") ? directory.slice(0, -1) : directory;
  const { streams } = await timedAudit(root, options.workers, {
    stream: options.stream,
    allowEmpty: options.allowEmpty,
  });
  const apply = options.apply === true;
  const output = new Output();
  let status = 0;
  for (const report of streams) {
    // What is planned is what is done, to a disk that keeps it to itself.
    const overlay = new OverlayDisk(new NodeDisk());
    const disk: Disk = apply ? new NodeDisk() : overlay;
    const result = await repairStream(disk, root, report);
    const stays = report.findings.some(isDamage) ? await damageLeft(disk, root, report.stream) : [];
    if (stays.length > 0) status = 1;
    for (const line of repairLines(result, stays, apply)) output.line(visible(line));
    if (!apply) for await (const line of changeLines(overlay)) output.line(visible(line));
  }
  if (streams.length === 0) output.line("There are no streams in this directory.");
  else if (!apply) output.line("Nothing was changed. With --apply it is done.");
  return status;
}

const isDamage = ({ severity }: Finding): boolean => severity === "damage";

/** What an audit of the repaired stream finds: a repair is not believed either. */
async function damageLeft(disk: Disk, root: string, stream: string): Promise<Finding[]> {
  const { streams } = await audit(root, { disk, stream });
  return streams.flatMap(({ findings }) => findings.filter(isDamage));
}

function* repairLines(
  { stream, cut, counted, recovered, nextOffset }: Repair,
  stays: readonly Finding[],
  applied: boolean,
): Generator<string> {
  const would = (done: string, planned: string): string => (applied ? done : planned);
  yield `stream ${stream}`;
  for (const line of recovered) yield `  recovery    ${line}`;
  if (cut !== undefined) {
    yield `  cut         ${would("Cut", "Would cut")} the stream behind byte ${cut.position} of segment ${cut.segment}; what lies behind ${would("is", "would be")} in quarantine, with the index files and the manifest.`;
  }
  if (cut !== undefined || counted !== undefined) {
    const count = counted === undefined ? "" : `; ${number(counted)} were counted once`;
    yield `  lost        what was appended from offset ${String(nextOffset)} on, if it was${count}`;
  }
  for (const { file, position, offset, sentence } of stays) {
    const place = position === undefined ? "" : `, byte ${position}`;
    yield `  stays       ${file}${place}${offset === undefined ? "" : `, offset ${offset}`}: ${sentence}`;
  }
  if (stays.length > 0) yield "              No repair brings that back: restore it from a copy.";
  if (recovered.length === 0 && cut === undefined && stays.length === 0) yield "  nothing to repair";
  yield `  goes on     at offset ${String(nextOffset)}`;
}

async function* changeLines(overlay: OverlayDisk): AsyncGenerator<string> {
  for (const { path, does, before, after } of await overlay.changes()) {
    const sizes =
      before === undefined
        ? `${number(after ?? 0)} bytes`
        : after === undefined
          ? `${number(before)} bytes`
          : `${number(before)} to ${number(after)} bytes`;
    yield `  would ${does.padEnd(8)}${path} (${sizes})`;
  }
}
