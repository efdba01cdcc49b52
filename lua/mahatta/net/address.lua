-- SPDX-License-Identifier: 0BSD
-- Addresses as people write them: host, host:port, [2001:db8::1]:9641,
-- 2001:db8::1, fe80::1%eth0.

local address = {}

-- Not registered for anything (IANA has 9641 to 9665 unassigned).
address.PORT = 9641

local function to_port(text)
  local port = text:find("^%d%d?%d?%d?%d?$") and math.tointeger(tonumber(text))
  if port and port <= 65535 then return port end
  return nil, ("'%s' is no port: write a number up to 65535"):format(text)
end

local function is_v6(host)
  local bare = host:gsub("%%[%w._-]+$", "")
  return bare:find(":.*:") ~= nil and not bare:find("[^%x:.]")
end

-- The host and the port of an address. nil, message, "EINVALID".
function address.parse(text)
  local host, port, message
  if text:find("^%[") then
    host, port = text:match("^%[([^%[%]]+)%](.*)$")
    if host and not is_v6(host) then host = nil end
    if port == "" then port = nil end
    if port then
      port = port:match("^:(.+)$")
      host = port and host
    end
  elseif is_v6(text) then
    host = text
  else
    host, port = text:match("^([^:]+):(.+)$")
    if not host and not text:find(":", 1, true) then host = text end
  end
  if not host or host == "" or #host > 255 or text:find("[%s%c/@]") then
    return nil, ("'%s' is no address: write HOST, HOST:PORT or [V6]:PORT")
      :format(text), "EINVALID"
  end
  if port then
    port, message = to_port(port)
    if not port then return nil, message, "EINVALID" end
  end
  return host, port or address.PORT
end

-- The other way round.
function address.format(host, port)
  return (host:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(host, port)
end

-- What counts as one neighbour among callers: an IPv4 address, or the half of
-- an IPv6 address that a network gives out (/64).
function address.neighbour(host)
  local v4 = host:match("^::ffff:(%d+%.%d+%.%d+%.%d+)$")
  if v4 then return v4 end
  if not host:find(":", 1, true) then return host end
  local head, tail = host:gsub("%%.*$", ""):match("^(.-)::(.*)$")
  local groups, after = {}, {}
  for group in (head or host):gmatch("%x+") do groups[#groups + 1] = group end
  for group in (tail or ""):gmatch("%x+") do after[#after + 1] = group end
  while head and #groups + #after < 8 do groups[#groups + 1] = "0" end
  table.move(after, 1, #after, #groups + 1, groups)
  return table.concat(groups, ":", 1, math.min(4, #groups)) .. "::/64"
end

return address
