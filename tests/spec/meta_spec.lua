-- SPDX-License-Identifier: 0BSD
-- meta.lua documents each function there is, and none that is not.
local mahatta = require "mahatta"
local core = require "mahatta.core"
local support = require "support"

-- "open" or "Station:close" for each function in a meta file, with its
-- comment.
local function documented(path)
  local found, comment = {}, {}
  local text = path and support.read(path)
    or support.read("lua/mahatta/meta.lua")
      .. support.read("lua/mahatta/meta_keep.lua")
      .. support.read("lua/mahatta/meta_search.lua")
  for line in text:gmatch("([^\n]*)\n") do
    local owner, name = line:match("^function (%w+)[.:]([%w_]+)%(")
    if owner then
      found[owner == "mahatta" and name or owner .. ":" .. name] =
        table.concat(comment, "\n")
    end
    if line:find("^%-%-%-") then
      comment[#comment + 1] = line
    else
      comment = {}
    end
  end
  return found
end

local function existing()
  local found = {}
  for name, value in pairs(mahatta) do
    if type(value) == "function" then found[name] = true end
  end
  for class, methods in pairs(core.methods) do
    if class:find("^%u") then
      for name, value in pairs(methods) do
        if type(value) == "function" and not name:find("^__") then
          found[class .. ":" .. name] = true
        end
      end
    end
  end
  return found
end

describe("meta.lua", function ()
  it("documents every function", function ()
    local docs, missing = documented(), {}
    for name in pairs(existing()) do
      if not docs[name] then missing[#missing + 1] = name end
    end
    table.sort(missing)
    assert.same({}, missing)
  end)

  it("documents no function that is not there", function ()
    local there, extra = existing(), {}
    for name in pairs(documented()) do
      if not there[name] then extra[#extra + 1] = name end
    end
    table.sort(extra)
    assert.same({}, extra)
  end)

  it("is Lua, and never runs", function ()
    assert.is_function(loadfile("lua/mahatta/meta.lua"))
    local n = 0
    for _ in pairs(documented()) do n = n + 1 end
    assert.is_true(n >= 50)
  end)

  it("names the module's values", function ()
    assert.equal("mahatta 0.1.0", mahatta._VERSION)
    assert.equal("userdata", type(mahatta.null))
  end)
end)

describe("meta_http.lua", function ()
  local has_http, http = pcall(require, "mahatta.http")

  it("documents mahatta.http, both ways", function ()
    if not has_http then pending("no libmicrohttpd") return end
    local there = {}
    local server <close> = assert(http.listen({ handler = print }))
    local group <close> = assert(http.group({ server }))
    for name in pairs(http) do there["http:" .. name] = true end
    for class, one in pairs({ Server = server, Group = group }) do
      for name in pairs(debug.getmetatable(one).__index) do
        there[class .. ":" .. name] = true
      end
    end
    local told = {}
    for name in pairs(documented("lua/mahatta/meta_http.lua")) do
      told[name] = true
    end
    assert.same(there, told)
  end)
end)
