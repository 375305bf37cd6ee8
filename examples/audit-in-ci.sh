#!/bin/sh
# An audit in a CI job: verifies a data directory against the anchors that earlier runs left, and adds the anchors of today.
# The exit status is that of the audit, so the job fails if a record was changed, removed or inserted since any of the runs.
#
#     sh examples/audit-in-ci.sh DATA ANCHORS [RESULT]
#
# Keep ANCHORS where the machine that writes the data cannot change it: in the CI system's cache or in another repository.
set -eu

data=$1
anchors=$2
result=${3:-audit.json}
kmb=${KMB:-npx kmb}

if [ -s "$anchors" ]; then
  $kmb audit "$data" --anchor "$anchors" --json "$result"
else
  # The first run has no anchors to hold the data against.
  $kmb audit "$data" --json "$result"
fi
$kmb anchor "$data" >> "$anchors"
