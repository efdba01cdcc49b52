-- SPDX-License-Identifier: 0BSD
-- What libuv says of failures, in sentences.

local uverror = {}

-- Names of libuv's errors, as sentences; others as they are.
local SENTENCES = {
  ECONNREFUSED = "nobody listens there", EAI_NONAME = "no such host",
  EAI_AGAIN = "no such host is known now", EHOSTUNREACH = "no way there",
  ENETUNREACH = "no way there: no such network",
  ETIMEDOUT = "no answer", ECONNRESET = "the connection was cut",
  EPIPE = "the connection was cut", EADDRINUSE = "the port is taken",
  EACCES = "not allowed", EADDRNOTAVAIL = "no such address here",
}

function uverror.sentence(message)
  local name = tostring(message):match("^%u[%u_%d]+")
  return SENTENCES[name] or tostring(message)
end

return uverror
