#!/bin/sh
# Submits a job over REST, follows it to its end, and shows what came of each operation.
set -eu

JOBS=${DATAJOB_URL:-http://127.0.0.1:8080}/ranoam/cm/v1/dataJob
# It is part of an address below: percent-encode an id with characters such as "/".
JOB_ID=${JOB_ID:-curl-$(date +%s)-$$}
# kafka:TOPIC or s3:BUCKET, which must exist. Without one, results are kept on the topic datajob.results.
DESTINATION=${DESTINATION:-}

# DATAJOB_TOKEN is a client's token, where the service asks for one.
ask() {
  curl --silent --show-error --fail-with-body ${DATAJOB_TOKEN:+--header "authorization: Bearer $DATAJOB_TOKEN"} "$@"
  echo
}

# A submission whose answer was lost may be sent again: under the same jobId it is the same job.
ask --retry 5 "$JOBS${DESTINATION:+?destination=$DESTINATION}" --header 'content-type: application/json' --data '{
  "jobId": "'"$JOB_ID"'",
  "data": [
    {"op": "read", "path": "/SubNetwork=Example/ManagedElement=1/Cell=7", "operationId": "cell-7"},
    {"op": "read", "path": "/SubNetwork=Example/ManagedElement=2", "operationId": "element-2"}
  ]}'

# Server-sent events; the stream ends with the job.
ask --no-buffer "$JOBS/$JOB_ID/events"

# The first page of the results; `next` names the one behind it.
ask "$JOBS/$JOB_ID/results"
