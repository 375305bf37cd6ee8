#!/usr/bin/env bash
# What action.yml runs: kmb check or kmb audit, as its inputs say, which come as environment variables.
set -euo pipefail

mkdir -p -- "$RESULTS"
further=()
while IFS= read -r line; do
  if [ -n "$line" ]; then further+=("$line"); fi
done <<< "$ARGUMENTS"

case $COMMAND in
  check)
    all=(
      check --profile "$PROFILE" --format "$FORMAT"
      --json "$RESULTS/result.json" --junit "$RESULTS/junit.xml" --sarif "$RESULTS/result.sarif"
      --summary "$RESULTS/summary.md" --badge "$RESULTS/badge.json"
      --counterexamples "$RESULTS/counterexamples" "${further[@]}"
    )
    ;;
  audit)
    all=(audit --json "$RESULTS/audit.json" "${further[@]}" -- "$DIRECTORY")
    ;;
  *)
    echo "::error::The input command is check or audit."
    exit 2
    ;;
esac

status=0
node "$KMB" "${all[@]}" || status=$?
{
  echo "status=$status"
  echo "results=$RESULTS"
} >> "$GITHUB_OUTPUT"
exit "$status"
