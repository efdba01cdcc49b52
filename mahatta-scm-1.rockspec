-- SPDX-License-Identifier: 0BSD
rockspec_format = "3.0"
package = "mahatta"
version = "scm-1"
source = { url = "git+file://." }
description = {
  summary = "A station of an open data commons, with or without the Internet",
  detailed = [[
Publish, find and pass on data with anyone: over a network, over any byte
stream that a script can open, or on a USB stick in somebody's pocket.]],
  license = "0BSD",
  labels = { "sync", "offline", "search", "database" },
}
supported_platforms = { "unix" }
dependencies = { "lua >= 5.3, < 5.5" }
external_dependencies = {
  SQLITE = { header = "sqlite3.h", library = "sqlite3" },
  SODIUM = { header = "sodium.h", library = "sodium" },
  CRYPTO = { header = "openssl/evp.h", library = "crypto" },
  ZSTD = { header = "zstd.h", library = "zstd" },
  UTF8PROC = { header = "utf8proc.h", library = "utf8proc" },
  STEMMER = { header = "libstemmer.h", library = "stemmer" },
  QRENCODE = { header = "qrencode.h", library = "qrencode" },
  PNG = { header = "png.h", library = "png" },
}
build = {
  type = "make",
  -- For both passes: with build_variables alone the install pass would ask
  -- other headers than the build did.
  variables = {
    CC = "$(CC)",
    CFLAGS = "$(CFLAGS)",
    LIBFLAG = "$(LIBFLAG)",
    LUA_CFLAGS = "-I$(LUA_INCDIR)",
    DEP_CFLAGS = "-I$(SQLITE_INCDIR) -I$(SODIUM_INCDIR) -I$(CRYPTO_INCDIR)"
      .. " -I$(ZSTD_INCDIR) -I$(UTF8PROC_INCDIR) -I$(STEMMER_INCDIR)"
      .. " -I$(QRENCODE_INCDIR) -I$(PNG_INCDIR)",
    DEP_LIBS = "-L$(SQLITE_LIBDIR) -L$(SODIUM_LIBDIR) -L$(CRYPTO_LIBDIR)"
      .. " -L$(ZSTD_LIBDIR) -L$(UTF8PROC_LIBDIR) -L$(STEMMER_LIBDIR)"
      .. " -L$(QRENCODE_LIBDIR) -L$(PNG_LIBDIR)"
      .. " -lsqlite3 -lsodium -lcrypto -lzstd -lutf8proc -lstemmer"
      .. " -lqrencode -lpng",
    INST_LIBDIR = "$(LIBDIR)",
    INST_LUADIR = "$(LUADIR)",
    -- LuaRocks makes the command's wrapper itself.
    INST_BINDIR = "",
  },
  install = { bin = { mahatta = "lua/mahatta/cli/main.lua" } },
}
test = { type = "command", command = "make check" }
