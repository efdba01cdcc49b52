-- SPDX-License-Identifier: 0BSD
-- A small HTML reader: enough to take title, words, language and references
-- out of a page. It is linear in the page's length whatever the page holds:
-- every search that finds no end consumes the rest.

local NAMED = {
  amp = 38, lt = 60, gt = 62, quot = 34, apos = 39, nbsp = 160, iexcl = 161,
  cent = 162, pound = 163, yen = 165, sect = 167, copy = 169, laquo = 171,
  reg = 174, deg = 176, plusmn = 177, para = 182, middot = 183, raquo = 187,
  frac14 = 188, frac12 = 189, frac34 = 190, iquest = 191, times = 215,
  divide = 247, szlig = 223, ccedil = 231, Ccedil = 199, eacute = 233,
  egrave = 232, ecirc = 234, Ecirc = 202, euml = 235, agrave = 224,
  aacute = 225, acirc = 226, auml = 228, icirc = 238, Icirc = 206,
  iuml = 239, ocirc = 244, ouml = 246, ucirc = 251, Ucirc = 219, uuml = 252,
  ntilde = 241, scedil = 351, Scedil = 350, oelig = 339, aelig = 230,
  ndash = 8211, mdash = 8212, lsquo = 8216, rsquo = 8217, sbquo = 8218,
  ldquo = 8220, rdquo = 8221, bdquo = 8222, bull = 8226, hellip = 8230,
  prime = 8242, lsaquo = 8249, rsaquo = 8250, euro = 8364, trade = 8482,
  larr = 8592, uarr = 8593, rarr = 8594, darr = 8595, minus = 8722,
  le = 8804, ge = 8805, ne = 8800, infin = 8734, radic = 8730, sum = 8721,
  zwnj = 8204, zwj = 8205, lrm = 8206, rlm = 8207, ensp = 8194, emsp = 8195,
  thinsp = 8201, shy = 173,
}

-- Elements whose content is no markup.
local RAW = { script = true, style = true, title = true, textarea = true }

-- Elements that no reader reads.
local UNREAD = {
  script = true, style = true, template = true, svg = true, nav = true,
  noscript = true, title = true, textarea = true, iframe = true,
  object = true,
}

-- Elements inside a line; all others begin a new one.
local INLINE = {}
for name in ([[a abbr acronym b bdi bdo big cite code data del dfn em font i
  img ins kbd label mark q rp rt ruby s samp small span strike strong sub sup
  time tt u var wbr]]):gmatch("%S+") do
  INLINE[name] = true
end

-- Attributes that name a part of the page.
local PARTS = {
  img = { "src" }, source = { "src" }, audio = { "src" }, track = { "src" },
  video = { "src", "poster" }, script = { "src" }, embed = { "src" },
  input = { "src" }, object = { "data" }, image = { "href", "xlink:href" },
  body = { "background" },
}

local LINKED = {
  stylesheet = true, icon = true, ["apple-touch-icon"] = true,
}

local html = {}

local function character(code)
  if not code or code == 0 or code > 0x10FFFF
      or (code >= 0xD800 and code <= 0xDFFF) then
    return utf8.char(0xFFFD)
  end
  return utf8.char(code)
end

function html.unescape(s)
  if not s:find("&", 1, true) then return s end
  s = s:gsub("&#[xX](%x+);?", function (x)
    return character(tonumber(x:sub(-8), 16))
  end)
  s = s:gsub("&#(%d+);?", function (d)
    return character(tonumber(d:sub(-10)))
  end)
  return (s:gsub("&(%a%w*);", function (name)
    return NAMED[name] and utf8.char(NAMED[name])
  end))
end

-- Attributes of the tag whose name ends before `at`. Returns them and the
-- position after ">".
local function attributes(s, at)
  local found = {}
  while true do
    at = s:find("[^%s/]", at)
    if not at then return found, #s + 1 end
    if s:sub(at, at) == ">" then return found, at + 1 end
    local name, after = s:match("^([^%s>/][^%s=>/]*)%s*()", at)
    local value = ""
    if s:sub(after, after) == "=" then
      after = s:match("^%s*()", after + 1)
      local quote = s:match("^[\"']", after)
      if quote then
        local close = s:find(quote, after + 1, true) or #s + 1
        value, after = s:sub(after + 1, close - 1), close + 1
      else
        value, after = s:match("^([^%s>]*)()", after)
      end
    end
    name = name:lower()
    found[name] = found[name] or html.unescape(value)
    at = after
  end
end

-- Where the element `name` with raw content closes: position of "</name".
local function raw_end(s, name, at)
  while true do
    at = s:find("</", at, true)
    if not at then return #s + 1 end
    if s:sub(at + 2, at + 1 + #name):lower() == name
        and s:find("^[%s/>]", at + 2 + #name) then
      return at
    end
    at = at + 2
  end
end

local function skip_past(s, what, at)
  local _, to = s:find(what, at, true)
  return (to or #s) + 1
end

-- One token at `at`, which is at "<": kind, name or text, attributes, next.
local function markup(s, at)
  if s:find("^<!%-%-", at) then
    return "skip", nil, nil, skip_past(s, "-->", at + 4)
  elseif s:find("^<!%[CDATA%[", at) then
    local after = skip_past(s, "]]>", at + 9)
    return "text", s:sub(at + 9, after - 4), nil, after
  elseif s:find("^<[!?]", at) then
    return "skip", nil, nil, skip_past(s, ">", at + 2)
  elseif s:find("^</%a", at) then
    local name = s:match("^</([^%s/>]+)", at):lower()
    return "close", name, nil, skip_past(s, ">", at + 3)
  elseif s:find("^<%a", at) then
    local name, after = s:match("^<([^%s/>]+)()", at)
    local attrs, to = attributes(s, after)
    return "open", name:lower(), attrs, to
  end
  return "text", "<", nil, at + 1
end

-- for kind, value, attrs in html.tokens(s): "open" name attrs, "close" name,
-- "text" text (entities decoded; content of RAW elements in one piece).
function html.tokens(s)
  local at, raw = 1, nil
  return function ()
    while at <= #s do
      local from = at
      if raw then
        at = raw_end(s, raw, from)
        local plain = raw == "script" or raw == "style"
        raw = nil
        if at > from then
          local text = s:sub(from, at - 1)
          return "text", plain and text or html.unescape(text)
        end
      elseif s:byte(at) ~= 60 then -- "<"
        at = s:find("<", at, true) or #s + 1
        return "text", html.unescape(s:sub(from, at - 1))
      else
        local kind, value, attrs
        kind, value, attrs, at = markup(s, at)
        if kind == "open" and RAW[value] then raw = value end
        if kind ~= "skip" then return kind, value, attrs end
      end
    end
  end
end

local function squeeze(s)
  s = s:gsub("[ \t\r\f\v\n]+", " ")
  return (s:gsub("^ ", ""):gsub(" $", ""))
end

-- Collects words: one space between them, one line break between blocks.
local function collector(limit)
  local out, size, pending = {}, 0, ""
  local words = {}
  function words.add(text)
    for space, word in text:gmatch("([ \t\r\f\v\n]*)([^ \t\r\f\v\n]*)") do
      if space ~= "" and pending == "" then pending = " " end
      if word ~= "" then
        if size == 0 then pending = "" end
        out[#out + 1] = pending .. word
        size = size + #pending + #word
        pending = ""
      end
    end
  end
  function words.line() pending = "\n" end
  function words.full() return size >= limit end
  function words.text() return table.concat(out) end
  return words
end

-- Text of the page up to about `limit` bytes. `unread`: elements left out.
local function read_text(s, limit, unread)
  local words, skipping, depth = collector(limit), nil, 0
  for kind, value in html.tokens(s) do
    if skipping then
      if value == skipping and kind ~= "text" then
        depth = depth + (kind == "open" and 1 or -1)
        if depth == 0 then skipping = nil end
      end
    elseif kind == "text" then
      words.add(value)
    elseif kind == "open" and unread[value] then
      skipping, depth = value, 1
    elseif not INLINE[value] then
      words.line()
    end
    if words.full() then break end
  end
  return words.text(), skipping == nil
end

local SLOTS = { title = "title", h1 = "heading" }

local function language_of(attrs)
  local lang = attrs.lang or attrs["xml:lang"]
  return lang ~= "" and lang or nil
end

-- { title, heading, lang } of the page: the first of each.
local function read_head(s)
  local page, inside, slot = {}, nil, nil
  for kind, value, attrs in html.tokens(s) do
    if kind == "open" then
      page.lang = page.lang or language_of(attrs)
      if SLOTS[value] and not page[SLOTS[value]] then
        inside, slot = value, SLOTS[value]
      end
    elseif kind == "text" and inside then
      page[slot] = (page[slot] or "") .. value
    elseif value == inside then
      inside = nil
    end
  end
  return page
end

-- { title, heading, lang, text }: text at most about `limit` bytes.
function html.read(s, limit)
  local page = read_head(s)
  page.title = page.title and squeeze(page.title)
  page.heading = page.heading and squeeze(page.heading)
  local text, whole = read_text(s, limit, UNREAD)
  if not whole then -- an element that nobody closed: read it after all
    text = read_text(s, limit, { script = true, style = true })
  end
  page.text = text
  return page
end

local ADDRESS_MAX = 4096 -- bytes

-- A style sheet without its comments; one that nobody closed is the rest.
local function without_comments(s)
  local out, at = {}, 1
  while true do
    local open = s:find("/*", at, true)
    if not open then break end
    out[#out + 1] = s:sub(at, open - 1)
    at = skip_past(s, "*/", open + 2)
  end
  out[#out + 1] = s:sub(at)
  return table.concat(out, " ")
end

-- Addresses in a style sheet: url(...) and @import "...".
function html.style_parts(s)
  local found, at = {}, 1
  s = without_comments(s)
  while true do
    local _, open = s:find("url(", at, true)
    local close = open and s:find(")", open + 1, true)
    if not close then break end
    if close - open <= ADDRESS_MAX then
      found[#found + 1] = s:sub(open + 1, close - 1)
        :gsub("^%s*[\"']?", ""):gsub("[\"']?%s*$", "")
    end
    at = close + 1
  end
  for address in s:gmatch("@import%s*[\"']([^\"']*)[\"']") do
    found[#found + 1] = address
  end
  return found
end

-- Addresses of what the page shows: pictures, sounds, styles, scripts.
function html.parts(s)
  local found, style = {}, false
  for kind, value, attrs in html.tokens(s) do
    if kind == "text" and style then
      for _, address in ipairs(html.style_parts(value)) do
        found[#found + 1] = address
      end
    elseif kind == "open" then
      for _, name in ipairs(PARTS[value] or {}) do
        found[#found + 1] = attrs[name]
      end
      for rel in (value == "link" and attrs.rel or ""):gmatch("%S+") do
        if LINKED[rel:lower()] then found[#found + 1] = attrs.href end
      end
      for address in (attrs.srcset or ""):gmatch("([^%s,]+)[^,]*") do
        found[#found + 1] = address
      end
    end
    style = kind == "open" and value == "style"
  end
  return found
end

return html
