#!/bin/sh
# SPDX-License-Identifier: 0BSD
# `luarocks make` from a copy of the committed and changed files, without a
# network where unshare allows it, then the module and the command from it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git ls-files -z -c -o --exclude-standard | xargs -0 tar cf - | \
  tar xf - -C "$work"
cd "$work"
offline=
if unshare -rn true 2>/dev/null; then offline='unshare -rn'; fi
unset LUA_PATH LUA_CPATH MAKEFLAGS MFLAGS CFLAGS VARIANT
$offline luarocks --lua-version 5.4 make --tree "$work/tree" \
  mahatta-scm-1.rockspec
env -i PATH="$PATH" "$work/tree/bin/mahatta" help >/dev/null
LUA_PATH="$work/tree/share/lua/5.4/?.lua;$work/tree/share/lua/5.4/?/init.lua" \
LUA_CPATH="$work/tree/lib/lua/5.4/?.so" lua5.4 -e 'require "mahatta"'
