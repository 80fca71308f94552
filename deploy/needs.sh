#!/usr/bin/env bash
# Says what this machine lacks, in a sentence each with what to do: needs.sh WHAT... Silent, and 0, when nothing is lacking.
#   python      Python 3.11 and its venv, which everything needs
#   node        Node 20.19, or 22.12 and newer, and npm, which build the pages
#   go          Go as new as tests/kubernetes/tools/go.mod asks for, which builds the control plane and helm
#   containers  root, and the programs that tests/docker calls
#   chromium    the browser of tests/ui (TOWPATH_UI_CHROMIUM names another)
set -euo pipefail
cd "$(dirname "$0")/.."
lacking=0
lacks() { echo "!! $*" >&2; lacking=1; }
has() { command -v "$1" >/dev/null; }
older() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; } # OLDER NEWER

need_python() {
  local found=none
  if has python3; then found=$(python3 -c 'import platform; print(platform.python_version())') || found=none; fi
  if [ "$found" = none ] || older "$found" 3.11; then
    lacks "Python 3.11 or newer is needed as python3 (found: $found): apt-get install python3 python3-venv"
  elif ! python3 -c 'import ensurepip' >/dev/null 2>&1; then
    lacks "Python's venv is not complete here: apt-get install python3-venv"
  fi
}

need_node() {
  local found=none
  if has node && has npm; then found=$(node --version) || found=none; fi
  if [ "$found" = none ] || older "${found#v}" 20.19 || { ! older "${found#v}" 21 && older "${found#v}" 22.12; }; then
    lacks "Node 20.19, or 22.12 or newer, with npm is needed (found: $found; Debian 12's own is 18): see https://nodejs.org"
  fi
}

need_go() {
  local found=none wanted
  wanted=$(awk '$1 == "go" {print $2}' tests/kubernetes/tools/go.mod)
  if has go; then found=$(GOTOOLCHAIN=local go version | awk '{print $3}') || found=none; fi
  if [ "$found" = none ] || older "${found#go}" "$wanted"; then
    lacks "Go $wanted or newer is needed (found: $found; Debian 12's own is 1.19): see https://go.dev/dl"
  fi
}

need_containers() {
  local packages=()
  if ! has docker || ! has dockerd; then packages+=(docker.io); fi
  if ! has docker-compose && ! docker compose version >/dev/null 2>&1; then packages+=(docker-compose); fi
  has iptables || packages+=(iptables)
  has ip || packages+=(iproute2)
  if [ "${#packages[@]}" -gt 0 ]; then lacks "Programs are not installed here: apt-get install ${packages[*]}"; fi
  if [ "$(id -u)" != 0 ]; then lacks "These tests start engines of their own and mount disks for them, as root alone may: sudo make …"; fi
}

need_chromium() {
  if ! [ -x "${TOWPATH_UI_CHROMIUM:-/usr/bin/chromium}" ]; then
    lacks "Chromium is not installed here: apt-get install chromium (or TOWPATH_UI_CHROMIUM=/where/it/is)"
  fi
}

for what; do
  case $what in
    python | node | go | containers | chromium) "need_$what" ;;
    *) echo "needs.sh knows nothing of $what" >&2; exit 2 ;;
  esac
done
exit "$lacking"
