#!/usr/bin/env bash
# Build the programs of go.mod into a folder: build.sh FOLDER. Takes some ten minutes and 6 GB of Go's cache the first time.
set -euo pipefail
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"
command -v go >/dev/null || { echo "Go is not installed; it builds the control plane that the tests of Kubernetes need. See https://go.dev/dl" >&2; exit 1; }

version=$(go list -mod=readonly -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.}
stamp=k8s.io/component-base/version
export CGO_ENABLED=0 GOTOOLCHAIN=local
build() { go build -mod=readonly -trimpath -ldflags="-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%%.*}" -o "$out/$1" "$2"; }

echo "building a control plane of Kubernetes $version into $out"
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
build kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager
build etcd go.etcd.io/etcd/server/v3
build helm helm.sh/helm/v3/cmd/helm
