#!/bin/sh
# SPDX-License-Identifier: 0BSD
# exports.sh CORE: the module exports its one function, brings no Lua of its
# own, is never unloaded, and leaves no relocation writable.
set -eu
bad=0
fault()
{
  echo "$1: $2"
  bad=1
}
names=$(nm -D --defined-only "$1" | awk '{ print $NF }')
[ "$names" = luaopen_mahatta_core ] || fault "$1" "exports: $names"
dynamic=$(readelf -dW "$1")
case $dynamic in *liblua*) fault "$1" "is linked with a Lua library" ;; esac
case $dynamic in *NODELETE*) ;; *) fault "$1" "can be unloaded" ;; esac
case $dynamic in *BIND_NOW* | *NOW*) ;; *) fault "$1" "binds late" ;; esac
exit $bad
