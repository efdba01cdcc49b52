-- SPDX-License-Identifier: 0BSD
-- Which stations this one has met, when, and how that went: a small file
-- beside the store, its owner's alone. It may be deleted at any time.

local dagjson = require "mahatta.dagjson"

local book = {}

local PEERS_MAX = 256 -- the longest ago are forgotten

local function path_of(station) return station .. "-peers" end

-- What a session came to, as it is kept and told to scripts. ${message} and
-- ${code} when it failed.
function book.entry(status, address, message, code)
  local s = status or {}
  return { address = address, peer = s.peer, ended = message == nil,
    error = message, code = code, time = os.time(), added = s.added,
    parcels = s.parcels and s.parcels[1], blocks = s.files and s.files[1],
    sent_parcels = s.sent and s.sent.parcels,
    sent_records = s.sent and s.sent.records,
    sent_blocks = s.sent and s.sent.files, bad = s.bad,
    missing_parcels = s.parcels and s.parcels[2] - s.parcels[1],
    missing_blocks = s.files and s.files[2] - s.files[1],
    bytes_in = s.bytes_in, bytes_out = s.bytes_out }
end

-- Entries { peer, time, address?, ended, ... }, the last first. What is no
-- entry in the file is left out.
function book.read(station)
  local file = io.open(path_of(station), "rb")
  if not file then return {} end
  local text = file:read("a")
  file:close()
  local stored, list = text and dagjson.decode(text), {}
  for _, entry in ipairs(type(stored) == "table" and stored or {}) do
    if type(entry) == "table" and type(entry.peer) == "string"
        and math.type(entry.time) then
      list[#list + 1] = entry
    end
  end
  return list
end

-- The newest entry of each peer is kept. nil, message.
function book.add(station, entry)
  local uv = require "luv" -- its files have modes
  local list = { entry }
  for _, other in ipairs(book.read(station)) do
    if other.peer ~= entry.peer and #list < PEERS_MAX then
      list[#list + 1] = other
    end
  end
  local part = path_of(station) .. ".part"
  uv.fs_unlink(part)
  local fd, message = uv.fs_open(part, "wx", 384) -- 0600
  if not fd then return nil, message end
  local written
  written, message = uv.fs_write(fd, dagjson.encode(list) .. "\n", 0)
  uv.fs_close(fd)
  if not written then return nil, message end
  return uv.fs_rename(part, path_of(station))
end

return book
