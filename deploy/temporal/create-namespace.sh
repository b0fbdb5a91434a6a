#!/bin/sh
# Makes the namespace with its retention, and the search attributes of imgproof. Does nothing when they are there.
set -eu

: "${TEMPORAL_ADDRESS:?host:port of the server}"
export TEMPORAL_ADDRESS
namespace=${TEMPORAL_NAMESPACE:-default}
# As long as the embedded server keeps ended workflows: 90 days.
retention=${RETENTION:-2160h}

# A server whose port is open may still be starting, and a new namespace is known everywhere after some seconds only.
patiently() {
  tries=30
  until "$@"; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ]; then
      echo "create-namespace.sh: gave up on: $*" >&2
      exit 1
    fi
    sleep 2
  done
}

patiently temporal operator cluster health

if temporal operator namespace describe --namespace "$namespace" >/dev/null 2>&1; then
  temporal operator namespace update --namespace "$namespace" --retention "$retention"
else
  temporal operator namespace create --namespace "$namespace" --retention "$retention"
fi

patiently temporal operator search-attribute list --namespace "$namespace" >/dev/null
known=$(temporal operator search-attribute list --namespace "$namespace")
for name in ImgBatch ImgTaskKey ImgStatus ImgMode ImgModel; do
  case $known in
    *"$name "*) ;;
    *) temporal operator search-attribute create --namespace "$namespace" --name "$name" --type Keyword ;;
  esac
done
