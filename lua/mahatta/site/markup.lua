-- SPDX-License-Identifier: 0BSD
-- HTML from templates that cannot let markup through. A template is literal
-- HTML with holes:
--   {name}        in text: a string is cleaned, escaped and put into <bdi>;
--                 a number as it is; what templates made, as it is; lists of
--                 these, one after the other
--   {name:plain}  without <bdi>: in text that holds no elements (title,
--                 option), and alone in a block with dir="auto", whose
--                 direction must come from the text itself
--   ="{name}"     an attribute: escaped; a link must stay on this site or be
--                 http(s)
--   {=key}        a phrase of the page's language
-- Only templates make values that are taken as markup: there is no other way.

local display = require "mahatta.display"
local hiding = require "mahatta.hiding"

local markup = {}

local Safe = {}
Safe.__index = Safe
Safe.__name = "markup"
function Safe.__tostring(safe) return safe[1] end

local function safe(s) return setmetatable({ s }, Safe) end

-- Nothing at all, for holes that stay empty.
markup.none = safe("")

local ENTITY = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
  ['"'] = "&quot;", ["'"] = "&#39;" }

local function escape(s)
  return s:find("[&<>\"']") and s:gsub("[&<>\"']", ENTITY) or s
end

-- Without characters that nobody sees or that turn the order around. The
-- isolates that display() puts about it are <bdi>'s job here.
local ISOLATE = #utf8.char(0x2068)
local function cleaned(s)
  if not hiding.may(s) then return s end -- nearly always
  s = s:gsub("[\t\r\n]+", " ")
  return display(s):sub(ISOLATE + 1, -ISOLATE - 1)
end

local LINKS = { href = true, src = true, action = true, data = true,
  formaction = true, poster = true }

-- May it stand in a link? On this site, or plain http(s).
function markup.is_link(url)
  return (url:find("^/[^/\\]") or url == "/" or url:find("^[#?]")
    or url:find("^https?://[%w%[]")) and not url:find("[%c%s\\]")
end

local function put_attribute(value, hole)
  if type(value) == "number" then value = tostring(value) end
  if type(value) ~= "string" then
    error(("attribute {%s}: a string expected, got %s"):format(hole.name,
      type(value)), 0)
  end
  if hole.link and not markup.is_link(value) then
    error(("attribute {%s}: %q is no link"):format(hole.name, value), 0)
  end
  return escape(value)
end

local put_text

local function put_list(list, hole)
  local out = {}
  for i, item in ipairs(list) do out[i] = put_text(item, hole) end
  return table.concat(out)
end

function put_text(value, hole)
  local kind = type(value)
  if kind == "table" then
    if getmetatable(value) == Safe then return value[1] end
    return put_list(value, hole)
  elseif kind == "string" then
    local text = escape(cleaned(value))
    return hole.plain and text or "<bdi>" .. text .. "</bdi>"
  elseif kind == "number" then
    return tostring(value)
  end
  error(("{%s}: nothing to put there (%s)"):format(hole.name, kind), 0)
end

local function put(value, hole)
  if hole.attribute then return put_attribute(value, hole) end
  return put_text(value, hole)
end

-- What kind of hole it is, from the source that stands before it.
local function hole_of(name, flag, before)
  local attribute = before:match("([%w-]+)=\"[^\"<>]*$")
  return { name = name, plain = flag == "plain", attribute = attribute ~= nil,
    link = attribute ~= nil and LINKS[attribute]
      and before:sub(-2) == '="' }
end

-- Literal strings and holes by turns; phrases of `words` are literal.
local function compile(source, words)
  local parts, at, literal = {}, 1, ""
  for from, mark, name, flag, to in source:gmatch(
      "(){(=?)([%w_.]+):?(%l*)}()") do
    literal = literal .. source:sub(at, from - 1)
    if mark == "=" then
      local phrase = words.say[name]
      if not phrase then
        error(("%s has no phrase '%s'"):format(words.code, name), 0)
      end
      literal = literal .. escape(phrase)
    else
      parts[#parts + 1] = literal
      parts[#parts + 1] = hole_of(name, flag, source:sub(1, from - 1))
      literal = ""
    end
    at = to
  end
  parts[#parts + 1] = literal .. source:sub(at)
  return parts
end

local function fill(parts, values)
  local out = {}
  for i = 1, #parts do
    local part = parts[i]
    out[i] = i % 2 == 1 and part or put(values[part.name], part)
  end
  return safe(table.concat(out))
end

-- A template: call it with the language's words and the values of its holes.
function markup.template(source)
  source = source:gsub("^%s+", ""):gsub("\n%s*", "\n")
  local compiled = {}
  return function (words, values)
    local parts = compiled[words]
    if not parts then
      parts = compile(source, words)
      compiled[words] = parts
    end
    return fill(parts, values)
  end
end

-- A phrase with holes of its own, filled: "Found: {n}".
local phrases = setmetatable({}, { __mode = "k" })
function markup.say(words, key, values)
  local own = phrases[words] or {}
  phrases[words] = own
  if not own[key] then
    local phrase = words.say[key]
    if not phrase then
      error(("%s has no phrase '%s'"):format(words.code, key), 0)
    end
    own[key] = compile(escape(phrase), words)
    if #own[key] == 1 then own[key] = safe(own[key][1]) end
  end
  if getmetatable(own[key]) == Safe then return own[key] end
  return fill(own[key], values or {})
end

-- Text with found words between the marks `open` and `close`, as <mark>; for
-- a block with a direction of its own.
function markup.marked(s, open, close)
  local out, inside = {}, false
  for plain, mark in (s .. open):gmatch("([^" .. open .. close .. "]*)(["
      .. open .. close .. "])") do
    local text = escape(cleaned(plain))
    out[#out + 1] = inside and "<mark>" .. text .. "</mark>" or text
    inside = mark == open
  end
  return safe(table.concat(out))
end

-- A JSON text as a data block for the page's head. No "<" of it stays one.
function markup.data_block(media, json)
  return safe(('<script type="%s">%s</script>\n'):format(escape(media),
    (json:gsub("[<>&]", { ["<"] = "\\u003c", [">"] = "\\u003e",
      ["&"] = "\\u0026" }))))
end

-- The same holes for XML, where there is no <bdi>: everything is plain.
function markup.xml(source)
  local parts = compile(source:gsub("^%s+", ""), { code = "xml", say = {} })
  for i = 2, #parts, 2 do
    parts[i].plain, parts[i].link = true, nil
  end
  return function (values) return fill(parts, values) end
end

return markup
