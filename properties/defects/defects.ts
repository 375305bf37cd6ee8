/**
 * The seeded defects of every kind: at least one for each invariant, so that no check is without something
 * that it has been seen to find.
 * @module
 */
import { AUDIT_FILES } from "./audit-files.ts";
import { AUDIT_SEGMENTS } from "./audit-segments.ts";
import { CHECKER_CHECKS } from "./checker-checks.ts";
import { CHECKER_FAULTS } from "./checker-faults.ts";
import { CHECKER_SEARCH } from "./checker-search.ts";
import { COMPACTION } from "./compaction.ts";
import { COMPRESSION } from "./compression.ts";
import { CONCURRENCY_AND_STREAMS } from "./concurrency-and-streams.ts";
import { DATA_DIRECTORY } from "./data-directory.ts";
import { DURABILITY } from "./durability.ts";
import { FAILING_CALLS } from "./failing-calls.ts";
import { HASH_CHAIN } from "./hash-chain.ts";
import { INDEX_AND_MANIFEST } from "./index-and-manifest.ts";
import { MERGING } from "./merging.ts";
import { READING } from "./reading.ts";
import { TOMBSTONES } from "./tombstones.ts";
import { RECORDS_AND_FORMATS } from "./records-and-formats.ts";
import { RECOVERY } from "./recovery.ts";
import type { Defect } from "./defect.ts";

export const DEFECTS: readonly Defect[] = [
  ...RECORDS_AND_FORMATS,
  ...COMPRESSION,
  ...HASH_CHAIN,
  ...INDEX_AND_MANIFEST,
  ...DURABILITY,
  ...RECOVERY,
  ...FAILING_CALLS,
  ...READING,
  ...TOMBSTONES,
  ...COMPACTION,
  ...MERGING,
  ...CONCURRENCY_AND_STREAMS,
  ...DATA_DIRECTORY,
  ...AUDIT_SEGMENTS,
  ...AUDIT_FILES,
  ...CHECKER_CHECKS,
  ...CHECKER_SEARCH,
  ...CHECKER_FAULTS,
];
