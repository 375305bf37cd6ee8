#!/bin/sh
# An erasure request, from the record to the proof: the record is appended with salt, anchored with the others, hidden by a tombstone, erased by
# compaction, audited with the anchor from before, and searched for.
#
#     sh examples/erasure-request.sh DATA ANCHORS
set -eu

data=$1
anchors=$2
kmb=${KMB:-npx kmb}
program="node $(dirname "$0")/erasure-request.mjs"

$program append "$data" "Grace Hopper"
$program append "$data" "Ada Lovelace"
$kmb anchor "$data" > "$anchors"

$program hide "$data" 1
$program read "$data"
grep -rq "Ada Lovelace" "$data" && echo "hidden, and still in a file"

$kmb compact "$data" --plan
$kmb compact "$data" --purge-quarantine
$kmb audit "$data" --anchor "$anchors"
grep -rq "Ada Lovelace" "$data" || echo "in no file any more"
