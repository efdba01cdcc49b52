#!/bin/sh
# SPDX-License-Identifier: 0BSD
# Runs tests/interop/*_test.*, after fetching the JavaScript libraries they
# compare with: the versions of package-lock.json. Without a way to the npm
# registry (and only then) they count as skipped.
set -eu
lock=tests/interop/package-lock.json
have=tests/interop/node_modules/.package-lock.json
tests=$(find tests/interop -maxdepth 1 -name '*_test.*' | sort)

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ -z "$(find "$have" -newer "$lock" 2>/dev/null)" ]; then
  if (cd tests/interop && npm ci --ignore-scripts --no-audit --no-fund \
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
exec "${LUA:-lua5.4}" tests/tools/run_tests.lua build/log-interop \
  @interop $tests
