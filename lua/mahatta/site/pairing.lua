-- SPDX-License-Identifier: 0BSD
-- Which pages may change something: those whose user stands before the
-- station and reads a code off its own screen. Tokens live in memory only.

local pairing = { CODE_S = 120, TRIES = 5, IDLE_S = 1800, DEVICES = 4,
  PAUSE_S = 3 }

local ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" -- Crockford's
local CODE_CHARS, TOKEN_BYTES = 10, 32 -- 50 bits; 256 bits

local Pairing = {}
Pairing.__index = Pairing

-- Bytes that nobody can guess.
function pairing.random(n)
  local source = assert(io.open("/dev/urandom", "rb"))
  source:setvbuf("no")
  local bytes = assert(source:read(n))
  source:close()
  assert(#bytes == n, "/dev/urandom gave too little")
  return bytes
end

-- Options: clock() in seconds; random(n); show(code): puts it before the
-- person's eyes.
function pairing.new(options)
  return setmetatable({ clock = options.clock or os.time,
    random = options.random or pairing.random, show = options.show,
    tokens = {} }, Pairing)
end

-- All bytes are looked at, wherever the first difference is.
local function same(a, b)
  local difference = #a ~ #b
  for i = 1, #b do
    difference = difference | ((a:byte(i) or 0) ~ b:byte(i))
  end
  return difference == 0
end

-- As people type it: small letters, blanks, and letters that look alike.
local function typed(code)
  return (code:upper():gsub("[%s%-]", ""):gsub("O", "0"):gsub("[IL]", "1"))
end

-- Make a code and show it. The one before is worth nothing any more. False
-- when one was made a moment ago: nobody shall flood the screen.
function Pairing:offer()
  local now = self.clock()
  if self.offered and now - self.offered < pairing.PAUSE_S then
    return false
  end
  self.offered = now
  local bytes, code = self.random(CODE_CHARS), {}
  for i = 1, CODE_CHARS do
    local at = bytes:byte(i) % #ALPHABET + 1
    code[i] = ALPHABET:sub(at, at)
  end
  self.code = table.concat(code)
  self.until_time = now + pairing.CODE_S
  self.tries = pairing.TRIES
  self.show(self.code:sub(1, 5) .. "-" .. self.code:sub(6))
  return true
end

-- Is a code on the screen that still opens?
function Pairing:offers()
  return self.code ~= nil and self.clock() < self.until_time
end

local function hex(bytes)
  return (bytes:gsub(".", function (c) return ("%02x"):format(c:byte()) end))
end

local function forget_oldest(tokens)
  if #tokens >= pairing.DEVICES then
    table.sort(tokens, function (a, b) return a.used < b.used end)
    table.remove(tokens, 1)
  end
end

-- A token for the right code, once; nil for any other.
function Pairing:try(code)
  if not self:offers() then return nil end
  if not same(typed(code), self.code) then
    self.tries = self.tries - 1
    if self.tries <= 0 then self.code = nil end
    return nil
  end
  self.code, self.offered = nil, nil
  forget_oldest(self.tokens)
  local token = hex(self.random(TOKEN_BYTES))
  table.insert(self.tokens, { token = token, used = self.clock() })
  return token
end

-- Is it a token in force? Using it keeps it alive.
function Pairing:knows(token)
  local now, found = self.clock(), false
  for i = #self.tokens, 1, -1 do
    local one = self.tokens[i]
    if now - one.used >= pairing.IDLE_S then
      table.remove(self.tokens, i)
    elseif token and same(token, one.token) then
      one.used, found = now, true
    end
  end
  return found
end

-- Nobody is paired any more.
function Pairing:lock()
  self.tokens, self.code = {}, nil
end

return pairing
