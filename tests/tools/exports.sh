#!/bin/sh
# SPDX-License-Identifier: 0BSD
# exports.sh MODULE...: each exports its one function, brings no Lua of its
# own, is never unloaded, and leaves no relocation writable.
set -eu
bad=0
fault()
{
  echo "$1: $2"
  bad=1
}
for so in "$@"; do
  names=$(nm -D --defined-only "$so" | awk '{ print $NF }')
  [ "$names" = "luaopen_mahatta_$(basename "$so" .so)" ] ||
    fault "$so" "exports: $names"
  dynamic=$(readelf -dW "$so")
  case $dynamic in *liblua*) fault "$so" "is linked with a Lua library" ;; esac
  case $dynamic in *NODELETE*) ;; *) fault "$so" "can be unloaded" ;; esac
  case $dynamic in *BIND_NOW* | *NOW*) ;; *) fault "$so" "binds late" ;; esac
done
exit $bad
