-- SPDX-License-Identifier: 0BSD
local support = require "support"

describe("search", function ()
  local station
  setup(function ()
    station = support.station({})
    local function put(collection, record)
      record.type = record.type or "lesson"
      assert(station:publish(collection, record))
    end
    put("edu/physics", { title = { ar = "قوانين نيوتن",
      en = "Newton's laws" }, text = { ar = "القوّةُ تساوي الكتلة في التسارع",
      en = "Force is mass times acceleration" } })
    put("edu/history", { title = "تأريخ الموصل", lang = "ar",
      text = "مدرسة في مدينة الموصل ١٩٥٨" })
    put("edu/kurdish", { title = "زمانی کوردی", lang = "ckb",
      text = "قوتابخانەکانی ھەولێر و سلێمانی" })
    put("edu/kurmanji", { title = "Dîroka Hewlêrê", lang = "kmr",
      text = "Şêx û çîrok li Silêmaniyê" })
    put("news/x", { type = "news", title = "Water and water again",
      text = "The water station of Basra. Café résumé." })
    put("news/x", { type = "news", title = "Other",
      text = ("padding words here "):rep(200) .. " needle "
        .. ("and more of them "):rep(200) })
  end)
  teardown(function ()
    station:close()
    support.clean()
  end)

  local function titles(query, options)
    local list = {}
    for hit in station:search(query, options) do
      list[#list + 1] = hit.title
    end
    return list
  end

  local function finds(title, query, options)
    local found = titles(query, options)
    for _, one in ipairs(found) do
      if one == title then return end
    end
    error(("%s finds %s, not %s"):format(query,
      table.concat(found, " | "), title))
  end

  it("folds what Arabic writes in several ways", function ()
    finds("قوانين نيوتن", "قوانين")
    finds("قوانين نيوتن", "قَوَانِيـن")
    finds("قوانين نيوتن", "القوة")
    finds("قوانين نيوتن", "القوه")
    finds("تأريخ الموصل", "تاريخ")
    finds("تأريخ الموصل", "مدرسه")
    finds("تأريخ الموصل", "1958")
    finds("تأريخ الموصل", "۱۹۵۸")
  end)

  it("folds Sorani letters and Arabic keyboards' forms", function ()
    finds("زمانی کوردی", "كوردي")
    finds("زمانی کوردی", "هەولێر")
    finds("زمانی کوردی", "سليماني")
  end)

  it("folds Latin letters of Kurmanji and others", function ()
    finds("Dîroka Hewlêrê", "diroka")
    finds("Dîroka Hewlêrê", "HEWLÊRÊ")
    finds("Dîroka Hewlêrê", "sex")
    finds("Water and water again", "cafe")
    finds("Water and water again", "RÉSUMÉ")
  end)

  it("shows title and snippet in the language asked for", function ()
    local hit = station:find("نيوتن", { lang = "en" })[1]
    assert.equal("Newton's laws", hit.title)
    assert.equal("en", hit.lang)
    hit = station:find("newton", { lang = "ar" })[1]
    assert.equal("قوانين نيوتن", hit.title)
    assert.equal("ar", hit.lang)
  end)

  it("shows where the words stand, marked", function ()
    local hit = station:find("needle")[1]
    assert.is_truthy(hit.snippet:find("«needle»", 1, true), hit.snippet)
    assert.is_true(#hit.snippet < 600)
    hit = station:find("needle", { mark = { "<b>", "</b>" } })[1]
    assert.is_truthy(hit.snippet:find("<b>needle</b>", 1, true))
    hit = station:find("القوه", { lang = "ar" })[1]
    assert.is_truthy(hit.snippet:find("«القوّةُ»", 1, true), hit.snippet)
  end)

  it("gives all that a hit is said to have", function ()
    local hit = station:find("water")[1]
    assert.equal("Water and water again", hit.title)
    assert.equal("news/x", hit.collection)
    assert.equal("news", hit.type)
    assert.equal(station:id(), hit.author)
    assert.is_true(math.type(hit.time) == "integer")
    assert.is_true(hit.score > 0)
    assert.equal(hit.id, station:get(hit.id).id)
  end)

  it("keeps to a collection and a type", function ()
    assert.same({}, titles("water", { collection = "edu/physics" }))
    assert.same({ "Water and water again" },
      titles("water", { collection = "news/x", type = "news" }))
    assert.same({}, titles("water", { type = "lesson" }))
    assert.same({}, titles("water", { type = "new" }))
  end)

  it("pages with limit and offset", function ()
    local all = station:find("water needle newton")
    assert.equal(3, #all)
    assert.is_true(all[1].score >= all[2].score)
    local paged = {}
    for i = 0, 2 do
      paged[i + 1] = station:find("water needle newton",
        { limit = 1, offset = i })[1].id
    end
    assert.same({ all[1].id, all[2].id, all[3].id }, paged)
    assert.same({}, station:find("water", { offset = 5 }))
  end)

  it("takes any text as a query", function ()
    for _, query in ipairs({ "", " ", "\"", "AND OR NOT", "a*", "-x", "()",
        "NEAR(a b)", "title:x", "'; drop table", "\0", "«»", "؟",
        ("x"):rep(10000), ("word "):rep(1000), "\u{202E}", "🙂" }) do
      assert.is_table(station:find(query))
    end
    assert.is_table(station:find("\xFF\xC3"))
  end)

  it("finds what is published a moment ago", function ()
    assert.same({}, titles("zebra"))
    assert(station:publish("news/x", { type = "news", title = "zebra" }))
    assert.same({ "zebra" }, titles("zebra"))
  end)

  it("may be put off and made up for", function ()
    local later = support.station({ index = "later" })
    assert(later:publish("c", { type = "a", title = "first" }))
    assert(later:publish("c", { type = "a", title = "put off" }))
    assert.same({}, later:find("off"))
    assert.is_true(later:stats().unindexed)
    local result = support.run(later:index())
    assert.equal(1, result.records)
    assert.equal(1, #later:find("off"))
    assert.is_false(later:stats().unindexed)
    later:close()
  end)

  it("only finds the current version", function ()
    assert(station:publish("v", { type = "a", key = "k", title = "aardvark" },
      { time = 100 }))
    assert(station:publish("v", { type = "a", key = "k", title = "quokka" },
      { time = 200 }))
    assert.same({}, titles("aardvark"))
    assert.same({ "quokka" }, titles("quokka"))
  end)

  it("reads what people know of queries", function ()
    local function count(query) return #station:find(query) end
    assert.equal(1, count('"mass times"'))
    assert.equal(0, count('"times mass"'))
    assert.equal(0, count("force -acceleration"))
    assert.equal(1, count("water type:news"))
    assert.equal(0, count("water type:lesson"))
    assert.equal(1, count("water collection:news/x -type:lesson"))
    assert.equal(0, count("water has:file"))
    assert.equal(0, count("water before:1990-01-01"))
    assert.equal(1, count("water after:1990-01-01"))
    assert.equal(1, count("water author:" .. station:id()))
    assert.equal(3, count("type:news lang:en"))
  end)

  it("tells what may have been meant", function ()
    local hits = station:find("acceleratoin forse")
    assert.equal("acceleration force", hits.meant)
    assert.equal("قوانين نيوتن", hits[1].title)
    assert.is_nil(station:find("acceleration").meant)
  end)

  it("suggests how a word may go on", function ()
    assert.same({ "the acceleration" }, station:suggest("the accel"))
    assert.same({}, station:suggest("accel "))
    assert.same({}, station:suggest(""))
    assert.is_true(#station:suggest("الم") > 0)
    assert.equal(1, #station:suggest("w", { limit = 1 }))
  end)

  it("counts what matches by what it is", function ()
    local tally = station:tally("water needle newton")
    assert.equal(3, tally.total)
    assert.same({ lesson = 1, news = 2 }, tally.type)
    assert.same({ ["edu/physics"] = 1, ["news/x"] = 2 }, tally.collection)
    assert.same({ [station:id()] = 3 }, tally.author)
    assert.same({ ar = 1, en = 3 }, tally.lang)
    assert.equal(0, tally.file)
    assert.equal(0, station:tally("zzqqxx").total)
  end)

  it("counts by year, in UTC, as its fields find them", function ()
    local of <close> = support.station({})
    local first = { ["1970"] = 0, ["2000"] = 951782400, ["2023"] = 1672531200,
      ["2024"] = 1704067200 }
    for year, time in pairs(first) do
      local n = year == "2000" and 1 or 2
      for i = 1, n do
        assert(of:publish("a/b", { type = "x", title = ("needle %s %d")
          :format(year, i) }, { time = time + i - 1 }))
      end
    end
    assert(of:publish("a/b", { type = "x", title = "needle last" },
      { time = first["2024"] - 1 }))
    local tally = of:tally("needle")
    assert.same({ ["1970"] = 2, ["2000"] = 1, ["2023"] = 3, ["2024"] = 2 },
      tally.year)
    for year, n in pairs(tally.year) do
      local hits = of:find(("needle after:%s-01-01 before:%d-01-01"):format(
        year, tonumber(year) + 1), {})
      assert.equal(n, #hits, year)
    end
  end)

  it("explains why", function ()
    local hit = station:find("mass times", { explain = true })[1]
    assert.equal(2, #hit.why)
    assert.equal("mass", hit.why[1].word)
    assert.is_true(hit.why[1].part > 0 and hit.why.beside > 0)
    local sum = hit.why.beside
    for _, w in ipairs(hit.why) do sum = sum + w.part end
    sum = sum * hit.why.newer * hit.why.held * hit.why.labels
    assert.is_true(math.abs(sum - hit.score) < 1e-6)
    assert.is_nil(station:find("mass")[1].why)
  end)

  it("pages by cursor, each hit once", function ()
    local many = support.station({})
    local publisher = assert(many:publisher("c"))
    for i = 1, 150 do
      assert(publisher:add({ type = "a", title = "common " .. i,
        text = i % 3 == 0 and "rare" or "" }))
    end
    assert(publisher:commit())
    publisher:close()
    local seen, n, cursor = {}, 0, nil
    repeat
      local hits = assert(many:find("common rare", { limit = 7,
        cursor = cursor }))
      for _, hit in ipairs(hits) do
        assert.is_nil(seen[hit.id])
        seen[hit.id] = true
        n = n + 1
      end
      cursor = hits.next
    until not cursor
    assert.equal(150, n)
    local _, message, code = many:find("common", { cursor = "nonsense" })
    assert.equal("EINVALID", code, message)
    many:close()
  end)

  it("hears the labels of those who are trusted", function ()
    local mine, theirs = support.station({}), support.station({})
    local first = assert(mine:publish("c", { type = "a", title = "plum" }))
    assert(mine:publish("c", { type = "a", title = "plum tart" }))
    assert(mine:label(first, "spam"))
    local me = mine:id()
    assert.equal(2, #mine:find("plum"))
    assert.equal(2, #mine:find("plum", { trust = { theirs:id() } }))
    assert.equal("plum tart", mine:find("plum", { trust = { me } })[1].title)
    assert.equal(1, #mine:find("plum", { trust = { me } }))
    assert(mine:label(first, "spam", { negated = true }))
    assert(mine:label(first, "wrong"))
    local hits = mine:find("plum", { trust = { me }, explain = true })
    assert.equal(2, #hits)
    assert.equal("plum tart", hits[1].title)
    assert.equal(0.5, hits[2].why.labels)
    mine:close()
    theirs:close()
  end)

  it("hears them however much others say about it", function ()
    local mine, theirs = support.station({}), support.station({})
    local bad = assert(theirs:publish("c", { type = "a", title = "plum" }))
    support.carry(theirs, mine)
    assert(mine:label(bad, "abuse"))
    for i = 1, 40 do
      assert(theirs:publish("c", { type = "comment", n = i,
        about = require "mahatta".link(bad) }, { time = os.time() + 3600 + i }))
    end
    support.carry(theirs, mine)
    assert.equal(40, #mine:about(bad, { limit = 40 }))
    for _ = 1, 2 do
      assert.equal(1, #mine:find("plum", { trust = { theirs:id() } }))
      assert.equal(0, #mine:find("plum", { trust = { mine:id() } }))
      support.run(mine:rebuild())
    end
    mine:close()
    theirs:close()
  end)
end)
