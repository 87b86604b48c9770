#!/bin/sh
# Tells the service where a DMI plugin is, and which managed objects it answers for. Doing it again changes nothing.
set -eu

INVENTORY=${DATAJOB_URL:-http://127.0.0.1:8080}/ncmpInventory/v1
DMI_NAME=${DMI_NAME:-example-dmi}
DMI_URL=${DMI_URL:-http://127.0.0.1:8300}

# DATAJOB_TOKEN is an operator's token, where the service asks for one.
ask() {
  curl --silent --show-error --fail-with-body ${DATAJOB_TOKEN:+--header "authorization: Bearer $DATAJOB_TOKEN"} \
    --header 'content-type: application/json' "$@"
  echo
}

ask --request PUT "$INVENTORY/dmi/$DMI_NAME" --data "{\"baseUrl\": \"$DMI_URL\", \"contract\": \"dataJob\"}"

# A path belongs to the handle with the longest alternate id that it begins with.
ask "$INVENTORY/ch" --data '{
  "dmiPlugin": "'"$DMI_NAME"'",
  "createdCmHandles": [
    {"cmHandle": "example-1", "alternateId": "/SubNetwork=Example/ManagedElement=1", "dataProducerIdentifier": "manager-a"},
    {"cmHandle": "example-2", "alternateId": "/SubNetwork=Example/ManagedElement=2", "dataProducerIdentifier": "manager-b"}
  ]}'
