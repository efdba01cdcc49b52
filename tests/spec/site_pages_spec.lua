-- SPDX-License-Identifier: 0BSD
local json = require "dkjson"
local mahatta = require "mahatta"
local support = require "support"
local url = require "mahatta.site.url"
local words = require "mahatta.site.words"
local web = require "site_support"

describe("the site's words", function ()
  it("are the same keys in every language, and none is empty", function ()
    for _, code in ipairs(words.CODES) do
      for key, phrase in pairs(words.en.say) do
        local here = words[code].say[key]
        assert.is_string(here, code .. " lacks " .. key)
        assert.is_truthy(here:find("%S"), code .. " " .. key)
        local holes, own = {}, {}
        for hole in phrase:gmatch("{(%w+)}") do holes[hole] = true end
        for hole in here:gmatch("{(%w+)}") do own[hole] = true end
        assert.same(holes, own, code .. " " .. key)
      end
      for key in pairs(words[code].say) do
        assert.is_string(words.en.say[key], "en lacks " .. key)
      end
    end
  end)

  it("are chosen as browsers ask", function ()
    local function of(header) return words.preferred(header) end
    assert.equal("ar", of(nil))
    assert.equal("ar", of("ar-IQ,ar;q=0.9,en;q=0.8"))
    assert.equal("en", of("de-DE,en-GB;q=0.7,ar;q=0.3"))
    assert.equal("ku", of("ku"))
    assert.equal("ku", of("kmr-TR"))
    assert.equal("ckb", of("ckb-IQ"))
    assert.equal("ckb", of("ku-Arab"))
    assert.equal("ar", of("zh,fr;q=0.5"))
    assert.equal("ar", of(("x"):rep(5000)))
    assert.equal("en", of("ar;q=0,en;q=0.1"))
  end)
end)

describe("the site's pages", function ()
  local site, lesson, dataset, label
  local NOW = 1700000000
  setup(function ()
    site = web.open({ clock = function () return NOW end })
    local station, dir = site.station, site.dir
    support.write(dir .. "/n.csv", "المدينة,n\nبغداد,3\n\"a,\"\"b\",4\n")
    support.write(dir .. "/p.txt", "plain words")
    lesson = assert(station:publish("edu/physics", { type = "lesson",
      title = { ar = "قوانين نيوتن", en = "Newton's laws" }, lang = "ar",
      text = { ar = "القوة تساوي الكتلة في التسارع", en = "Force is mass" },
      license = "CC-BY-4.0", tags = { "physics" }, key = "newton",
      source = "https://example.org/newton" }))
    dataset = assert(station:publish("data/iraq", { type = "dataset",
      title = "Cities", lang = "en", text = ("A line of text.\n"):rep(900),
      files = { { path = dir .. "/n.csv" }, { path = dir .. "/p.txt" } } }))
    label = assert(station:label(lesson, "verified"))
    for i = 1, 45 do
      assert(station:publish("many/things", { type = "idea",
        title = "Thing " .. i }, { time = NOW - i }))
    end
  end)
  teardown(function ()
    site:close()
    support.clean()
  end)

  local function decoded(text) return (json.decode(text)) end

  local function path_of(lang)
    return { "/" .. lang, "/" .. lang .. "/search?q=newton",
      "/" .. lang .. "/search", "/" .. lang .. "/collections",
      "/" .. lang .. "/c/edu/physics", "/" .. lang .. "/r/" .. lesson,
      "/" .. lang .. "/r/" .. dataset,
      "/" .. lang .. "/r/" .. dataset .. "/table/1",
      "/" .. lang .. "/by/" .. site.station:id(), "/" .. lang .. "/station",
      "/" .. lang .. "/take", "/" .. lang .. "/publish",
      "/" .. lang .. "/help" }
  end

  it("are there in every language, small and without anything inline",
    function ()
      for _, lang in ipairs(words.CODES) do
        for _, path in ipairs(path_of(lang)) do
          local body, response = site:get(path)
          assert.equal(200, response.status, path)
          assert.equal("text/html; charset=utf-8",
            response.headers["content-type"])
          assert.is_truthy(body:find(('<html lang="%s" dir="%s">'):format(
            words[lang].tag, words[lang].dir), 1, true), path)
          assert.is_true(#body <= 15000, path .. ": " .. #body)
          assert.is_nil(body:find("<style", 1, true), path)
          assert.is_nil(body:find(" style=", 1, true), path)
          assert.is_nil(body:find(" on%a+=", 1), path)
          for tag in body:gmatch("<script[^>]*>") do
            assert.is_truthy(tag:find(' src="/site.js?', 1, true)
              or tag:find('type="application/ld+json"', 1, true), tag)
          end
          assert.is_nil(body:find("{=", 1, true), path)
        end
      end
      assert.same({}, site.faults)
    end)

  it("weigh at most 50 kB at the first visit", function ()
    local total = 0
    for _, path in ipairs({ "/", "/site.css", "/icon.svg" }) do
      total = total + #site:get(path)
    end
    assert.is_true(total <= 50000, total)
  end)

  it("greet in the reader's language, and say so to caches", function ()
    local body, response = site:get("/", { ["accept-language"] = "ckb" })
    assert.is_truthy(body:find('lang="ckb" dir="rtl"', 1, true))
    assert.equal("Accept-Language", response.headers.vary)
    assert.is_truthy(site:get("/"):find('lang="ar"', 1, true))
  end)

  it("show what a record is, its labels above its text", function ()
    local body = site:get("/en/r/" .. lesson):match("<main.*")
    local at = {}
    for i, what in ipairs({ "Newton&#39;s laws", "verified",
        "Force is mass", "CC-BY-4.0", "How to cite it" }) do
      at[i] = assert(body:find(what, 1, true), what)
      assert.is_true(i == 1 or i == 2 or at[i] > at[i - 1], what)
    end
    assert.is_truthy(body:find('href="https://example.org/newton"', 1, true))
    assert.is_truthy(site:get("/ar/r/" .. lesson)
      :find("القوة تساوي الكتلة", 1, true))
    assert.is_truthy(body:find("no other station has told", 1, true))
  end)

  it("count the stations that have told of a copy", function ()
    local id = assert(site.station:publish("a/held", { type = "idea",
      title = "held" }))
    assert(site.station:publish("a/held", { type = "holdings", about = id }))
    assert.is_truthy(site:get("/en/r/" .. id):find("at <bdi>1</bdi>", 1, true)
      or site:get("/en/r/" .. id):find("at 1 other", 1, true))
  end)

  it("read a bounded number of what others say", function ()
    local id = assert(site.station:publish("a/flood", { type = "idea",
      title = "flooded", key = "f" }, { time = NOW - 5000 }))
    assert.equal(700, site.station:publish_all("a/flood", (function ()
      local n = 0
      return function ()
        n = n + 1
        if n > 700 then return nil end
        return { type = "label", value = "v" .. n, about = id }
      end
    end)()))
    assert.equal(700, #site.station:about(id))
    assert.equal(7, #site.station:about(id, { limit = 7 }))
    assert.equal(700, #site.station:about(id, { limit = 701 }))
    assert.equal(7, #site.station:labels(id, { limit = 7 }))
    assert.same(site.station:about(id)[1],
      site.station:about(id, { limit = 1 })[1])
    assert.equal(1, #site.station:history(id, { limit = 1 }))
    support.raises("limit", site.station.about, site.station, id,
      { limit = 0 })
    support.raises("unknown option", site.station.history, site.station, id,
      { most = 1 })
    local body, response = site:get("/en/r/" .. id)
    assert.equal(200, response.status)
    local _, n = body:gsub("<strong>", "")
    assert.is_true(n > 10 and n <= 60, n)
    assert.is_true(#body <= 15000, #body)
  end)

  it("lead from an old version to the newest, and back", function ()
    local one = assert(site.station:publish("a/v", { type = "idea", key = "k",
      title = "first" }, { time = NOW - 10 }))
    local two = assert(site.station:publish("a/v", { type = "idea", key = "k",
      title = "second" }, { time = NOW }))
    local old, new = site:get("/en/r/" .. one), site:get("/en/r/" .. two)
    assert.is_truthy(old:find("There is a newer version", 1, true))
    assert.is_truthy(old:find("/en/r/" .. two, 1, true))
    assert.is_nil(new:find("There is a newer version", 1, true))
    assert.is_truthy(new:find("/en/r/" .. one, 1, true))
  end)

  it("cut long texts, and show them whole when asked", function ()
    local short = site:get("/en/r/" .. dataset)
    local _, n = short:gsub("A line of text", "")
    assert.is_true(n < 450, n)
    assert.is_truthy(short:find("?full=1", 1, true))
    local whole = site:get("/en/r/" .. dataset .. "?full=1")
    _, n = whole:gsub("<p dir=\"auto\">A line of text", "")
    assert.equal(900, n)
  end)

  it("show the first rows of tables, and what the columns hold", function ()
    local body = site:get("/en/r/" .. dataset .. "/table/1")
    assert.is_truthy(body:find("<bdi>المدينة</bdi>", 1, true))
    assert.is_truthy(body:find("whole number", 1, true))
    assert.is_truthy(body:find(">a,&quot;b</td>", 1, true))
    local _, response = site:get("/en/r/" .. dataset .. "/table/2")
    assert.equal(404, response.status)
    _, response = site:get("/en/r/" .. dataset .. "/table/x")
    assert.equal(404, response.status)
  end)

  it("go on from page to page, each record once", function ()
    local path, seen, pages = "/en/c/many/things", {}, 0
    repeat
      local body = site:get(path)
      pages = pages + 1
      for title in body:gmatch("<bdi>(Thing %d+)</bdi></a>") do
        assert.is_nil(seen[title], title)
        seen[title] = true
      end
      path = body:match('rel="next" href="([^"]+)"')
      path = path and path:gsub("&amp;", "&")
    until not path
    assert.equal(3, pages)
    for i = 1, 45 do assert.is_true(seen["Thing " .. i], i) end
  end)

  it("go on in searches, too, and by author", function ()
    for _, start in ipairs({ "/en/search?q=thing",
        "/en/by/" .. site.station:id() }) do
      local path, seen, n = start, {}, 0
      repeat
        local body = site:get(path)
        for title in body:gmatch("<bdi>(Thing %d+)") do
          assert.is_nil(seen[title], title)
          seen[title], n = true, n + 1
        end
        for title in body:gmatch("<bdi><mark>(Thing)</mark> %d+") do
          assert.is_nil(title) -- titles carry no marks
        end
        path = body:match('rel="next" href="([^"]+)"')
        path = path and path:gsub("&amp;", "&")
      until not path
      assert.equal(45, n, start)
    end
  end)

  it("say of whom nothing is here, and how an author is named", function ()
    local own = site.station:id()
    local other <close> = support.station()
    for did, status in pairs({ [own] = 200, [other:id()] = 404 }) do
      local body, response = site:get("/en/by/" .. did)
      assert.equal(status, response.status)
      assert.is_truthy(body:find(did, 1, true))
      assert.equal(status == 404, body:find("Nothing by this author", 1, true)
        ~= nil)
      body, response = site:get("/api/1/author/" .. did)
      assert.equal(200, response.status)
      assert.equal(status == 200, #json.decode(body).items > 0)
    end
    local usual = site:get("/en/nothing")
    for _, did in ipairs({ own .. "a", own:sub(1, -2), own:sub(9),
        own:gsub("z6Mk", "z6Mj"), ("did:key:z6Mk"):rep(300) }) do
      local body, response = site:get("/en/by/" .. did)
      assert.same({ usual, 404 }, { body, response.status }, did)
      body, response = site:get("/api/1/author/" .. did)
      assert.same({ "ENOENT", 404 }, { json.decode(body).error.code,
        response.status }, did)
    end
  end)

  it("begin again where an address holds no place in them", function ()
    local first = site:get("/en/search?q=thing")
    for _, place in ipairs({ "p10", "zz", "d00", "%D9%85", ("a"):rep(900) }) do
      local body, response = site:get("/en/search?q=thing&after=" .. place)
      assert.equal(200, response.status)
      assert.equal(first:match("<bdi>(Thing %d+)"),
        body:match("<bdi>(Thing %d+)"), place)
    end
  end)

  it("narrow a search by what there is, one link at a time", function ()
    local function facets(path)
      return (site:get(path):match("<aside.-</aside>") or "")
        :gsub("&amp;", "&")
    end
    local all = facets("/en/search?q=thing")
    assert.is_truthy(all:find("many/things", 1, true))
    assert.is_truthy(all:find("Idea</a>", 1, true), all)
    local path = assert(all:match('href="([^"]*type=idea[^"]*)"'))
    local narrowed = facets(path)
    assert.is_truthy(narrowed:find('class="taken"', 1, true))
    assert.equal("/en/search?q=thing", narrowed:match(
      'class="taken" href="([^"]+)"'))
    assert.is_truthy(site:get("/en/search?q=thing&type=book"):find(
      "Nothing was found", 1, true))
    for query, count in pairs({ ["by=" .. site.station:id()] = 1,
        ["by=did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"] = 0,
        ["l=en"] = 1, ["l=ar"] = 1, ["l=fr"] = 0, ["year=2023"] = 1,
        ["year=1999"] = 0, ["files=1"] = 0, ["c=edu/physics"] = 1,
        ["c=no/such"] = 0, ["l=%22"] = 1, ["year=x"] = 1, ["by=x"] = 1 }) do
      local found = decoded(site:get("/api/1/search?q=force&" .. query))
      assert.equal(count, #found.items, query)
    end
    local cities = decoded(site:get("/api/1/search?q=cities&files=1"))
    assert.equal(dataset, cities.items[1].id)
    assert.equal(1, cities.total)
  end)

  it("tell of each condition how many it leaves", function ()
    local names = { collection = "c", type = "type", lang = "l",
      author = "by", year = "year", files = "files" }
    for _, q in ipairs({ "thing", "newton cities force bridge", "water" }) do
      local path = "/api/1/search?q=" .. url.encode(q)
      local whole, seen = decoded(site:get(path)), {}
      for _, facet in ipairs(whole.facets) do
        for _, one in ipairs(facet.values) do
          seen[facet.name] = true
          local left = decoded(site:get(path .. "&" .. names[facet.name] .. "="
            .. url.encode(one.value)))
          assert.equal(one.count, left.total, facet.name .. " " .. one.value)
        end
      end
      if q:find("cities") then
        for name in pairs(names) do assert.is_true(seen[name], name) end
      end
    end
  end)

  it("ask whether something else was meant", function ()
    local body = site:get("/en/search?q=fource&l=en")
    local link = body:match('Did you mean <a href="([^"]+)"')
    assert.is_string(link)
    assert.is_nil(link:find("lang", 1, true))
    assert.is_truthy(site:get((link:gsub("&amp;", "&"))):find(lesson, 1, true))
  end)

  it("mark what was found", function ()
    local body = site:get("/en/search?q=force")
    assert.is_truthy(body:find("<mark>Force</mark> is mass", 1, true))
    assert.is_truthy(site:get("/en/search?q=zzzz"):find("Nothing was found",
      1, true))
  end)

  it("are the same bytes for what is unknown, withdrawn, or not a page",
    function ()
      local gone = assert(site.station:publish("a/gone", { type = "idea",
        title = "gone" }))
      assert(site.station:withdraw(gone))
      local unknown = mahatta.id("unknown", "dag-cbor")
      local want, response = site:get("/en/r/" .. unknown)
      assert.equal(404, response.status)
      for _, path in ipairs({ "/en/r/" .. gone, "/en/nothing",
          "/en/r/x", "/en/c/no/such", "/en/by/did:key:z6Mkx",
          "/en/r/" .. gone .. "/table/1", "/en/r/" .. lesson .. "/x/y" }) do
        local body, other = site:get(path)
        assert.equal(want, body, path)
        assert.same(response.headers, other.headers, path)
      end
      local file = site:file("/f/" .. gone .. "/1/x")
      assert.equal(file, site:file("/f/" .. unknown .. "/1/x"))
      assert.equal(file, site:file("/f/" .. lesson .. "/1/x"))
      local told = site:get("/api/1/record/" .. gone)
      assert.equal(told, site:get("/api/1/record/" .. unknown))
      assert.equal(site:get("/ipfs/" .. gone .. "?format=raw"),
        site:get("/ipfs/" .. unknown .. "?format=raw"))
    end)

  it("say what is missing and how old that is", function ()
    local other = web.open({ clock = function () return NOW end })
    support.carry(site.station, other.station, { files = "none" })
    local body = other:get("/en/station")
    assert.is_truthy(body:find("a file", 1, true))
    assert.is_truthy(body:find("2023-11-14 22:13", 1, true))
    body = other:get("/en/r/" .. dataset .. "/table/1")
    assert.is_truthy(body:find("has not come to this station", 1, true))
    other:close()
  end)

  it("give a lasting address to style and script", function ()
    local body, response = site:get("/site.css")
    assert.is_truthy(body:find("prefers-color-scheme", 1, true))
    assert.equal("text/css; charset=utf-8", response.headers["content-type"])
    assert.is_truthy(response.headers["cache-control"]:find("immutable"))
  end)

  it("are made once, until something is written", function ()
    local made = 0
    local finder = require "mahatta.site.finder"
    local real = finder.find
    finder.find = function (...)
      made = made + 1
      return real(...)
    end
    local first = site:get("/en/search?q=freshly")
    assert.equal(first, (site:get("/en/search?q=freshly")))
    assert.equal(1, made)
    assert.is_truthy(first:find("Nothing was found", 1, true))
    assert(site.station:publish("a/fresh", { type = "idea",
      title = "freshly made" }))
    assert.is_truthy(site:get("/en/search?q=freshly"):find("freshly made", 1,
      true))
    assert.equal(2, made)
    site:get("/ar/search?q=freshly") -- another page
    assert.equal(3, made)
    finder.find = real
    local _, one = site:get("/en/help")
    one.headers["x-mine"] = "1" -- each answer's headers are its own
    local _, two = site:get("/en/help")
    assert.is_nil(two.headers["x-mine"])
  end)

  it("may be read only: then nothing asks for a code", function ()
    local other = web.open({ read_only = true })
    for _, path in ipairs({ "/en/publish", "/en/take" }) do
      local body = other:get(path)
      assert.is_nil(body:find("<script", 1, true), path)
      assert.is_truthy(body:find("station is only read", 1, true), path)
    end
    assert.is_nil(site:get("/en/r/" .. dataset):find("edit=x", 1, true))
    other:close()
  end)

  it("have a JSON face", function ()
    local index = decoded(site:get("/api/1"))
    assert.equal(1, index.version)
    assert.equal(site.station:id(), index.station)
    local one = decoded(site:get("/api/1/record/" .. lesson))
    assert.equal("edu/physics", one.collection)
    assert.equal("verified", one.labels[1].value)
    assert.equal(label, one.labels[1].id)
    local found = decoded(site:get("/api/1/search?q=force&lang=en"))
    assert.equal(lesson, found.items[1].id)
    assert.equal("\1Force\2 is mass", found.items[1].snippet)
    local seen, after = 0, ""
    repeat
      local page = decoded(site:get("/api/1/records?c=many/things&after="
        .. after))
      seen, after = seen + #page.items, page.next
    until not after
    assert.equal(45, seen)
    local read = decoded(site:get("/api/1/record/" .. dataset
      .. "/table/1"))
    assert.equal("integer", read.columns[2].kind)
    assert.equal("بغداد", read.rows[1][1])
    local history = decoded(site:get("/api/1/record/" .. lesson
      .. "/history"))
    assert.equal(lesson, history.items[1].id)
    local about = decoded(site:get("/api/1/record/" .. lesson
      .. "/about"))
    assert.equal("label", about.items[1].record.type)
    for _, path in ipairs({ "/api/1/nothing", "/api/1/record",
        "/api/1/record/x", "/api/1/record/" .. lesson .. "/nothing",
        "/api/1/author" }) do
      local body, response = site:get(path)
      assert.equal(404, response.status, path)
      assert.equal("ENOENT", json.decode(body).error.code)
    end
    local drafts, response = site:get("/api/1/drafts")
    assert.equal(403, response.status, drafts)
  end)
end)
