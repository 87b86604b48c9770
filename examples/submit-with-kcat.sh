#!/bin/sh
# Submits a job by producing to the command topic, and prints its id. No answer comes: follow it by its results or over REST.
set -eu

BROKERS=${DATAJOB_KAFKA_BROKERS:-127.0.0.1:9092}
COMMANDS=${DATAJOB_TOPIC_PREFIX:-datajob.}commands
JOB_ID=${JOB_ID:-kcat-$(date +%s)-$$}
# kafka:TOPIC or s3:BUCKET. Without one, results are kept on the topic datajob.results.
DESTINATION=${DESTINATION:+"\"$DESTINATION\""}

# To kcat each line is a message, so the command is put on one. Key and partition don't matter: the service sends it home.
tr -d '\n' <<COMMAND | kcat -P -q -b "$BROKERS" -t "$COMMANDS" -k "$JOB_ID"
{
  "jobId": "$JOB_ID",
  "kind": "WRITE",
  "destination": ${DESTINATION:-null},
  "operations": [
    {"op": "merge", "path": "/SubNetwork=Example/ManagedElement=1/Cell=7", "operationId": "cell-7", "value": {"attributes": {"nRPCI": 42}}},
    {"op": "remove", "path": "/SubNetwork=Example/ManagedElement=2/Cell=8", "operationId": "cell-8"}
  ]
}
COMMAND
echo "$JOB_ID"
