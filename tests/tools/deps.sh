#!/bin/sh
# SPDX-License-Identifier: 0BSD
# deps.sh PACKAGE...: install what is missing, by apt, as root or with sudo.
# Plain sh: it runs before anything but make and apt is there.
set -eu

apt_flags="-y --no-install-recommends -o DPkg::Lock::Timeout=300"

# A node of another origin (18 or newer) does as well as Debian's.
has_node()
{
  v=$(node --version 2>/dev/null) || return 1
  v=${v#v}
  [ "${v%%.*}" -ge 18 ] 2>/dev/null
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "Setting up needs Debian's apt. Elsewhere, install what these hold and"
  echo "pass SETUP=no: $*"
  exit 1
fi >&2

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" \
  2>/dev/null | sed -n 's/^installed //p') || :
missing=
for p in "$@"; do
  case "$p" in
  nodejs) if has_node; then continue; fi ;;
  npm) if command -v npm >/dev/null && has_node; then continue; fi ;;
  esac
  printf '%s\n' "$installed" | grep -qxF -e "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }
  then
    sudo=sudo
  else
    echo "Some Debian packages are missing. As root, run:"
    echo "  apt-get update && apt-get install $apt_flags$missing"
    exit 1
  fi >&2
fi

echo "Installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run()
{
  $sudo env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null || {
    tail -n 30 "$log"
    echo "This failed: $*"
    exit 1
  } >&2
}
run apt-get update -q -o Acquire::Retries=3
# shellcheck disable=SC2086  # both are lists of words
run apt-get install -q -o Acquire::Retries=3 $apt_flags $missing
