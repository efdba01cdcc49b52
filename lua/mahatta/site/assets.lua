-- SPDX-License-Identifier: 0BSD
-- The site's own style, script and icon: files beside this one, under
-- addresses that change with their bytes.

local mahatta = require "mahatta"

local assets = {}

local KINDS = { ["site.css"] = "text/css; charset=utf-8",
  ["site.js"] = "text/javascript; charset=utf-8",
  ["icon.svg"] = "image/svg+xml" }

local function read(name)
  local here = assert(package.searchpath("mahatta.site.assets", package.path))
  local path = here:gsub("assets%.lua$", "") .. name
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("a")
  file:close()
  return bytes
end

-- { style, script: their addresses; get(name): bytes, media type }
function assets.load()
  local bytes = {}
  for name in pairs(KINDS) do bytes[name] = read(name) end
  local function address(name)
    return "/" .. name .. "?" .. mahatta.id(bytes[name]):sub(-12)
  end
  return { style = address("site.css"), script = address("site.js"),
    get = function (name) return bytes[name], KINDS[name] end }
end

return assets
