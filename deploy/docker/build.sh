#!/usr/bin/env bash
# Builds all images: build.sh [TAG]. It needs a Docker engine only: the pages are built in a container where there is no Node.
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:-latest}
pages=services/gateway/src/towpath_gateway/static

said=$(docker version --format '{{.Server.Version}}' 2>&1) || {
  echo "build.sh: no Docker engine answers: ${said##*$'\n'}" >&2
  echo "build.sh: start it, and be root or in the group docker (sudo usermod -aG docker \"\$USER\", then log in again)" >&2
  exit 1
}

build() { # NAME [ARGUMENT...]
  local name=$1; shift
  docker build -q ${BUILD_NETWORK:+--network "$BUILD_NETWORK"} ${PYTHON_IMAGE:+--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE"} \
    -f deploy/docker/Dockerfile "$@" -t "$name:$tag" . >/dev/null
  echo "$name:$tag  $(docker image inspect -f '{{.Size}}' "$name:$tag" | awk '{printf "%.0f MB", $1 / 1e6}')"
}

stale() { # whether the pages are not there, or older than what they are made of
  [ ! -e "$pages/index.html" ] || [ -n "$(find services/ui \( -name node_modules -o -name dist \) -prune -o -type f -newer "$pages/index.html" -print -quit)" ]
}
if stale; then
  if command -v make >/dev/null && deploy/needs.sh node 2>/dev/null; then
    make --no-print-directory ui
  else
    build towpath-pages -f deploy/docker/pages.Dockerfile ${NODE_IMAGE:+--build-arg "NODE_IMAGE=$NODE_IMAGE"}
    rm -rf "$pages.new" && mkdir -p "$pages.new"
    docker run --rm --network none "towpath-pages:$tag" | tar -x -C "$pages.new"
    rm -rf "$pages" && mv "$pages.new" "$pages"
  fi
fi

build towpath --target flow
service() { # FAMILY NAME:PORT...
  local family=$1 each; shift
  for each; do
    build "towpath-${each%:*}" --target service \
      --build-arg "FAMILY=$family" --build-arg "DIST=towpath-${each%:*}" --build-arg "PORT=${each#*:}"
  done
}
service towpath-service-kit gateway:4200 graphql:4201 read-engine:4202 scheduler:4203 zombie-killer:4204 lazarus:4205
service towpath agent-docker:4210 agent-kubernetes:8080 agent-ecs:4210
build towpath-engine-proxy -f deploy/docker/engine-proxy.Dockerfile
