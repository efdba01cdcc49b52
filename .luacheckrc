-- SPDX-License-Identifier: 0BSD
std = "lua54"
max_line_length = 80
max_cyclomatic_complexity = 20
exclude_files = { "build", "tests/interop/node_modules",
  "tests/web/node_modules" }
files["tests/spec"] = { std = "lua54+busted", max_cyclomatic_complexity = 40 }
-- Declarations for LuaLS: long annotations, empty functions.
files["lua/mahatta/meta*.lua"] =
  { max_comment_line_length = false, ignore = { "211", "212", "241" } }
