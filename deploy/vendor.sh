#!/usr/bin/env bash
# Fetch what the pages of reports carry, at exactly the versions of deploy/vendor/package-lock.json, and copy it into transforms/report/assets.
# Needed only to change a version: the copies are part of the repository, so building and running callveil needs no npm.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp deploy/vendor/package.json deploy/vendor/package-lock.json "$work"
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund)
to=transforms/report/assets
# Without the pointer to a source map: a page asks for no other file.
sed '/^\/\/# sourceMappingURL=/d' "$work/node_modules/chart.js/dist/chart.umd.min.js" >"$to/chart.min.js"
{
  echo '# Chart.js'
  cat "$work/node_modules/chart.js/LICENSE.md"
  echo
  echo '# @kurkle/color, which it contains'
  cat "$work/node_modules/@kurkle/color/LICENSE.md"
} >"$to/chart.LICENSE.md"
ls -l "$to"
