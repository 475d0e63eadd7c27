#!/usr/bin/env bash
# Install what the browser tests need, at locked versions, and run a command with it: deploy/browser.sh COMMAND [ARG ...]
#
# Chromium comes from the system (installed here where this is root on a Debian), playwright-core and axe-core from npm into build/browser.
# The command sees CALLVEIL_TEST_BROWSER: Chromium's path. Where one of them cannot be had, the tests say so and are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null || true
fi
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -n "$browser" ] && command -v npm >/dev/null; then
  mkdir -p build/browser
  cp tests/report/browser/package.json tests/report/browser/package-lock.json build/browser
  (cd build/browser && npm ci --silent --ignore-scripts --no-audit --no-fund)
  export CALLVEIL_TEST_BROWSER=$browser
else
  echo 'deploy/browser.sh: no Chromium or no npm here; the browser tests will be skipped' >&2
fi
exec "$@"
