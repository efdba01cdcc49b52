-- SPDX-License-Identifier: 0BSD
-- The station's side of lan_peer.py: "announce PORT" or "browse", until
-- standard input ends. It speaks for itself, whether Avahi runs or not.

local uv = require "luv"
local lan = require "mahatta.net.lan"

io.stdout:setvbuf("line")
local handle
if arg[1] == "announce" then
  handle = assert(lan.announce(math.tointeger(tonumber(arg[2])), {}))
  print(handle.name)
else
  handle = assert(lan.browse(function (where, name)
    print(name .. " " .. where)
  end, nil, {}))
end
local input = uv.new_pipe(false)
assert(input:open(0))
input:read_start(function (_, bytes)
  if bytes then return end
  handle:close()
  input:close()
end)
uv.run()
