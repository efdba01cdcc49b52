-- SPDX-License-Identifier: 0BSD
-- launcher.lua LUADIR LIBDIR: prints the command `mahatta` for these folders.
io.write(string.format([[
#!/usr/bin/env lua5.4
package.path = %q .. package.path
package.cpath = %q .. package.cpath
local main = assert(loadfile(%q))
return main(table.unpack(arg))
]],
  arg[1] .. "/?.lua;" .. arg[1] .. "/?/init.lua;",
  arg[2] .. "/?.so;", arg[1] .. "/mahatta/cli/main.lua"))
