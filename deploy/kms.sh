#!/usr/bin/env bash
# Run a command with a KMS beside it that has Ed25519 keys, which moto has not: deploy/kms.sh COMMAND [ARG ...]
#
# The server is MiniStack, in a virtual environment of its own below build/. The command sees CALLVEIL_TEST_KMS_ENDPOINT.
set -euo pipefail
VERSION=1.5.33
cd "$(dirname "$0")/.."
if [ ! -x build/kms/bin/hypercorn ]; then
  .venv/bin/python -m venv build/kms
  build/kms/bin/pip install --quiet --disable-pip-version-check "ministack==$VERSION" cryptography
fi
port=${CALLVEIL_KMS_PORT:-7071}
log=$(mktemp)
SERVICES=kms build/kms/bin/hypercorn --bind "127.0.0.1:$port" ministack.app:app >"$log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -f "$log"' EXIT
for _ in $(seq 100); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  kill -0 $server 2>/dev/null || { cat "$log" >&2; exit 1; }
  sleep 0.2
done
export CALLVEIL_TEST_KMS_ENDPOINT=http://127.0.0.1:$port
"$@"
