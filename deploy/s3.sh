#!/usr/bin/env bash
# Run a command with an S3-compatible server beside it: deploy/s3.sh COMMAND [ARG ...]
#
# With Go at hand the server is versitygw, built from the Go module proxy and serving a folder with object versions.
# Without Go the tests start moto's server themselves. The command sees CALLVEIL_TEST_S3_ENDPOINT and the usual AWS variables.
set -euo pipefail
VERSION=v1.8.0
cd "$(dirname "$0")/.."
if ! command -v go >/dev/null; then
  echo 'deploy/s3.sh: no Go here; the tests will use moto' >&2
  exec "$@"
fi
mkdir -p build/go
[ -x build/go/versitygw ] || GOBIN=$PWD/build/go GOFLAGS=-modcacherw go install "github.com/versity/versitygw/cmd/versitygw@$VERSION"
data=$(mktemp -d)
mkdir "$data/objects" "$data/versions"
port=${CALLVEIL_S3_PORT:-7070}
export AWS_ACCESS_KEY_ID=callveil AWS_SECRET_ACCESS_KEY=callveil-test AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
ROOT_ACCESS_KEY=$AWS_ACCESS_KEY_ID ROOT_SECRET_KEY=$AWS_SECRET_ACCESS_KEY \
  build/go/versitygw --port "127.0.0.1:$port" posix --versioning-dir "$data/versions" "$data/objects" >"$data/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$data"' EXIT
for _ in $(seq 50); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  kill -0 $server 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  sleep 0.2
done
export CALLVEIL_TEST_S3_ENDPOINT=http://127.0.0.1:$port
"$@"
