#!/usr/bin/env bash
# Beam's Prism runner: deploy/prism.sh prints where it lies; deploy/prism.sh COMMAND [ARG ...] runs COMMAND with CALLVEIL_PRISM set to that.
#
# Built once from the Go module proxy into build/go, at the version of Beam that uv.lock pins. Needs Go 1.26 or later.
# CALLVEIL_PRISM names a binary you have already; then nothing is built.
set -euo pipefail
VERSION=v2.77.0
top=$(cd "$(dirname "$0")/.." && pwd)
prism=${CALLVEIL_PRISM:-$top/build/go/prism}
if [ ! -x "$prism" ]; then
  if [ -n "${CALLVEIL_PRISM:-}" ]; then
    echo "deploy/prism.sh: CALLVEIL_PRISM=$CALLVEIL_PRISM is no program that can be run; unset it to have Prism built" >&2
    exit 2
  fi
  if ! command -v go >/dev/null; then
    echo "deploy/prism.sh: no Go here. Install Go and try again; or unpack apache_beam-$VERSION-prism-OS-ARCH.zip of the Apache Beam release page" \
      "(OS linux or darwin, ARCH amd64 or arm64) and set CALLVEIL_PRISM to the binary in it" >&2
    exit 3
  fi
  mkdir -p "$top/build/go"
  echo "deploy/prism.sh: building Prism $VERSION (about three minutes of one core, once)" >&2
  GOBIN=$top/build/go GOFLAGS=-modcacherw go install "github.com/apache/beam/sdks/v2/go/cmd/prism@$VERSION" >&2
fi
if [ $# = 0 ]; then
  echo "$prism"
else
  export CALLVEIL_PRISM=$prism
  exec "$@"
fi
