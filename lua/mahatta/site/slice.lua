-- SPDX-License-Identifier: 0BSD
-- Which part of a body a Range header asks for (RFC 9110, 14.2).

local slice = {}

-- Digits that no integer holds are beyond the end of any file.
local function place(digits)
  return math.tointeger(tonumber(digits)) or math.maxinteger
end

-- first, length of the one range asked for; nothing when all is to be given;
-- false when there is nothing of it. Several ranges at once give all: no
-- reader of ours needs them, and their answer would be longer than the file.
function slice.of(header, size)
  local from, to = (header or ""):match("^bytes=(%d*)-(%d*)$")
  if not from or from == "" and to == "" then return nil end
  if from == "" then -- the last bytes
    local length = math.min(place(to), size)
    if length == 0 then return false end
    return size - length, length
  end
  local first = place(from)
  local last = to == "" and size - 1 or math.min(place(to), size - 1)
  if first >= size then return false end
  if last < first then return nil end
  return first, last - first + 1
end

return slice
