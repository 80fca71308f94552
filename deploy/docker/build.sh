#!/usr/bin/env bash
# Builds all images: build.sh [TAG]. The pages must have been built before (`make ui`); `make images` does both.
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:-latest}
build() { # TARGET NAME [ARGUMENT...]
  local target=$1 name=$2; shift 2
  docker build -q ${BUILD_NETWORK:+--network "$BUILD_NETWORK"} -f deploy/docker/Dockerfile --target "$target" \
    ${PYTHON_IMAGE:+--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE"} "$@" -t "$name:$tag" . >/dev/null
  echo "$name:$tag  $(docker image inspect -f '{{.Size}}' "$name:$tag" | awk '{printf "%.0f MB", $1 / 1e6}')"
}
build flow towpath
for each in gateway:4200 graphql:4201 read-engine:4202 scheduler:4203 zombie-killer:4204 lazarus:4205; do
  build service "towpath-${each%:*}" --build-arg "DIST=towpath-${each%:*}" --build-arg "PORT=${each#*:}"
done
