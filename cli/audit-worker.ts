/**
 * A worker thread of `kmb audit` and `kmb anchor`: audits the segments that it is sent.
 * @module
 */
import type { SegmentReport } from "../audit/report.ts";
import { auditSegment, type SegmentJob } from "../audit/segment.ts";
import { work } from "./pool.ts";
import { sparseDisk } from "./sparse-disk.ts";

/** What passes between an audit and its workers. */
export interface AuditWork {
  readonly shared: undefined;
  readonly job: SegmentJob;
  readonly result: SegmentReport;
  /** Bytes read since the last. */
  readonly note: number;
}

const disk = sparseDisk();

work<AuditWork>(async (_, job, progress) => auditSegment(job, await disk, progress));
