#!/usr/bin/env bash
# Build the programs of go.mod into a folder, once: build.sh FOLDER. Takes some ten minutes and 6 GB of Go's cache the first time.
set -euo pipefail
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"
wanted=$(cat build.sh go.mod go.sum | sha256sum)
if [ "$(cat "$out/.built" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
command -v go >/dev/null || { echo "Go is not installed; it builds the control plane that the tests of Kubernetes need. See https://go.dev/dl" >&2; exit 1; }

version=$(go list -mod=readonly -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.}
stamp=k8s.io/component-base/version
echo "building a control plane of Kubernetes $version into $out"

# one call for all: they share most packages. The compiler's processes are short: collecting garbage is a sixth of their work for nothing
export CGO_ENABLED=0 GOTOOLCHAIN=local GOGC=400
mkdir -p "$out/.new"
go build -mod=readonly -trimpath -ldflags="-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%%.*}" -o "$out/.new/" \
  k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-scheduler k8s.io/kubernetes/cmd/kubelet \
  helm.sh/helm/v3/cmd/helm go.etcd.io/etcd/server/v3
mv "$out/.new/server" "$out/.new/etcd"

# the Prometheus operator's definition of a ServiceMonitor, out of its module as it was released
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0 sum=h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=
found=$(go mod download -json "$operator")
[[ $found == *"\"Sum\": \"$sum\""* ]] || { echo "$operator is not what it was: $found" >&2; exit 1; }
install -m 644 "$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' <<<"$found")/example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml" "$out/.new/servicemonitors.yaml"

mv "$out/.new/"* "$out/"
rmdir "$out/.new"
echo "$wanted" >"$out/.built"
