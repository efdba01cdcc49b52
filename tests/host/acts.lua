-- SPDX-License-Identifier: 0BSD
-- The module's main calls, each as a function that may run out of memory, be
-- collected or be ended anywhere, and is right whenever it returns. Folders go
-- away with the state.

local mahatta = require "mahatta"
local has_http, http = pcall(require, "mahatta.http")
local has_socket, socket = pcall(require, "socket")

local memory = io.open("/dev/shm/.") and " -p /dev/shm" or ""
local acts = { act = {}, before = {}, after = {} }
local act, before, after = acts.act, acts.before, acts.after

acts.folders = setmetatable({}, { __gc = function (list)
  for _, dir in ipairs(list) do os.execute("rm -rf -- '" .. dir .. "'") end
end })

-- dir, station, other (by another author), ids, link: see prepare.
local own = acts
local nested, deep
local CONTENT = ("bytes of a file "):rep(3000)

function acts.folder()
  local pipe = assert(io.popen("mktemp -d" .. memory))
  acts.folders[#acts.folders + 1] = assert(pipe:read("l"))
  pipe:close()
  return acts.folders[#acts.folders]
end

function acts.write(name, bytes)
  local file = assert(io.open(own.dir .. "/" .. name, "wb"))
  assert(file:write(bytes))
  file:close()
  return own.dir .. "/" .. name
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("a")
  file:close()
  return bytes
end

-- nil, message, code becomes an error, as a host that asserts makes of it.
local function must(value, message)
  if value == nil then error(message, 0) end
  return value
end
acts.must = must

local function run(job, message)
  local result, fault = must(job, message):run()
  job:close()
  return must(result, fault)
end
acts.run = run

-- A station with records, a file, a deep value; another with records that come
-- by carry file or session, and its slip.
function acts.prepare()
  own.dir = acts.folder()
  own.other = must(mahatta.open(own.dir .. "/other"))
  for i = 1, 5 do
    must(own.other:publish("d", { type = "note", title = "far " .. i, n = i }))
  end
  run(own.other:pack(own.dir .. "/in.car"))
  must(own.other:follow("*"))
  must(own.other:slip(own.dir .. "/other.slip"))
  own.station = must(mahatta.open(own.dir .. "/s"))
  own.file = acts.write("f.txt", CONTENT)
  own.link = run(own.station:add_file(own.file)).link
  own.ids = { must(own.station:publish("c", { type = "note",
    title = "a file", files = { { name = "f.txt", data = own.link,
    size = #CONTENT } } })) }
  for i = 1, 20 do
    own.ids[i + 1] = must(own.station:publish("c", { type = "note",
      title = "near " .. i, key = "k" .. i % 5 }))
  end
  must(own.station:label(own.ids[2], "good"))
  deep = { n = 1 }
  for i = 1, 14 do -- of two levels each; some with many keys
    deep = { list = { deep, i }, ["key " .. i] = "v" }
    for k = 1, i % 2 * 40 do deep["wide " .. k] = mahatta.bytes("b") end
  end
  nested = mahatta.encode(deep)
end

function acts.still_sound()
  local report = run(own.station:verify({ read_data = true }))
  assert(report.bad == 0, "damaged blocks")
  assert(#must(own.station:find("near")) > 0)
  own.station:close()
  own.other:close()
end

-- ---- publishing ----

function act.open(n)
  local new = must(mahatta.open(own.dir .. "/new" .. n,
    { index = "now", clock = os.time }))
  assert(#new:id() > 40 and #tostring(new) > 0)
  new:close()
end

function act.publish(n)
  local id = must(own.station:publish("c", { type = "note",
    title = { ar = "x", en = "y" }, n = n, tags = { "a", "b" } }))
  assert(must(own.station:get(id)).record.n == n)
end

function act.publish_all(n)
  local done = must(own.station:publish_all("c", {
    { type = "note", title = "m" .. n }, { type = "note", text = "two" } },
    { progress = function () end }))
  assert(done == 2)
end

function act.publisher(n)
  local publisher <close> = must(own.station:publisher("c"))
  for i = 1, 3 do
    must(publisher:add({ type = "note", title = "p" .. n, i = i }))
  end
  assert(must(publisher:commit()) == 3)
end

function act.withdraw()
  own.withdrawn = (own.withdrawn or 0) + 1 -- none of them ever comes back
  local id = must(own.station:publish("w", { type = "note",
    title = "withdrawn " .. own.withdrawn }))
  must(own.station:withdraw(id, { reason = "a test" }))
  assert(own.station:get(id) == nil)
end

function act.label(n)
  must(own.station:label(own.ids[3], "l" .. n, { expires = 1 << 40 }))
  assert(#must(own.station:labels(own.ids[3])) > 0)
end

-- ---- files ----

function act.add_file()
  assert(run(own.station:add_file(own.file)).size == #CONTENT)
end

function act.export(n)
  local dir = own.dir .. "/x" .. n
  os.execute("rm -rf " .. dir .. "; mkdir " .. dir)
  local files = must(own.station:export(own.ids[1], dir,
    { progress = function () end }))
  assert(read(files[1].path) == CONTENT)
end

function act.reader()
  local reader <close> = must(own.station:reader(own.link))
  local parts, wants = {}, reader:size()
  must(reader:seek(0))
  while wants > 0 do
    local ok, piece, why = pcall(reader.read, reader, 20000)
    if ok then
      parts[#parts + 1] = must(piece, why)
      wants = wants - #piece
    elseif piece ~= "not enough memory" or #parts > 9 then
      error(piece, 0)
    else
      parts[#parts + 1] = "" -- what was not given comes with the next
    end
  end
  assert(reader:read() == nil and table.concat(parts) == CONTENT)
end

function act.block()
  assert(mahatta.id(must(own.station:block(own.ids[1])), "dag-cbor")
    == own.ids[1])
end

-- ---- reading ----

function act.list()
  local n = 0
  for entry in own.station:list("*", { history = true }) do
    n = n + (entry.id and 1 or 0)
  end
  assert(n >= 21)
  assert(#must(own.station:page("c", { limit = 3 })) == 3)
  assert(#must(own.station:collections()) > 0)
  must(own.station:missing())
end

function act.get()
  local entry = must(own.station:get(own.ids[2]))
  assert(entry.record.title == "near 1")
  assert(#must(own.station:history(own.ids[2])) == 4)
  assert(#must(own.station:about(own.ids[2])) == 1)
  assert(must(own.station:current("c", "k1")).record.title == "near 16")
end

function act.search()
  local query = { limit = 30, explain = true, mark = { "<", ">" },
    trust = { own.station:id() }, lang = "en" }
  local n = 0
  for hit in own.station:search("near", query) do
    n = n + 1
    assert(hit.snippet or hit.title)
  end
  assert(n > 0)
  assert(#must(own.station:suggest("nea")) > 0)
  assert(must(own.station:tally("near")).total > 0)
end

-- A page after the other, with authors who are trusted.
function act.pages()
  local cursor
  repeat
    local hits = must(own.station:find("near", { limit = 7, cursor = cursor,
      trust = { own.station:id(), own.other:id() } }))
    cursor = hits.next
  until not cursor
end

-- What programs read out of files.
function act.texts(n)
  local text = ("read %d "):format(n):rep(40)
  assert(must(own.station:put_texts({ { id = own.ids[1], text = text,
    files = 1, done = true } })) == 1)
  assert(must(own.station:file_text(own.ids[1])) == text)
  must(own.station:unread({ limit = 5 }))
  run(own.station:index_files({ limit = 9 }))
end

function act.quotas(n)
  local author = own.other:id()
  local set = must(own.station:quotas({ budget = (64 + n % 2) << 20,
    author = "1M", way = "none" }))
  assert(set.author == 1 << 20 and set.way == "none" and set.used > 0)
  must(own.station:vouch(author))
  assert(must(own.station:vouched())[1] == author)
  must(own.station:unvouch(author))
  assert(must(own.station:why(own.ids[1])).kind == "record")
  assert(must(own.station:why(own.link)).kind == "file")
end

function act.follow(n)
  must(own.station:follow("f/" .. n, { files = "1M" }))
  assert(#must(own.station:follows()) == 1)
  must(own.station:unfollow("f/" .. n))
end
after.follow = function (n) own.station:unfollow("f/" .. n) end

function act.sums()
  assert(must(own.station:stats()).documents > 0)
  must(own.station:version())
  assert(#must(own.station:digest()) == 64)
  assert(#own.station:path() > 0)
  must(mahatta.space(own.dir))
end

-- ---- carrying ----

function act.pack(n)
  local path = own.dir .. "/out" .. n .. ".car.zst"
  os.remove(path)
  local result = run(own.station:pack(path, { collections = { "c" },
    level = 1, slip = own.dir .. "/other.slip" }))
  assert(result.path == path)
end

function act.unpack()
  local function admit(entry, from)
    return #(entry.record.title .. from) > 0 and "drop" or "stop"
  end
  own.station:policy { admit = admit, serve = print, order = print }
  run(own.station:unpack(own.dir .. "/in.car"))
end
after.unpack = function () own.station:policy(nil) end

function act.slip(n)
  local path = own.dir .. "/s" .. n .. ".slip"
  os.remove(path)
  must(own.station:slip(path))
  assert(must(mahatta.read_slip(path)).station == own.station:id())
  local text = must(own.station:slip_text())
  must(own.station:slip_short())
  for _, form in ipairs({ "terminal", "svg", "png" }) do
    assert(#must(mahatta.qr(text:sub(1, 60), form)) > 100)
  end
end

function act.lacks()
  run(own.station:lacks(own.dir .. "/other.slip"))
end

-- ---- sessions ----

local function talk(to, from)
  local turns = 0
  while not (to:finished() and from:finished()) do
    local up = must(to:pull())
    if up ~= "" then must(from:feed(up)) end
    local down = must(from:pull())
    if down ~= "" then must(to:feed(down)) end
    turns = turns + 1
    assert(turns < 1000, "the session never ends")
  end
end

-- Both ways; what breaks is begun again by the next call.
function act.session(n)
  local id = must(own.other:publish("d", { type = "note", n = n }))
  own.station:policy { admit = function () return "keep" end,
    serve = function () return true end, order = function () return 1 end }
  local to <close> = must(own.station:session({ initiator = true }))
  local from <close> = must(own.other:session())
  talk(to, from)
  local now = to:status()
  assert(now.state == "done" and now.peer == own.other:id())
  assert(must(own.station:get(id)).record.n == n)
end
after.session = function () own.station:policy(nil) end

-- ---- upkeep ----

function act.verify() assert(run(own.station:verify()).bad == 0) end
function act.scrub() assert(run(own.station:scrub({ share = 9 })).bad == 0) end
function act.rebuild() run(own.station:rebuild()) end
function act.index() run(own.station:index()) end
function act.sweep() run(own.station:sweep()) end

function act.salvage()
  local got = must(own.station:salvage(own.dir .. "/other"))
  assert(got.lost == 0)
end

-- ---- values ----

function act.decode() must(mahatta.decode(nested)) end
function act.encode() assert(mahatta.encode(deep) == nested) end

function act.values()
  local id = mahatta.id("x")
  local link = must(mahatta.link(id))
  assert(tostring(link) == id and link == mahatta.link(id))
  local bytes = mahatta.bytes("abc")
  assert(#bytes == 3 and tostring(bytes) == "abc")
  assert(mahatta.encode(mahatta.map()) == "\xa0")
  assert(mahatta.size("10M") == 10 << 20)
  assert(#mahatta.display("a\1b") > 2)
  assert(not pcall(mahatta.encode, { a = { b = { 1.5 } } }))
end

-- ---- the site's server ----

if has_http and has_socket then
  local server, client, closed

  before.http = function ()
    closed = false
    server = assert(http.listen({ handler = function (request)
      assert(request.headers.host == "h")
      return { status = 200, headers = { ["x-y"] = "z" }, body = { size = 8,
        read = function () return "abcd" end,
        close = function () closed = true end } }
    end, refuse = function () return false end,
      log = function (line) assert(type(line) == "string") end }))
    client = assert(socket.tcp())
    client:settimeout(0)
    client:connect("127.0.0.1", server:port())
    for _ = 1, 5 do server:step() end
    assert(client:send("POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
      .. "Content-Length: 2\r\nX-A: 1\r\nX-A: 2\r\n\r\nxy"))
  end

  function act.http()
    for _ = 1, 8 do
      server:step()
      server:timeout()
    end
  end

  after.http = function ()
    local answer = {}
    for _ = 1, 30 do
      server:step()
      local all, why, some = client:receive("*a")
      answer[#answer + 1] = all or some
      if why ~= "timeout" then break end
    end
    answer = table.concat(answer)
    assert(answer == "" or answer:find("^HTTP/1.1 500")
      or answer:find("^HTTP/1.1 200.*\r\n\r\n"), answer)
    assert(not answer:find("abcdabcd$") or closed, "a stream stays open")
    client:close()
    server:close()
  end
end

return acts
