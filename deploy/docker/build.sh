#!/usr/bin/env bash
# Builds all images: build.sh [TAG]. The pages must have been built before (`make ui`); `make images` does both.
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:-latest}
build() { # NAME [ARGUMENT...]
  local name=$1; shift
  docker build -q ${BUILD_NETWORK:+--network "$BUILD_NETWORK"} ${PYTHON_IMAGE:+--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE"} \
    -f deploy/docker/Dockerfile "$@" -t "$name:$tag" . >/dev/null
  echo "$name:$tag  $(docker image inspect -f '{{.Size}}' "$name:$tag" | awk '{printf "%.0f MB", $1 / 1e6}')"
}
build towpath --target flow
for each in gateway:4200 graphql:4201 read-engine:4202 scheduler:4203 zombie-killer:4204 lazarus:4205 agent-docker:4210 agent-kubernetes:8080 agent-ecs:4210; do
  build "towpath-${each%:*}" --target service --build-arg "DIST=towpath-${each%:*}" --build-arg "PORT=${each#*:}"
done
build towpath-engine-proxy -f deploy/docker/engine-proxy.Dockerfile
