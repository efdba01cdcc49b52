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

-- What fills a hole, by its kind: (value, the hole's name) to HTML.
local put = {}

function put.attribute(value, name)
  local kind = type(value)
  if kind == "number" then
    return tostring(value)
  elseif kind ~= "string" then
    error(("attribute {%s}: a string expected, got %s"):format(name,
      kind), 0)
  end
  return escape(value)
end

function put.link(value, name)
  if type(value) == "string" and not markup.is_link(value) then
    error(("attribute {%s}: %q is no link"):format(name, value), 0)
  end
  return put.attribute(value, name)
end

local function list_of(put_one)
  return function (list, name)
    local out = {}
    for i, item in ipairs(list) do out[i] = put_one(item, name) end
    return table.concat(out)
  end
end

local put_list, put_plain_list

function put.plain(value, name)
  if getmetatable(value) == Safe then return value[1] end
  local kind = type(value)
  if kind == "string" then
    return escape(cleaned(value))
  elseif kind == "table" then
    return put_plain_list(value, name)
  elseif kind == "number" then
    return tostring(value)
  end
  error(("{%s}: nothing to put there (%s)"):format(name, kind), 0)
end

function put.text(value, name)
  if getmetatable(value) == Safe then return value[1] end
  local kind = type(value)
  if kind == "string" then
    return "<bdi>" .. escape(cleaned(value)) .. "</bdi>"
  elseif kind == "table" then
    return put_list(value, name)
  end
  return put.plain(value, name)
end

put_list, put_plain_list = list_of(put.text), list_of(put.plain)

-- In quotes as JSON has them, fit for a page's head: no "<" of it stays one.
-- (dkjson's own way looks through a text eleven times.)
local function quoted(s)
  if s:find('[%c"\\<>&]') then
    s = s:gsub('[%c"\\<>&]', function (c)
      return ("\\u%04x"):format(c:byte())
    end)
  end
  return '"' .. s .. '"'
end

function put.json(value, name)
  if type(value) == "string" then return quoted(value) end
  if getmetatable(value) == Safe then return value[1] end
  if type(value) ~= "table" then
    error(("{%s}: nothing to put there (%s)"):format(name, type(value)), 0)
  end
  local out = {}
  for i, item in ipairs(value) do out[i] = put.json(item, name) end
  return table.concat(out, ",")
end

-- What kind of hole it is, from the source that stands before it.
local function kind_of(flag, before)
  local attribute = before:match("([%w-]+)=\"[^\"<>]*$")
  if not attribute then return flag == "plain" and "plain" or "text" end
  return LINKS[attribute] and before:sub(-2) == '="' and "link" or "attribute"
end

-- A template in parts: strings, and holes { name, kind } between them.
-- Phrases of `words` are literal.
local function parse(source, words)
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
      parts[#parts + 1] = { name = name,
        kind = kind_of(flag, source:sub(1, from - 1)) }
      literal = ""
    end
    at = to
  end
  parts[#parts + 1] = literal .. source:sub(at)
  return parts
end

-- The function that fills such parts: written out, as one expression, since
-- every page calls it dozens of times.
local function compile(parts)
  local terms = {}
  for i, part in ipairs(parts) do
    terms[i] = type(part) == "string" and ("%q"):format(part)
      or ("put.%s(values[%q], %q)"):format(part.kind, part.name, part.name)
  end
  local write = assert(load("local put = ...\nreturn function (values)\n"
    .. "return " .. table.concat(terms, "\n.. ") .. "\nend", "=template",
    "t", {}))(put)
  return function (values) return safe(write(values)) end
end

-- A template: call it with the language's words and the values of its holes.
function markup.template(source)
  source = source:gsub("^%s+", ""):gsub("\n%s*", "\n")
  local compiled = {}
  return function (words, values)
    local fill = compiled[words]
    if not fill then
      fill = compile(parse(source, words))
      compiled[words] = fill
    end
    return fill(values)
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
    local parts = parse(escape(phrase), words)
    own[key] = #parts == 1 and safe(parts[1]) or compile(parts)
  end
  if type(own[key]) == "table" then return own[key] end
  return own[key](values or {})
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

-- What markup.json() made, as a data block for the page's head.
local DATA = '<script type="%s">%s</script>\n'
function markup.data_block(media, made)
  assert(getmetatable(made) == Safe)
  return safe(DATA:format(escape(media), made[1]))
end

-- The same holes, all of one kind.
local function template_of(kind, source, words)
  local parts = parse(source, words)
  for i = 2, #parts, 2 do parts[i].kind = kind(parts[i].kind) end
  return compile(parts)
end

local NO_WORDS = { code = "no language", say = {} }

-- For XML, where there is no <bdi>: everything is plain.
function markup.xml(source)
  return template_of(function (kind)
    return kind == "text" and "plain" or kind == "link" and "attribute"
      or kind
  end, source:gsub("^%s+", ""), NO_WORDS)
end

-- For JSON: a text becomes one in quotes, and of a list each item.
function markup.json(source)
  return template_of(function () return "json" end, source:gsub("\n", ""),
    NO_WORDS)
end

return markup
