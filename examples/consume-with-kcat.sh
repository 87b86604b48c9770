#!/bin/sh
# Prints the events of a job, one line of JSON each, with headers, up to its completion event. For example
# `JOB_ID=my-job examples/consume-with-kcat.sh | jq`.
set -eu

BROKERS=${DATAJOB_KAFKA_BROKERS:-127.0.0.1:9092}
TOPIC=${TOPIC:-${DATAJOB_TOPIC_PREFIX:-datajob.}results}
JOB_ID=${JOB_ID:?set it to the id of the job whose events you want}

# kcat does not know when to stop. It writes to a pipe, is stopped when the last event was read, and goes whatever happens.
FOLDER=$(mktemp -d)
mkfifo "$FOLDER/events"
# Without read_committed, records of transactions that were aborted would be among them.
kcat -C -q -u -J -b "$BROKERS" -t "$TOPIC" -o beginning -X isolation.level=read_committed >"$FOLDER/events" &
KCAT=$!
trap 'kill "$KCAT" 2>/dev/null || true; rm -r "$FOLDER"' EXIT
trap 'exit 130' INT TERM

# In the payload quotes are escaped, so these can only be found in the headers.
while read -r event; do
  case $event in *"\"ce_correlationid\",\"$JOB_ID\""*) printf '%s\n' "$event" ;; *) continue ;; esac
  case $event in *'DataJobCompletionEvent"'*) exit 0 ;; esac
done <"$FOLDER/events"
echo "kcat ended before the job's completion event" >&2
exit 1
