-- SPDX-License-Identifier: 0BSD
-- What may be shown in a browser at all. A file is judged by its first bytes,
-- never by what its author calls it; what is not on this list is only ever
-- handed over for saving. HTML, SVG, XML and PDF are not on it.

local sniff = { BYTES = 4096 } -- of a file that are looked at

local function starts(head, magic, at)
  at = at or 1
  return head:sub(at, at + #magic - 1) == magic
end

local function ftyp(head)
  local brand = starts(head, "ftyp", 5) and head:sub(9, 12)
  if not brand then return nil end
  if brand == "M4A " then return "audio/mp4" end
  return (brand:find("^iso") or brand:find("^mp4") or brand == "avc1"
    or brand == "M4V ") and "video/mp4" or nil
end

local function ogg(head)
  if not starts(head, "OggS") then return nil end
  return head:find("OpusHead", 1, true) and "audio/ogg" or nil
end

local function webm(head)
  return starts(head, "\x1A\x45\xDF\xA3") and head:find("webm", 1, true)
    and "video/webm" or nil
end

local function mp3(head)
  local second = head:byte(2) or 0
  return (starts(head, "ID3") or head:byte(1) == 0xFF and second >= 0xF2
    and second & 0x06 == 0x02) and "audio/mpeg" or nil
end

local function picture(head)
  if starts(head, "\x89PNG\r\n\x1A\n") then return "image/png" end
  if starts(head, "\xFF\xD8\xFF") then return "image/jpeg" end
  if starts(head, "RIFF") and starts(head, "WEBP", 9) then
    return "image/webp"
  end
end

-- Text has no control bytes but line ends and tabs. A browser that is told
-- text/plain and nosniff shows it as text, whatever it looks like.
local function text(head)
  if head:find("[\0-\8\11\12\14-\31\127]") then return nil end
  local cut = head:match("^(.*[\0-\x7F])") or "" -- not inside a character
  return utf8.len(cut) and #head - #cut < 4 and "text/plain; charset=utf-8"
    or nil
end

-- The type to show it as, or nil: then it is for saving.
function sniff.shown(head, claimed)
  local kind = picture(head) or ftyp(head) or webm(head) or ogg(head)
    or mp3(head)
  if kind then return kind end
  if claimed:find("^text/plain") or claimed == "text/csv"
      or claimed == "text/markdown" or claimed == "application/json" then
    return text(head)
  end
end

function sniff.is_picture(head) return picture(head) ~= nil end

-- A name that any disk takes and no header breaks: of the foreign name only
-- letters, digits and ". _ -" stay; others become "_".
function sniff.file_name(name)
  name = (name:match("[^/\\]*$"))
  local out = {}
  for _, code in utf8.codes(utf8.len(name) and name or "") do
    local plain = code < 128 and utf8.char(code):find("[%w._-]")
    local letter = code >= 0xC0 and code < 0x2000 and code ~= 0x61C
    out[#out + 1] = (plain or letter) and utf8.char(code) or "_"
    if #out == 100 then break end
  end
  name = table.concat(out):gsub("^[.%-]+", "_"):gsub("%.+$", "_")
  return name ~= "" and name or "file"
end

return sniff
