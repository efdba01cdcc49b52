#!/bin/sh
# SPDX-License-Identifier: 0BSD
# npm.sh FOLDER PATTERN: runs the scripts of a folder under tests/ that need
# the JavaScript libraries of its package-lock.json, after fetching them.
# Without a way to the npm registry (and only then) they count as skipped.
set -eu
folder=$1
part=$(basename "$folder")
lock=$folder/package-lock.json
have=$folder/node_modules/.package-lock.json
tests=$(find "$folder" -maxdepth 1 -name "$2" | sort)

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ -z "$(find "$have" -newer "$lock" 2>/dev/null)" ]; then
  if (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund \
    --fetch-retries=1 --fetch-timeout=30000) >"$log" 2>&1; then
    touch "$have"
  else
    no_way='ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH'
    no_way="$no_way|SOCKET_TIMEOUT|ENOTCACHED|_CERT"
    no_way="$no_way|code E(403|407|429|5[0-9][0-9])"
    if grep -qE "$no_way" "$log"; then
      echo "Skipped: the npm registry was not reached."
      echo "0 passed, 0 failed, $(echo "$tests" | wc -l) skipped"
      exit 0
    fi
    cat "$log"
    exit 1
  fi
fi
# shellcheck disable=SC2086  # a list of paths without blanks
exec "${LUA:-lua5.4}" tests/tools/run_tests.lua "build/log-$part" \
  "@$part" $tests
