#!/usr/bin/env bash
# prometheus and promtool for tests, in DIR/bin: those on PATH, else Debian's package unpacked there. Needs no root,
# installs nothing into the system and starts no service. usage: install-prometheus.sh DIR
set -euo pipefail

dir=${1:?folder to make}
mkdir -p "$dir/bin"

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
  ln -sf "$(command -v prometheus)" "$(command -v promtool)" "$dir/bin/"
elif command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/lists/partial" "$work/archives/partial"
  # Package lists of its own: the system's may be empty, and only root may change them.
  apt=(apt-get -qq -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work" -o APT::Sandbox::User=root)
  "${apt[@]}" update
  (cd "$work" && "${apt[@]}" download prometheus && dpkg-deb -x prometheus_*.deb unpacked)
  mv "$work"/unpacked/usr/bin/{prometheus,promtool} "$dir/bin/"
else
  echo "install-prometheus.sh: no prometheus and promtool on PATH, and no Debian to take them from" >&2
  exit 1
fi
"$dir/bin/promtool" --version
